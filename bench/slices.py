"""A CT of any number of slices with the pixels of a real one: how real noise compresses is what the bench is about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import data_store
import numpy as np
import pydicom
from pydicom.uid import UID, generate_uid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

#: 512 x 512, 14 bits, from pydicom-data.
_REAL = "693_UNCI.dcm"


def write_slices(directory: Path, count: int, seed: int) -> str:
    """Files in `directory`; the UID of their study. Each slice is the real one, moved round by some pixels."""
    directory.mkdir(parents=True, exist_ok=True)
    data_set = pydicom.dcmread(next((Path(data_store.__file__).parent / "data").rglob(_REAL)))
    random = np.random.default_rng(seed)
    cells = np.frombuffer(data_set.PixelData, "<i2").reshape(data_set.Rows, data_set.Columns)
    _belongs(data_set, seed)
    for number in range(count):
        data_set.PixelData = np.roll(cells, random.integers(-20, 20, 2), (0, 1)).tobytes()
        data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = _uid(seed, "slice", number)
        data_set.InstanceNumber = number + 1
        data_set.ImagePositionPatient = [-250, -250, 0.625 * number]
        data_set.save_as(directory / f"{number:05d}")
    return str(data_set.StudyInstanceUID)


def _belongs(data_set: Dataset, seed: int) -> None:
    """To a patient and a study of its own."""
    data_set.PatientName, data_set.PatientID = f"Bench^{seed}", f"BENCH{seed}"
    data_set.StudyInstanceUID, data_set.SeriesInstanceUID = _uid(seed, "study"), _uid(seed, "series")
    data_set.StudyDate, data_set.AccessionNumber = "20260102", f"B{seed}"
    data_set.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]


def _uid(*parts: object) -> UID:
    return generate_uid(entropy_srcs=["carrierbag bench", *map(str, parts)])

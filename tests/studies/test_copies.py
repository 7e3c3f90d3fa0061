from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from pydicom.data import get_testdata_file

from config.state import FieldCipher
from studies.model import StudyQuery
from studies.sources.folder import FolderSource

if TYPE_CHECKING:
    from pathlib import Path

#: One SOP Instance UID in three encodings.
ENCODINGS = ("MR_small.dcm", "MR_small_RLE.dcm", "MR_small_bigendian.dcm")


async def test_files_with_other_bytes_under_one_sop_instance_uid_are_all_kept(tmp_path: Path) -> None:
    folder = tmp_path / "studies"
    folder.mkdir()
    for name in ENCODINGS:
        shutil.copy(str(get_testdata_file(name)), folder / name)
    shutil.copy(str(get_testdata_file(ENCODINGS[0])), folder / "the_same_again.dcm")
    source = FolderSource("here", folder, tmp_path / "index.db", FieldCipher(bytes(32)))
    await source.open()
    [study] = await source.find(StudyQuery())
    assert len({one.sop_instance_uid for one in study.instances}) == 1
    assert len({one.key for one in study.instances}) == len(ENCODINGS)
    fetched = [path.read_bytes() async for _, path in source.fetch(study.instances)]
    assert sorted(fetched) == sorted((folder / name).read_bytes() for name in ENCODINGS)
    await source.close()

"""A right ankle in three views, with a fracture of the fibula that one can miss: DX for presentation (PS3.3 A.26)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom.uid import DigitalXRayImageStorageForPresentation

from studies.synthetic.anatomy import VIEWS
from studies.synthetic.objects import begin, code, describe_pixels, number_instance, write
from studies.synthetic.radiograph import MAXIMUM, PIXEL_SPACING, expose
from studies.synthetic.subject import SubjectOptions, subject

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Unpack

    from pydicom.dataset import Dataset

    from studies.synthetic.anatomy import View
    from studies.synthetic.subject import Subject


def write_ankle(directory: Path, *, seed: int = 0, **options: Unpack[SubjectOptions]) -> list[Path]:
    """Three files, AP, mortise and lateral, each a series of its own, 12 bit, 2496 x 2048 pixels of 0.1 mm.

    Made anew from the same seed and options they are the same to the byte.
    """
    directory.mkdir(parents=True, exist_ok=True)
    whose = subject("DX", seed, options)
    pictures = expose(VIEWS, np.random.default_rng(seed))
    paths = []
    for number, (view, pixels) in enumerate(zip(VIEWS, pictures, strict=True), 1):
        dataset = _described(view, whose, number)
        describe_pixels(dataset, pixels.shape, 12)
        paths.append(write(dataset, pixels, directory / f"ankle-{number}-{view.name.lower()}.dcm"))
    return paths


def _described(view: View, whose: Subject, series: int) -> Dataset:
    dataset = begin(DigitalXRayImageStorageForPresentation, whose, "DX", series, f"Right ankle {view.name}")
    dataset.StudyDescription = "XR Ankle Rt"
    number_instance(dataset, whose, series, 1)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", ""]
    _anatomy(dataset, view)
    _detector(dataset)
    _presentation(dataset)
    return dataset


def _anatomy(dataset: Dataset, view: View) -> None:
    """DX Anatomy Imaged, DX Positioning (PS3.3 C.8.11.2, C.8.11.5)."""
    dataset.BodyPartExamined = "ANKLE"
    dataset.AnatomicRegionSequence = [code("70258002", "Ankle joint")]
    dataset.ImageLaterality = "R"
    dataset.ViewPosition = view.position
    dataset.ViewCodeSequence = [code(*view.code)]
    dataset.ViewCodeSequence[0].ViewModifierCodeSequence = []
    dataset.PatientOrientation = list(view.orientation)
    dataset.PositionerType = "NONE"
    dataset.AcquisitionContextSequence = []


def _detector(dataset: Dataset) -> None:
    """DX Detector and exposure (PS3.3 C.8.11.4, C.8.7.8)."""
    dataset.DetectorType = "DIRECT"
    dataset.DetectorID = "SYN-1"
    dataset.ImagerPixelSpacing = dataset.PixelSpacing = [PIXEL_SPACING, PIXEL_SPACING]
    dataset.KVP = 55
    dataset.Exposure = 2
    dataset.DistanceSourceToDetector = 1100


def _presentation(dataset: Dataset) -> None:
    """DX Image and VOI LUT: values are ready to be shown, bright for bone (PS3.3 C.8.11.3)."""
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.PixelIntensityRelationship = "LOG"
    dataset.PixelIntensityRelationshipSign = -1
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = 0, 1, "US"
    dataset.PresentationLUTShape = "IDENTITY"
    dataset.LossyImageCompression = "00"
    dataset.BurnedInAnnotation = "NO"
    dataset.WindowCenter, dataset.WindowWidth = 1750, 3100
    dataset.WindowCenterWidthExplanation = "BONE"
    dataset.SmallestImagePixelValue, dataset.LargestImagePixelValue = 0, MAXIMUM

"""What a scale bar may claim (PS3.3 10.7.1.3). Guards the hazard that an implant is measured at the wrong size."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset

from rendering.annotate import bar
from rendering.spacing import Plane, Spacing, aspect, spacing


def header(modality: str = "DX", **attributes: Any) -> Dataset:
    ds = Dataset()
    ds.Modality = modality
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


PIXEL, IMAGER, FILM = "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"
FACTOR, CALIBRATION = "EstimatedRadiographicMagnificationFactor", "PixelSpacingCalibrationType"


@pytest.mark.parametrize(
    ("modality", "attributes", "expected"),
    [
        ("CT", {PIXEL: [0.7, 0.7]}, Spacing(0.7, 0.7, Plane.PATIENT)),
        ("MR", {PIXEL: [0.5, 0.7]}, Spacing(0.5, 0.7, Plane.PATIENT)),
        ("DX", {IMAGER: [0.15, 0.15]}, Spacing(0.15, 0.15, Plane.DETECTOR)),
        ("CR", {PIXEL: [0.15, 0.15]}, Spacing(0.15, 0.15, Plane.DETECTOR)),
        ("DX", {PIXEL: [0.15, 0.15], IMAGER: [0.15, 0.15]}, Spacing(0.15, 0.15, Plane.DETECTOR)),
        ("DX", {PIXEL: [0.13, 0.13], IMAGER: [0.15, 0.15]}, Spacing(0.13, 0.13, Plane.CALIBRATED)),
        ("DX", {PIXEL: [0.1, 0.1], IMAGER: [0.1, 0.1], CALIBRATION: "FIDUCIAL"}, Spacing(0.1, 0.1, Plane.CALIBRATED)),
        ("DX", {PIXEL: [0.13, 0.13], CALIBRATION: "GEOMETRY"}, Spacing(0.13, 0.13, Plane.CALIBRATED)),
        ("MG", {IMAGER: [0.11, 0.11], FACTOR: 1.1}, Spacing(0.11 / 1.1, 0.11 / 1.1, Plane.ESTIMATED)),
        ("DX", {PIXEL: [0.15, 0.15], FACTOR: 1.5}, Spacing(0.15 / 1.5, 0.15 / 1.5, Plane.ESTIMATED)),
        ("DX", {PIXEL: [0.13, 0.13], IMAGER: [0.15, 0.15], FACTOR: 1.2}, Spacing(0.13, 0.13, Plane.CALIBRATED)),
        ("DX", {IMAGER: [0.15, 0.15], FACTOR: 1.0}, Spacing(0.15, 0.15, Plane.DETECTOR)),
        ("DX", {IMAGER: [0.15, 0.15], FACTOR: 0.0}, Spacing(0.15, 0.15, Plane.DETECTOR)),
        ("DX", {IMAGER: [0.15, 0.15], FACTOR: 250}, Spacing(0.15, 0.15, Plane.DETECTOR)),
        ("OT", {FILM: [0.2, 0.2]}, Spacing(0.2, 0.2, Plane.FILM)),
        ("XA", {PIXEL: [0.3, 0.3], IMAGER: [0.4, 0.4]}, Spacing(0.3, 0.3, Plane.CALIBRATED)),
        ("DX", {PIXEL: [0, 0]}, None),
        ("DX", {PIXEL: [0.15]}, None),
        ("DX", {PIXEL: [float("inf"), 1]}, None),
        ("DX", {PIXEL: ""}, None),
        ("OT", {}, None),
    ],
)  # fmt: skip
def test_the_bar_says_where_its_length_was_measured(
    modality: str, attributes: dict[str, Any], expected: Spacing | None
) -> None:
    assert spacing(header(modality, **attributes), 0) == expected


@pytest.mark.parametrize(
    ("plane", "text"),
    [
        (Plane.PATIENT, "5 cm"),
        (Plane.DETECTOR, "5 cm at detector"),
        (Plane.CALIBRATED, "5 cm calibrated"),
        (Plane.ESTIMATED, "5 cm estimated"),
        (Plane.FILM, "5 cm on film"),
    ],
)
def test_the_bar_says_it_in_words(plane: Plane, text: str) -> None:
    found = bar(Spacing(0.15, 0.15, plane), 2048)
    assert found is not None
    assert found.text == text


def group(sequence: str, **attributes: Any) -> Dataset:
    item = Dataset()
    setattr(item, sequence, [header("", **attributes)])
    return item


def test_enhanced_objects_say_it_frame_by_frame() -> None:
    frames = [group("PixelMeasuresSequence", PixelSpacing=[0.5 + place, 0.5]) for place in range(2)]
    ct = header("CT", PerFrameFunctionalGroupsSequence=frames)
    assert spacing(ct, 1) == Spacing(1.5, 0.5)


def test_an_enhanced_angiogram_has_a_detector_and_perhaps_a_calibration() -> None:
    detector = group("FramePixelDataPropertiesSequence", ImagerPixelSpacing=[0.2, 0.2])
    xa = header("XA", SharedFunctionalGroupsSequence=[detector])
    assert spacing(xa, 0) == Spacing(0.2, 0.2, Plane.DETECTOR)
    calibrated = group("ProjectionPixelCalibrationSequence", ObjectPixelSpacingInCenterOfBeam=[0.15, 0.15])
    xa.PerFrameFunctionalGroupsSequence = [calibrated]
    assert spacing(xa, 0) == Spacing(0.15, 0.15, Plane.CALIBRATED)


def region(delta: float, *, units: int = 3, spatial: int = 1) -> Dataset:
    return header(
        "",
        PhysicalUnitsXDirection=units,
        PhysicalUnitsYDirection=units,
        PhysicalDeltaX=delta,
        PhysicalDeltaY=-delta,
        RegionSpatialFormat=spatial,
    )


@pytest.mark.parametrize(
    ("regions", "expected"),
    [
        ([region(0.05)], Spacing(0.5, 0.5)),
        ([region(0.05), region(0.05)], Spacing(0.5, 0.5)),
        ([region(0.05), region(0.07)], None),
        ([region(0.05), region(0.05, units=4, spatial=3)], None),
        ([region(0.05, spatial=2)], None),
        ([region(0.0)], None),
        ([], None),
    ],
    ids=["one plane", "two of the same scale", "two scales", "a spectrum beside it", "motion mode", "nothing", "none"],
)
def test_ultrasound_has_a_bar_where_it_holds_for_the_whole_picture(
    regions: list[Dataset], expected: Spacing | None
) -> None:
    assert spacing(header("US", SequenceOfUltrasoundRegions=regions), 0) == expected


@pytest.mark.parametrize(
    ("attributes", "ratio"),
    [
        ({"PixelSpacing": [1.0, 0.5]}, 2.0),
        ({"PixelAspectRatio": [4, 3]}, 4 / 3),
        ({"PixelSpacing": [1.0, 1.0], "PixelAspectRatio": [4, 3]}, 1.0),
        ({"PixelAspectRatio": [1, 0]}, 1.0),
        ({"PixelAspectRatio": [900, 1]}, 1.0),
        ({}, 1.0),
    ],
)
def test_the_shape_of_a_pixel(attributes: dict[str, Any], ratio: float) -> None:
    ds = header("OT", **attributes)
    assert aspect(ds, spacing(ds, 0)) == pytest.approx(ratio)

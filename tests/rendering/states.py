"""Presentation states exactly as a test says, complete enough for dcmtk."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, GrayscaleSoftcopyPresentationStateStorage, generate_uid


def of(**attributes: Any) -> Dataset:
    """A data set with these attributes."""
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def make_state(image: Dataset, **attributes: Any) -> Dataset:
    """A GSPS about `image`; without `attributes` it shows the whole image as it is."""
    image.setdefault("StudyInstanceUID", generate_uid())
    image.setdefault("SeriesInstanceUID", generate_uid())
    reference = of(ReferencedSOPClassUID=image.SOPClassUID, ReferencedSOPInstanceUID=image.SOPInstanceUID)
    state = of(
        SOPClassUID=GrayscaleSoftcopyPresentationStateStorage, SOPInstanceUID=generate_uid(), Modality="PR",
        StudyInstanceUID=image.StudyInstanceUID, SeriesInstanceUID=generate_uid(), SeriesNumber=9, InstanceNumber=1,
        PatientName="TEST", PatientID="1", PatientBirthDate="", PatientSex="", StudyDate="", StudyTime="", StudyID="",
        AccessionNumber="", ReferringPhysicianName="", Manufacturer="",
        ContentLabel="TEST", ContentDescription="", ContentCreatorName="",
        PresentationCreationDate="20260302", PresentationCreationTime="101500", PresentationLUTShape="IDENTITY",
        ReferencedSeriesSequence=[
            of(SeriesInstanceUID=image.SeriesInstanceUID, ReferencedImageSequence=[reference])
        ],
        DisplayedAreaSelectionSequence=[area(1, 1, image.Columns, image.Rows)],
    )  # fmt: skip
    for keyword, value in attributes.items():
        setattr(state, keyword, value)
    state.file_meta = FileMetaDataset()
    state.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return state


def area(left: int, top: int, right: int, bottom: int, **more: Any) -> Dataset:
    """An item of the Displayed Area Selection Sequence: corners as column and row from 1."""
    given = {"PresentationSizeMode": "SCALE TO FIT", "PresentationPixelAspectRatio": [1, 1], **more}
    corners = {"DisplayedAreaTopLeftHandCorner": [left, top], "DisplayedAreaBottomRightHandCorner": [right, bottom]}
    return of(**corners, **given)


def window(centre: float, width: float, **more: Any) -> Dataset:
    """An item of the Softcopy VOI LUT Sequence."""
    return of(WindowCenter=centre, WindowWidth=width, **more)


def graphic(kind: str, *points: float, units: str = "PIXEL", filled: bool = False) -> Dataset:
    """An item of the Graphic Object Sequence."""
    return of(
        GraphicAnnotationUnits=units, GraphicDimensions=2, NumberOfGraphicPoints=len(points) // 2,
        GraphicData=list(points), GraphicType=kind, GraphicFilled="Y" if filled else "N",
    )  # fmt: skip


def text(words: str, *box: float, units: str = "PIXEL", anchor: tuple[float, float] | None = None) -> Dataset:
    """An item of the Text Object Sequence, in a box or at an anchor."""
    item = of(UnformattedTextValue=words)
    if box:
        item.BoundingBoxAnnotationUnits, item.BoundingBoxTextHorizontalJustification = units, "LEFT"
        item.BoundingBoxTopLeftHandCorner, item.BoundingBoxBottomRightHandCorner = list(box[:2]), list(box[2:])
    if anchor:
        item.AnchorPointAnnotationUnits, item.AnchorPoint, item.AnchorPointVisibility = units, list(anchor), "Y"
    return item


def annotation(*, layer: str = "MARKS", graphics: list[Dataset] | None = None, texts: Any = None) -> Dataset:
    """An item of the Graphic Annotation Sequence."""
    item = of(GraphicLayer=layer)
    if graphics:
        item.GraphicObjectSequence = graphics
    if texts:
        item.TextObjectSequence = texts
    return item

"""What a reporting radiologist leaves beside the synthetic ankle: marks on the mortise view, and the choice of it.

A Grayscale Softcopy Presentation State (PS3.3 A.33.1) and a Key Object Selection Document (A.35.4). Made from the same
seed and options as the ankle they belong to the same study.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
)

from studies.synthetic.objects import begin, code, item, number_instance, save
from studies.synthetic.radiograph import COLUMNS, ROWS
from studies.synthetic.subject import subject

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Unpack

    from pydicom.dataset import Dataset

    from studies.synthetic.subject import Subject, SubjectOptions

#: Series of the study: 1 to 3 are the views.
_STATE, _SELECTION = 4, 5
#: The mortise view.
_MARKED = 2
_LAYER = "FINDINGS"


def write_marks(directory: Path, *, seed: int = 0, **options: Unpack[SubjectOptions]) -> Path:
    """A presentation state of the mortise view: a bone window, an ellipse around the fracture, an arrow and words."""
    whose = subject("DX", seed, options)
    dataset = begin(GrayscaleSoftcopyPresentationStateStorage, whose, "PR", _STATE, "Marks")
    number_instance(dataset, whose, _STATE, 1)
    dataset.Laterality = ""
    dataset.ContentLabel, dataset.ContentDescription, dataset.ContentCreatorName = "AS READ", "", ""
    dataset.PresentationCreationDate, dataset.PresentationCreationTime = dataset.ContentDate, dataset.ContentTime
    reference = item(SeriesInstanceUID=whose.uid("series", _MARKED), ReferencedImageSequence=[_image(whose, _MARKED)])
    dataset.ReferencedSeriesSequence = [reference]
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = 0, 1, "US"
    dataset.SoftcopyVOILUTSequence = [item(WindowCenter=1900, WindowWidth=2600)]
    dataset.PresentationLUTShape = "IDENTITY"
    dataset.DisplayedAreaSelectionSequence = [_everything()]
    dataset.GraphicLayerSequence = [item(GraphicLayer=_LAYER, GraphicLayerOrder=1)]
    dataset.GraphicAnnotationSequence = [_annotation()]
    return _saved(dataset, directory, "marks")


def write_selection(directory: Path, *, seed: int = 0, **options: Unpack[SubjectOptions]) -> Path:
    """A key object selection for the referring provider: the mortise view, then the lateral one, and a sentence."""
    whose = subject("DX", seed, options)
    dataset = begin(KeyObjectSelectionDocumentStorage, whose, "KO", _SELECTION, "Key images")
    number_instance(dataset, whose, _SELECTION, 1)
    dataset.ReferencedPerformedProcedureStepSequence = []
    title = code("113002", "For Referring Provider", "DCM")
    images = [_image(whose, number) for number in (_MARKED, 3)]
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.ConceptNameCodeSequence = [title]
    dataset.ContentTemplateSequence = [item(MappingResource="DCMR", TemplateIdentifier="2010")]
    dataset.ContentSequence = [_sentence(), *map(_selected, images)]
    dataset.CurrentRequestedProcedureEvidenceSequence = [
        item(
            StudyInstanceUID=whose.study_instance_uid,
            ReferencedSeriesSequence=[
                item(SeriesInstanceUID=whose.uid("series", number), ReferencedSOPSequence=[_image(whose, number)])
                for number in (_MARKED, 3)
            ],
        )
    ]
    return _saved(dataset, directory, "selection")


def _image(whose: Subject, number: int) -> Dataset:
    """A reference to one view of the ankle: each is the first instance of its series."""
    return item(
        ReferencedSOPClassUID=DigitalXRayImageStorageForPresentation,
        ReferencedSOPInstanceUID=whose.uid("instance", number, 1),
    )


def _everything() -> Dataset:
    return item(
        DisplayedAreaTopLeftHandCorner=[1, 1],
        DisplayedAreaBottomRightHandCorner=[COLUMNS, ROWS],
        PresentationSizeMode="SCALE TO FIT",
        PresentationPixelAspectRatio=[1, 1],
    )


def _annotation() -> Dataset:
    ellipse = _graphic("ELLIPSE", 560, 1240, 860, 1500, 660, 1450, 760, 1290)
    arrow = _graphic("POLYLINE", 330, 1000, 570, 1220, 500, 1215, 570, 1220, 565, 1150)
    words = item(
        BoundingBoxAnnotationUnits="PIXEL",
        UnformattedTextValue="Weber B?",
        BoundingBoxTopLeftHandCorner=[120.0, 890.0],
        BoundingBoxBottomRightHandCorner=[560.0, 990.0],
        BoundingBoxTextHorizontalJustification="LEFT",
    )
    return item(GraphicLayer=_LAYER, TextObjectSequence=[words], GraphicObjectSequence=[ellipse, arrow])


def _graphic(kind: str, *points: float) -> Dataset:
    made = item(
        GraphicAnnotationUnits="PIXEL",
        GraphicDimensions=2,
        NumberOfGraphicPoints=len(points) // 2,
        GraphicData=list(map(float, points)),
        GraphicType=kind,
    )
    if kind == "ELLIPSE":
        made.GraphicFilled = "N"
    return made


def _sentence() -> Dataset:
    return item(
        RelationshipType="CONTAINS",
        ValueType="TEXT",
        ConceptNameCodeSequence=[code("113012", "Key Object Description", "DCM")],
        TextValue="Oblique lucency of the distal fibula at the level of the syndesmosis.",
    )


def _selected(image: Dataset) -> Dataset:
    return item(RelationshipType="CONTAINS", ValueType="IMAGE", ReferencedSOPSequence=[image])


def _saved(dataset: Dataset, directory: Path, name: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return save(dataset, directory / f"ankle-{name}.dcm")

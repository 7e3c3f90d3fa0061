"""The report of the synthetic ankle as a Basic Text SR (PS3.3 A.35.1), and a clinic letter as a PDF (A.45.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.uid import BasicTextSRStorage, EncapsulatedPDFStorage

from studies.synthetic.objects import begin, code, item, number_instance, save
from studies.synthetic.subject import subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Unpack

    from pydicom.dataset import Dataset

    from studies.synthetic.subject import SubjectOptions

#: Series of the study.
_REPORT, _LETTER = 6, 7

FINDINGS = (
    "Oblique, minimally displaced fracture of the distal fibula, beginning at the level of the syndesmosis and rising "
    "posteriorly. The tibiofibular clear space measures 5 mm. No widening of the medial clear space on the mortise "
    "view. The talar dome is intact. Soft tissue swelling over the lateral malleolus."
)
CONCLUSION = "Weber B fracture of the right fibula. No sign of talar shift; a weight-bearing view will tell."
LETTER = (
    ("Fracture clinic: referral", 20),
    ("Fell from a kerb this morning, cannot bear weight.", 12),
    ("Tender over the lateral malleolus, none medially. Skin intact, no neurovascular deficit.", 12),
    ("In a below-knee backslab, non-weight-bearing, elevated. Last meal 08:00.", 12),
    ("Question: conservative in a boot, or fixation?", 12),
)


def write_report(directory: Path, *, seed: int = 0, **options: Unpack[SubjectOptions]) -> Path:
    """A verified radiology report with findings and conclusion (PS3.16 TID 2000)."""
    whose = subject("DX", seed, options)
    dataset = begin(BasicTextSRStorage, whose, "SR", _REPORT, "Report")
    number_instance(dataset, whose, _REPORT, 1)
    dataset.ReferencedPerformedProcedureStepSequence = dataset.PerformedProcedureCodeSequence = []
    dataset.CompletionFlag, dataset.VerificationFlag = "COMPLETE", "VERIFIED"
    dataset.VerifyingObserverSequence = [
        item(
            VerifyingObserverName="Examplar^Rhea",
            VerifyingObserverIdentificationCodeSequence=[],
            VerifyingOrganization="Synthetic Hospital",
            VerificationDateTime=dataset.ContentDate + dataset.ContentTime,
        )
    ]
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.ConceptNameCodeSequence = [code("18748-4", "Diagnostic imaging report", "LN")]
    dataset.ContentTemplateSequence = [item(MappingResource="DCMR", TemplateIdentifier="2000")]
    dataset.ContentSequence = [
        _section(("121070", "Findings"), ("121071", "Finding"), FINDINGS),
        _section(("121076", "Conclusions"), ("121077", "Conclusion"), CONCLUSION),
    ]
    return _saved(dataset, directory, "report")


def write_document(directory: Path, *, seed: int = 0, **options: Unpack[SubjectOptions]) -> Path:
    """A clinic letter of one page."""
    whose = subject("DX", seed, options)
    dataset = begin(EncapsulatedPDFStorage, whose, "DOC", _LETTER, "Letter")
    number_instance(dataset, whose, _LETTER, 1)
    dataset.ConversionType, dataset.BurnedInAnnotation = "WSD", "NO"
    dataset.DocumentTitle, dataset.ConceptNameCodeSequence = "Referral", []
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.AcquisitionDateTime = dataset.ContentDate + dataset.ContentTime
    data = pdf(LETTER)
    dataset.EncapsulatedDocumentLength = len(data)
    dataset.EncapsulatedDocument = data + b"\0" * (len(data) % 2)
    return _saved(dataset, directory, "letter")


def pdf(lines: Sequence[tuple[str, int]]) -> bytes:
    """A PDF of one A4 page with lines of ASCII text, each with its size in points (ISO 32000-1, 7.5)."""
    text = "\n".join(_set(lines))
    font = "/Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << {font} >> >>",
        f"<< /Length {len(text)} >>\nstream\n{text}\nendstream",
    ]
    body, places = "%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{one}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    head = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
    trailer = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return (body + head + trailer).encode("ascii")


def _set(lines: Sequence[tuple[str, int]]) -> Iterator[str]:
    down = 780
    for line, size in lines:
        yield f"BT /F {size} Tf 60 {down} Td ({line}) Tj ET"
        down -= 2 * size


def _section(heading: tuple[str, str], name: tuple[str, str], text: str) -> Dataset:
    told = item(
        RelationshipType="CONTAINS", ValueType="TEXT", ConceptNameCodeSequence=[code(*name, "DCM")], TextValue=text
    )
    return item(
        RelationshipType="CONTAINS",
        ValueType="CONTAINER",
        ContinuityOfContent="SEPARATE",
        ConceptNameCodeSequence=[code(*heading, "DCM")],
        ContentSequence=[told],
    )


def _saved(dataset: Dataset, directory: Path, name: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return save(dataset, directory / f"ankle-{name}.dcm")

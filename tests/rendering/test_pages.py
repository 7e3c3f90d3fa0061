"""Pages of what has no pixels: reports, PDFs, ECGs. What they say is all there, within bounds, and reads on a phone."""

from __future__ import annotations

import contextlib
import datetime
from typing import TYPE_CHECKING, Any

import highdicom as hd
import numpy as np
import pydicom
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.filewriter import dcmwrite

from rendering import ecg, page, report
from rendering.documents import MOST_DOCUMENTS, pages
from rendering.documents import page as document_page
from rendering.errors import NO_PAGE, CannotShow
from rendering.page import HEIGHT, MOST_PAGES, WIDTH, Block, laid_out
from rendering.pdf import pdf
from rendering.preview import PreviewPlan, Tile, render
from studies.model import Instance, Series, Study
from studies.synthetic import documents as letters
from studies.synthetic import write_document, write_ecg, write_report
from tests.rendering.states import of

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image
    from pydicom.dataset import Dataset

TEXT_SR, PDF, ECG = "1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.104.1", "1.2.840.10008.5.1.4.1.1.9.1.1"


def code(value: str, meaning: str) -> Dataset:
    return of(CodeValue=value, CodingSchemeDesignator="DCM", CodeMeaning=meaning)


def item(kind: str, name: tuple[str, str], *children: Dataset, relationship: str = "CONTAINS", **value: Any) -> Dataset:
    made = of(RelationshipType=relationship, ValueType=kind, ConceptNameCodeSequence=[code(*name)], **value)
    if children:
        made.ContentSequence = list(children)
    return made


def document(*children: Dataset, **attributes: Any) -> Dataset:
    return of(
        SOPClassUID=TEXT_SR, ValueType="CONTAINER", ConceptNameCodeSequence=[code("1", "Radiology report")],
        ContentDate="20260302", CompletionFlag="COMPLETE", VerificationFlag="VERIFIED", ContentSequence=list(children),
        **attributes,
    )  # fmt: skip


def told(ds: Dataset) -> list[str]:
    return [*report.head(ds), *(block.text for block in report.told(ds))]


FINDING = ("121071", "Finding")


def test_a_report_is_its_title_its_standing_and_its_content_in_order() -> None:
    ds = document(
        item("CONTAINER", ("121070", "Findings"), item("TEXT", FINDING, TextValue="A fracture.")),
        item("CODE", ("121071", "Diagnosis"), ConceptCodeSequence=[code("1", "Weber B")]),
        item(
            "NUM", ("1", "Gap"),
            MeasuredValueSequence=[of(NumericValue="5.0", MeasurementUnitsCodeSequence=[code("mm", "millimetre")])],
        ),
        item("DATE", ("1", "Seen on"), Date="20260302"),
    )  # fmt: skip
    assert told(ds) == [
        "Radiology report", "2026-03-02 · verified", "Findings", "A fracture.", "Diagnosis: Weber B", "Gap: 5.0 mm",
        "Seen on: 20260302",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"VerificationFlag": "UNVERIFIED"}, "not verified"),
        ({"CompletionFlag": "PARTIAL"}, "partial, verified"),
        ({"PreliminaryFlag": "PRELIMINARY", "VerificationFlag": "UNVERIFIED"}, "preliminary, not verified"),
        ({"VerificationFlag": ""}, "not verified"),
    ],
)
def test_a_report_says_how_far_it_may_be_relied_on(flags: dict[str, str], said: str) -> None:
    ds = document(item("TEXT", FINDING, TextValue="x"))
    ds.update(of(**flags))
    assert told(ds)[1] == f"2026-03-02 · {said}"


def test_whom_a_report_is_about_is_not_burnt_in() -> None:
    ds = document(
        item("PNAME", ("121029", "Subject Name"), relationship="HAS OBS CONTEXT", PersonName="ZZYZX^ANN"),
        item("TEXT", ("121030", "Subject ID"), TextValue="ZZYZX"),
        item("DATE", ("121031", "Subject Birth Date"), Date="19630412"),
        item("TEXT", FINDING, TextValue="A fracture."),
        PatientName="ZZYZX^ANN", PatientID="ZZYZX",
    )  # fmt: skip
    assert told(ds)[2:] == ["Finding", "A fracture."]


def test_a_long_report_begins_with_its_conclusions_and_still_holds_everything_in_order() -> None:
    findings = item("CONTAINER", ("121070", "Findings"), item("TEXT", FINDING, TextValue="word " * 300))
    conclusion = item(
        "CONTAINER", ("121076", "Conclusions"), item("TEXT", ("121077", "Conclusion"), TextValue="Operate.")
    )
    seen: list[list[Block]] = []
    original = report.laid_out

    def spy(blocks: Any, *, more: str = "") -> list[Image.Image]:
        seen.append(list(blocks))
        return original(seen[-1], more=more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "laid_out", spy)
        made = report.report(document(findings, conclusion))
    assert len(made) > 1
    words = [block.text.strip()[:12] for block in seen[-1]]
    assert words[2:] == [
        "Conclusions",
        "Operate.",
        "The whole re",
        "Findings",
        "word word wo",
        "Conclusions",
        "Operate.",
    ]


def test_a_report_without_a_word_has_no_picture() -> None:
    for ds in (document(), document(item("IMAGE", ("1", "x"))), of(SOPClassUID=TEXT_SR)):
        with pytest.raises(CannotShow, match="nothing to read"):
            report.report(ds)


def nested(depth: int) -> Dataset:
    inner = item("TEXT", FINDING, TextValue="deep")
    for _ in range(depth):
        inner = item("TEXT", FINDING, inner, TextValue="level")
    return document(inner)


@pytest.mark.parametrize(
    "ds", [nested(100), document(*[item("TEXT", FINDING, TextValue="x " * 9000)] * 3000)], ids=["deep", "long"]
)
def test_a_report_beyond_reason_is_three_pages_in_little_time(ds: Dataset) -> None:
    begun = datetime.datetime.now(datetime.UTC)
    assert 1 <= len(report.report(ds)) <= MOST_PAGES
    assert (datetime.datetime.now(datetime.UTC) - begun).total_seconds() < 5


def ink(image: Image.Image) -> tuple[int, int, int, int] | None:
    return image.convert("L").point([255 * (level > 60) for level in range(256)]).getbbox()


@given(st.lists(st.text(max_size=300), min_size=1, max_size=12))
@example(["i" * 150 + "m" * 150, "\u221a\u221d\u2225\u2245" * 75])
def test_no_text_leaves_its_page(texts: list[str]) -> None:
    for image in laid_out([Block(text or "x", indent=place) for place, text in enumerate(texts)]):
        assert image.size[0] == WIDTH
        assert image.size[1] <= HEIGHT
        box = ink(image)
        assert box is None or (box[0] >= 20 and box[2] <= WIDTH - 8)


def test_a_word_wider_than_the_page_is_parted_and_ideographs_wrap_anywhere() -> None:
    for text in ("x" * 300, "骨折線は腓骨遠位端に斜めに走る" * 9):
        lines = list(page.wrapped(text, 40, 992))
        assert "".join(lines) == text
        assert all(page._width(line, 40) <= 992 for line in lines)


def test_what_does_not_fit_on_the_last_page_is_said_to_be_in_the_file() -> None:
    short, long = laid_out([Block("line\n" * 5)], more="Continued"), laid_out([Block("line\n" * 500)], more="Continued")
    assert (len(short), len(long)) == (1, MOST_PAGES)
    assert {image.size for image in long} <= {(WIDTH, height) for height in range(HEIGHT - 80, HEIGHT + 1)}


def test_reports_of_another_builder_are_read(tmp_path: Path) -> None:
    scan = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    person = hd.sr.PersonObserverIdentifyingAttributes(name="Zzyzx^Observer")
    observer = hd.sr.ObserverContext(hd.sr.CodedConcept("121006", "DCM", "Person"), person)
    size = hd.sr.Measurement(
        name=hd.sr.CodedConcept("410668003", "SCT", "Length"), value=12.5,
        unit=hd.sr.CodedConcept("mm", "UCUM", "millimeter"),
    )  # fmt: skip
    content = hd.sr.MeasurementReport(
        observation_context=hd.sr.ObservationContext(observer),
        procedure_reported=hd.sr.CodedConcept("77477000", "SCT", "CT"),
        imaging_measurements=[
            hd.sr.MeasurementsAndQualitativeEvaluations(
                hd.sr.TrackingIdentifier(hd.UID(), "Lesion 1"), measurements=[size]
            )
        ],
    )
    made = hd.sr.EnhancedSR([scan], content[0], hd.UID(), 9, hd.UID(), 1, is_verified=False)
    said = told(made)
    assert "Length: 12.5 mm" in said
    assert any("Lesion 1" in one for one in said)
    assert not any("Zzyzx" in one for one in said)
    made.save_as(tmp_path / "sr")
    assert document_page(tmp_path / "sr", 0).width == WIDTH


def test_character_sets_of_the_report_are_read(tmp_path: Path) -> None:
    ds = document(
        item("TEXT", FINDING, TextValue="κάταγμα περόνης"), SpecificCharacterSet="ISO_IR 126", SOPInstanceUID="1.2"
    )
    path = saved(ds, tmp_path / "greek")
    from rendering.header import whole  # noqa: PLC0415

    assert told(whole(path))[-1] == "κάταγμα περόνης"


def saved(ds: Dataset, path: Path) -> Path:
    with path.open("wb") as file:
        dcmwrite(file, ds, implicit_vr=False, little_endian=True)
    return path


def shown(path: Path, number: int = 0) -> Any:
    return render(PreviewPlan("page", (Tile(path, number, page=True),), "Report"))


@pytest.mark.parametrize("write", [write_report, write_document, write_ecg])
def test_synthetic_documents_have_a_picture_within_the_limits_of_a_preview(write: Any, tmp_path: Path) -> None:
    path = write(tmp_path)
    made = shown(path)
    assert max(made.width, made.height) <= 1600
    assert len(made.data) <= 500_000
    if write is not write_ecg:
        with pytest.raises(CannotShow) as raised:
            shown(path, 1)
        assert raised.value.code == NO_PAGE


def test_a_pdfs_page_is_drawn_large_and_without_its_empty_borders() -> None:
    data = letters.pdf([("One line", 12)])
    image = pdf(of(EncapsulatedDocument=data), 0)
    assert image.mode == "L"
    assert image.size[1] < image.size[0] / 1.5
    assert int(np.asarray(image).min()) < 60
    assert int(np.asarray(image).max()) < 230


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "P33"), (b"nothing like it", "P33"), (b"%PDF-1.7\nnothing", "P17"), (b"%PDF-1.7", "P17")],
)
def test_a_damaged_pdf_is_one_sentence(data: bytes, code: str, tmp_path: Path) -> None:
    path = saved(of(SOPInstanceUID="1.2", EncapsulatedDocument=data + b"\0" * (len(data) % 2)), tmp_path / "pdf")
    with pytest.raises(CannotShow) as raised:
        shown(path)
    assert raised.value.code == code


@pytest.mark.parametrize("box", ["[0 0 0 0]", "[0 0 1e30 1e30]", "[0 0 0.001 5000]", "[0 0 14400 1]"])
def test_a_pdfs_page_of_any_size_costs_no_more_than_another(box: str, tmp_path: Path) -> None:
    data = letters.pdf([("x", 12)]).replace(b"[0 0 595 842]", box.encode())
    path = saved(of(SOPInstanceUID="1.2", EncapsulatedDocument=data + b"\0" * (len(data) % 2)), tmp_path / "pdf")
    with contextlib.suppress(CannotShow):
        assert max(shown(path).width, shown(path).height) <= 1600


def recording(
    samples: np.ndarray[Any, Any], rate: float = 500, names: tuple[str, ...] = ("Lead II",), **channel: Any
) -> Dataset:
    given: dict[str, Any] = {
        "ChannelSensitivity": 1,
        "ChannelSensitivityUnitsSequence": [code("mV", "millivolt")],
        **channel,
    }
    group = of(
        NumberOfWaveformChannels=len(names), NumberOfWaveformSamples=len(samples), SamplingFrequency=rate,
        WaveformSampleInterpretation="SS",
        ChannelDefinitionSequence=[of(ChannelSourceSequence=[code("1", name)], **given) for name in names],
    )  # fmt: skip
    group.add_new("WaveformData", "OW", samples.astype("<i2").tobytes())
    return of(WaveformSequence=[group])


def trace(image: Image.Image, row: int = 0) -> dict[int, float]:
    """For each pixel column right of the lead's name, how many mm above the middle of the row the trace is."""
    pixels = np.asarray(image.convert("L")).astype(int)
    top, bottom = (round((ecg.MARGIN + (row + part) * ecg.ROW) * ecg.PIXELS) for part in (0, 1))
    part = pixels[top:bottom]
    found = {}
    for column in range(round((ecg.LEFT + 30) * ecg.PIXELS), image.width - ecg.MARGIN * ecg.PIXELS - 2):
        bright = np.flatnonzero(part[:, column] > 120)
        if bright.size:
            found[column] = ecg.ROW / 2 - (bright.mean() + 0.5) / ecg.PIXELS
    return found


@pytest.mark.parametrize("rate", [250, 500, 1000])
@pytest.mark.parametrize("millivolts", [-1.0, 0.0, 0.5, 1.0])
def test_a_millivolt_is_ten_millimetres(millivolts: float, rate: int) -> None:
    steady = np.full((rate * 10, 1), round(millivolts * 1000))
    unit = {"ChannelSensitivityUnitsSequence": [code("uV", "microvolt")]}
    heights = trace(ecg.ecg(recording(steady, rate, **unit)))
    assert len(heights) > 1000
    assert all(abs(height - 10 * millivolts) <= 0.25 for height in heights.values())


@pytest.mark.parametrize("rate", [250, 1000])
def test_a_second_is_twenty_five_millimetres(rate: int) -> None:
    samples = np.zeros((rate * 10, 1))
    for second in range(10):
        samples[second * rate : second * rate + rate // 2] = 1
    heights = trace(ecg.ecg(recording(samples, rate)))
    steps = [column for column in heights if heights[column] > 8 and heights.get(column - 6, 9) < 2]
    rises = [step for step in steps if step - 1 not in steps]
    assert len(rises) >= 7
    assert (np.abs(np.diff(rises) - ecg.SPEED * ecg.PIXELS) <= 1).all()


def test_the_trace_is_the_recording_sample_by_sample() -> None:
    ds = pydicom.dcmread(get_testdata_file("waveform_ecg.dcm"))
    leads = ecg.leads(ds)
    expected = ds.waveform_array(0)  # pydicom's own reading, in the unit of the channel: microvolts
    assert [lead.name for lead in leads] == ["I", "II", "III", "aVR", "aVL", "aVF", *(f"V{n}" for n in range(1, 7))]
    for place, lead in enumerate(leads):
        assert np.allclose(lead.millivolts * 1000, expected[:, place])
    heights, two = trace(ecg.ecg(ds), row=3), leads[1]
    for column, height in heights.items():
        second = (column / ecg.PIXELS - ecg.LEFT) / ecg.SPEED
        near = two.millivolts[max(0, round((second - 0.012) * two.rate)) : round((second + 0.02) * two.rate)] * ecg.GAIN
        assert near.min() - 0.5 <= height <= near.max() + 0.5


def test_baseline_correction_and_padding_are_heeded() -> None:
    samples = np.array([[0], [100], [-32768]] * 2000)
    given = {"ChannelSensitivity": 2, "ChannelSensitivityCorrectionFactor": 0.5, "ChannelBaseline": 10}
    ds = recording(samples, **given)
    ds.WaveformSequence[0].add_new("WaveformPaddingValue", "OW", b"\x00\x80")
    assert np.array_equal(ecg.leads(ds)[0].millivolts[:3], [10, 110, np.nan], equal_nan=True)


def test_names_of_channels_are_ours() -> None:
    names = ("Lead aVR (Goldberger)", "Zzyzx^Ann", "lead v4", "Lead III")
    found = ecg.leads(recording(np.zeros((100, 4)), names=names))
    assert [lead.name for lead in found] == ["aVR", "channel 2", "V4", "III"]


@pytest.mark.parametrize(
    "broken",
    [
        {"NumberOfWaveformChannels": 65_535}, {"NumberOfWaveformChannels": 0}, {"SamplingFrequency": 0},
        {"SamplingFrequency": 1e-9}, {"SamplingFrequency": float("nan")}, {"WaveformSampleInterpretation": "MB"},
        {"ChannelDefinitionSequence": []},
    ],
)  # fmt: skip
def test_a_recording_without_sense_is_one_sentence(broken: dict[str, Any]) -> None:
    ds = recording(np.zeros((100, 1)))
    ds.WaveformSequence[0].update(of(**broken))
    with pytest.raises(CannotShow, match="no recording"):
        ecg.ecg(ds)


def test_pressures_and_sounds_are_no_ecg() -> None:
    with pytest.raises(CannotShow, match="no recording"):
        ecg.ecg(recording(np.zeros((9, 1)), ChannelSensitivityUnitsSequence=[code("mm[Hg]", "mmHg")]))


def instance(number: int, sop_class_uid: str, **attributes: Any) -> Instance:
    return Instance(f"1.{number}", sop_class_uid, "1.2.840.10008.1.2.1", number, **attributes)


def test_which_instances_have_pages_and_how_they_are_called() -> None:
    files = (
        instance(1, TEXT_SR), instance(2, PDF), instance(3, ECG), instance(4, "1.2.840.10008.5.1.4.1.1.88.67"),
        instance(5, "1.2.840.10008.5.1.4.1.1.88.59"), instance(6, "1.2.840.10008.5.1.4.1.1.104.2"),
        instance(7, TEXT_SR, rows=9, columns=9),
    )  # fmt: skip
    chosen = list(pages(Study("1", series=(Series("1.5", "SR", 4, instances=files),))))
    assert [choice.key for choice in chosen] == [
        "page/1.1/1", "page/1.1/2", "page/1.1/3", "page/1.2/1", "page/1.2/2", "page/1.2/3", "page/1.3/1",
    ]  # fmt: skip
    assert [chosen[place].caption for place in (0, 1, 3, 6)] == [
        "Report · series 4", "Report · series 4 · page 2", "Document · series 4", "ECG · series 4",
    ]  # fmt: skip


def test_of_very_many_documents_the_first_are_tried() -> None:
    files = tuple(instance(number, ECG) for number in range(3 * MOST_DOCUMENTS))
    assert len(list(pages(Study("1", series=(Series("1.5", "ECG", 4, instances=files),))))) == MOST_DOCUMENTS

"""A twelve-lead ECG of ten seconds in sinus rhythm (PS3.3 A.34.3): each wave a bell, seen from each lead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom.uid import TwelveLeadECGWaveformStorage

from studies.synthetic.objects import begin, code, item, number_instance, save
from studies.synthetic.subject import subject

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Unpack

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from studies.synthetic.subject import SubjectOptions

RATE, SECONDS = 500, 10
#: Beats a second, and microvolts of a sample's step.
_PULSE, _STEP = 1.2, 2.5
#: Waves of a beat: when (s from the R), how long (s), and the heart's dipole in mV: to the left, down, to the back.
_WAVES = (
    (-0.17, 0.025, (0.08, 0.12, -0.02)),
    (-0.03, 0.008, (-0.10, 0.05, -0.20)),
    (0.0, 0.011, (0.85, 0.75, 0.30)),
    (0.03, 0.011, (-0.10, -0.25, 0.40)),
    (0.27, 0.045, (0.22, 0.20, -0.12)),
)
#: Where each lead looks from (left, down, back), SCP-ECG code and name.
_LEADS = (
    ((1.0, 0.0, 0.0), "5.6.3-9-1", "Lead I"),
    ((0.5, 0.87, 0.0), "5.6.3-9-2", "Lead II"),
    ((-0.5, 0.87, 0.0), "5.6.3-9-61", "Lead III"),
    ((-0.75, -0.43, 0.0), "5.6.3-9-62", "Lead aVR"),
    ((0.75, -0.43, 0.0), "5.6.3-9-63", "Lead aVL"),
    ((0.0, 0.87, 0.0), "5.6.3-9-64", "Lead aVF"),
    ((-0.3, 0.1, -1.4), "5.6.3-9-3", "Lead V1"),
    ((0.1, 0.1, -1.7), "5.6.3-9-4", "Lead V2"),
    ((0.6, 0.2, -1.3), "5.6.3-9-5", "Lead V3"),
    ((1.1, 0.3, -0.6), "5.6.3-9-6", "Lead V4"),
    ((1.2, 0.3, -0.1), "5.6.3-9-7", "Lead V5"),
    ((1.1, 0.3, 0.2), "5.6.3-9-8", "Lead V6"),
)


def write_ecg(directory: Path, *, seed: int = 0, **options: Unpack[SubjectOptions]) -> Path:
    """A study of its own: one file."""
    whose = subject("ECG", seed, options)
    dataset = begin(TwelveLeadECGWaveformStorage, whose, "ECG", 1, "ECG")
    number_instance(dataset, whose, 1, 1)
    dataset.StudyDescription = "ECG 12 lead"
    dataset.AcquisitionDateTime = dataset.ContentDate + dataset.ContentTime
    del dataset.AcquisitionDate, dataset.AcquisitionTime
    dataset.AcquisitionContextSequence = []
    samples = recorded(np.random.default_rng(seed))
    dataset.WaveformSequence = [_group(samples)]
    directory.mkdir(parents=True, exist_ok=True)
    return save(dataset, directory / "ecg.dcm")


def recorded(random: np.random.Generator) -> NDArray[np.int16]:
    """Samples x 12 leads, in steps of 2.5 microvolts."""
    at = np.arange(RATE * SECONDS) / RATE
    beats = np.arange(0.3, SECONDS + 1, 1 / _PULSE)
    beats += 0.015 * random.standard_normal(len(beats))
    dipole = np.zeros((len(at), 3))
    for beat in beats:
        for when, long, towards in _WAVES:
            dipole += np.exp(-(((at - beat - when) / long) ** 2) / 2)[:, None] * towards
    leads = dipole @ np.array([where for where, _, _ in _LEADS]).T
    leads += 0.008 * random.standard_normal(leads.shape) + 0.03 * np.sin(2 * np.pi * 0.25 * at)[:, None]
    return np.asarray(np.rint(leads * 1000 / _STEP), np.int16)


def _group(samples: NDArray[np.int16]) -> Dataset:
    """The one multiplex group (C.10.9)."""
    group = item(
        MultiplexGroupLabel="RHYTHM",
        WaveformOriginality="ORIGINAL",
        NumberOfWaveformChannels=samples.shape[1],
        NumberOfWaveformSamples=samples.shape[0],
        SamplingFrequency=RATE,
        ChannelDefinitionSequence=[_channel(value, meaning) for _, value, meaning in _LEADS],
        WaveformBitsAllocated=16,
        WaveformSampleInterpretation="SS",
    )
    group.add_new("WaveformData", "OW", samples.astype("<i2").tobytes())
    return group


def _channel(value: str, meaning: str) -> Dataset:
    source = code(value, meaning, "SCPECG")
    source.CodingSchemeVersion = "1.3"
    return item(
        ChannelSourceSequence=[source],
        ChannelSensitivity=_STEP,
        ChannelSensitivityUnitsSequence=[code("uV", "microvolt", "UCUM")],
        ChannelSensitivityCorrectionFactor=1,
        ChannelBaseline=0,
        ChannelSampleSkew=0,
        WaveformBitsStored=16,
    )

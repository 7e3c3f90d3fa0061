"""Realistic studies of nobody, for the demo, the tests and the benchmarks: numpy and pydicom only."""

from __future__ import annotations

from studies.synthetic.ankle import write_ankle
from studies.synthetic.companions import write_marks, write_selection
from studies.synthetic.ct import write_ct
from studies.synthetic.documents import write_document, write_report
from studies.synthetic.ecg import write_ecg
from studies.synthetic.mr import write_mr

__all__ = [
    "write_ankle",
    "write_ct",
    "write_document",
    "write_ecg",
    "write_marks",
    "write_mr",
    "write_report",
    "write_selection",
]

"""Realistic studies of nobody, for the demo, the tests and the benchmarks: numpy and pydicom only."""

from __future__ import annotations

from studies.synthetic.ankle import write_ankle
from studies.synthetic.ct import write_ct
from studies.synthetic.mr import write_mr

__all__ = ["write_ankle", "write_ct", "write_mr"]

"""Realistic studies of nobody, for the demo, the tests and the benchmarks: numpy and pydicom only."""

from __future__ import annotations

from studies.synthetic.ankle import write_ankle

__all__ = ["write_ankle"]

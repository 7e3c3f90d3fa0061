"""Measurements, each a program of its own: `python -m bench.share`. No part of the package."""

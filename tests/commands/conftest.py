"""The bot around an in-memory session."""

from tests.fakes.fixtures import house, workers

__all__ = ["house", "workers"]

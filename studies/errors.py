"""What can go wrong between us and the places that hold studies.

Mistake
|-- QueryMistake      the words cannot be understood as a query
|-- StudyUnknown      no such study here
`-- BrokenFile        meant to be DICOM, and not readable as such
NotAllowed
`-- TwoPatients       the files of one study name different patients
TryLater
|-- SourceAway        the folder, share or PACS does not answer
`-- InstanceMissing   the source listed it and no longer has it
"""

from __future__ import annotations

from config.errors import Mistake, NotAllowed, TryLater


class QueryMistake(Mistake):
    """The words cannot be understood as a query."""


class StudyUnknown(Mistake):
    """No study of that name at any source that this person may search."""


class BrokenFile(Mistake):
    """A file that is meant to be DICOM and cannot be read as such. `reason` is a few words without patient data."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"This file cannot be read as DICOM: {reason}.", "Q30")
        self.reason = reason


class TwoPatients(NotAllowed):
    """The files of one study name different patients: whatever was shown might be somebody else's."""


class SourceAway(TryLater):
    """The source does not answer."""


class InstanceMissing(TryLater):
    """An instance that the source listed can no longer be read."""

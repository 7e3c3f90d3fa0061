"""What can go wrong between us and the places that hold studies.

Mistake
|-- QueryMistake      the words cannot be understood as a query
`-- StudyUnknown      no such study here
TryLater
|-- SourceAway        the folder, share or PACS does not answer
`-- InstanceMissing   the source listed it and no longer has it
"""

from __future__ import annotations

from config.errors import Mistake, TryLater


class QueryMistake(Mistake):
    """The words cannot be understood as a query."""


class StudyUnknown(Mistake):
    """No study of that name at any source that this person may search."""


class SourceAway(TryLater):
    """The source does not answer."""


class InstanceMissing(TryLater):
    """An instance that the source listed can no longer be read."""

"""What can go wrong between pixels and a picture.

CannotShow    this file has no picture that we can show; `reason` says why in a few words
"""

from __future__ import annotations

from config.errors import Mistake

#: The code of a page that the document does not have: nothing is wrong, there are only no more pages.
NO_PAGE = "P31"


class CannotShow(Mistake):
    """One file cannot be shown. The study goes on; the file is delivered all the same.

    `reason` is a few words without patient data, e.g. "its JPEG 2000 stream is damaged".
    """

    def __init__(self, reason: str, code: str = "P01") -> None:
        super().__init__(f"Cannot be shown: {reason}.", code)
        self.reason = reason

    def __reduce__(self) -> tuple[type[CannotShow], tuple[str, str]]:
        """Pickle by the constructor's arguments: it crosses the worker's pipe."""
        return (CannotShow, (self.reason, self.code))

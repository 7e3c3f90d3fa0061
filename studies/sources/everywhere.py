"""All sources side by side: the slowest does not hold up the others, and one that is down is named."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from studies.errors import SourceAway, StudyUnknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studies.model import Study, StudyQuery, StudySource


@dataclass(frozen=True, slots=True)
class Found:
    """A study, and the name of the source that has it."""

    study: Study
    source: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What all sources answered: newest first, each study once, and the sources that did not answer."""

    found: tuple[Found, ...]
    away: tuple[SourceAway, ...] = ()


class Everywhere:
    """The configured sources, in the operator's order: of two copies of one study the first source's is taken."""

    def __init__(self, sources: Sequence[StudySource]) -> None:
        self._sources = {source.name: source for source in sources}

    def named(self, name: str) -> StudySource:
        """The source of that name. Raises `StudyUnknown` when it is no longer configured."""
        if name not in self._sources:
            raise StudyUnknown("The source of this study is no longer set up. Ask your administrator.", "Q32")
        return self._sources[name]

    async def find(self, query: StudyQuery, *, limit: int = 10) -> Findings:
        """Ask every source. Raises `SourceAway` only when none answered."""
        asked = (source.find(query, limit=limit) for source in self._sources.values())
        answers = await asyncio.gather(*asked, return_exceptions=True)
        found: dict[str, Found] = {}
        away: list[SourceAway] = []
        for name, answer in zip(self._sources, answers, strict=True):
            if isinstance(answer, SourceAway):
                away.append(answer)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                for study in answer:
                    found.setdefault(study.study_instance_uid, Found(study, name))
        if away and len(away) == len(self._sources):
            raise away[0]
        newest = sorted(found.values(), key=lambda one: _when(one.study), reverse=True)
        return Findings(tuple(newest[:limit]), tuple(away))


def _when(study: Study) -> tuple[str, str, str]:
    """The UID comes last, so that two studies of one minute have the same numbers in every list."""
    return (
        study.study_date.isoformat() if study.study_date else "",
        study.study_time.isoformat() if study.study_time else "",
        study.study_instance_uid,
    )

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ledger import audit, shares
from ledger.states import ShareState
from tests.fakes import dicom
from tests.fakes.session import ANNA, BEN, OTHER_ROOM, ROOM

if TYPE_CHECKING:
    from tests.fakes.house import House


async def test_the_only_study_is_shared_without_a_question(house: House) -> None:
    dicom.ankle(house.folder)
    async with house.running():
        said = await house.ask("!share study")
    print(said)
    assert (await house.share()).state is ShareState.DELIVERED
    print(said)

"""The other hospital's server goes away and comes back: what was meant for it arrives then, once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from bot.demo.receipt import SENT
from delivery.bag import verify

if TYPE_CHECKING:
    from tests.federation.conftest import Trusts


@pytest.mark.timeout(300)
async def test_what_is_shared_while_the_other_server_is_down_is_delivered_once_when_it_returns(trusts: Trusts) -> None:
    clinician, registrar = await trusts.a.person("clinician"), await trusts.b.person("registrar")
    async with trusts.a.running(foreign=(trusts.b.homeserver.server_name,)):
        ward = await trusts.ward(clinician, registrar)
        await ward.share("!share study")
        since = len(registrar.events)
        await trusts.b.homeserver.stop()
        try:
            await ward.clinician.send(ward.room, "!share study")
            at_a = len(clinician.events)
            await clinician.wait(lambda event: SENT in event.body and event.sender == ward.bot, 60, at_a)
        finally:
            await trusts.b.homeserver.launch()
        await registrar.wait(lambda event: event.room == ward.room and SENT in event.body, 120, since)
        new = [one for one in registrar.events[since:] if one.sender == ward.bot and one.msgtype and not one.edits]
        assert all(one.trusted for one in new)
        assert Counter(one.msgtype for one in new) == {"m.notice": 1, "m.image": 3, "m.file": 1}
        [parcel] = [one for one in new if one.msgtype == "m.file"]
        saved = await registrar.download(parcel, ward.directory / "DICOM.ZIP")
    assert verify(saved.path).ok

"""A clinician whose app sends the bot no keys hears why, and what to do; after that it works."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bot.demo.stage import gathered

if TYPE_CHECKING:
    from tests.servers.people import People

    from .conftest import Ward


async def test_who_sends_keys_to_verified_devices_only_is_told_to_verify_the_bot(ward: Ward, person: People) -> None:
    ward.clinician = await person("careful", strict=False)
    async with ward.running():
        ward.room = await gathered(ward.bot, ward.clinician)
        await ward.clinician.only_verified()
        asked = time.monotonic()
        answer = await ward.ask("!help")
        assert 9 < time.monotonic() - asked < 20
        assert answer.trusted
        assert answer.body == (
            "I could not read this message: your app sends keys to verified devices only, and I am not verified there. "
            "If it was meant for me, verify me: open my profile in your app and choose Verify (your administrator sees "
            "the emoji to compare). Then send it again. [A03]"
        )
        await ward.clinician.only_verified(on=False)
        again = await ward.ask("!help")
    assert again.body.startswith("I share imaging studies")

"""Somebody's identity changes: all concerned are told once, and nothing goes to them until an operator confirms it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

from bot.demo.process import BotProcess

from .conftest import copy_cervical_spine

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.demo.homeserver import Homeserver
    from bot.demo.people import Person
    from bot.demo.seen import SeenEvent
    from tests.servers.people import Account, People

    from .conftest import Ward


async def trust(ward: Ward, *arguments: str, answer: str = "") -> subprocess.CompletedProcess[str]:
    """`carrierbag trust ...`, as the operator types it beside the running bot."""
    command = [sys.executable, "-m", "bot.cli", "trust", *arguments, "--config", str(ward.config)]
    return await asyncio.to_thread(
        subprocess.run, command, input=answer, capture_output=True, text=True, check=False, timeout=60
    )


async def operated(ward: Ward, operator: Person) -> str:
    """An admin room that the settings name, with the bot on its way into it."""
    room = await operator.create_room("Bot administrators", [ward.bot])
    with ward.config.open("a", encoding="utf-8") as settings:
        settings.write(f'[admin]\nroom = "{room}"\n')
    return room


def warning(ward: Ward, room: str, code: str) -> Callable[[SeenEvent], bool]:
    return lambda event: (event.room, event.sender) == (room, ward.bot) and f"[{code}]" in event.body


def warnings(person: Person, ward: Ward, room: str, code: str) -> int:
    return len([event for event in person.events if warning(ward, room, code)(event)])


async def test_a_changed_identity_is_told_once_and_ends_with_the_operators_confirmation(
    ward: Ward, person: People
) -> None:
    copy_cervical_spine(ward.studies)
    operator = await person("operator")
    admins = await operated(ward, operator)
    ben = ward.registrar
    async with BotProcess.running(ward.config):
        await ward.gather()
        assert "!share" in (await ward.ask("!help")).body
        assert ben.user_id in (await trust(ward, "list")).stdout
        await ben.new_identity()
        told = await ward.clinician.wait(warning(ward, ward.room, "T01"))
        at_operator = await operator.wait(warning(ward, admins, "T01"))
        assert "R04" in (await ward.ask("!share study")).body
        shown = (await trust(ward, "show", ben.user_id)).stdout
        wrong = await trust(ward, "confirm", ben.user_id, "--fingerprint", "A" * 43)
        declined = await trust(ward, "confirm", ben.user_id, answer="n\n")
        assert "R04" in (await ward.ask("!share study")).body
    assert ben.user_id in told.body
    assert "carrierbag" not in told.body
    new = next(line for line in shown.splitlines() if line.startswith("Is now")).removeprefix("Is now").strip()
    assert f"carrierbag trust confirm {ben.user_id}" in at_operator.body
    assert new in at_operator.body
    assert (wrong.returncode, declined.returncode) == (1, 1)
    assert "Nothing was changed. [T12]" in wrong.stderr
    assert "Nothing was changed. [T13]" in declined.stderr
    async with BotProcess.running(ward.config):
        assert "R04" in (await ward.ask("!share study")).body
        confirmed = await trust(ward, "confirm", ben.user_id, "--fingerprint", new)
        assert (confirmed.returncode, confirmed.stderr) == (0, "")
        await ward.share()
        await ward.done()
        await answered(ben, ward)
        assert f"{ben.user_id}" in (await trust(ward, "list")).stdout
    assert "confirmed by operator" in (await trust(ward, "show", ben.user_id)).stdout
    assert warnings(ward.clinician, ward, ward.room, "T01") == 1
    assert warnings(operator, ward, admins, "T01") == 1


async def answered(ben: Person, ward: Ward) -> None:
    """His commands count again."""
    asked = await ben.send(ward.room, "!status")
    await ben.wait(lambda event: (event.relates_to or {}).get("m.in_reply_to", {}).get("event_id") == asked)


async def test_another_device_on_the_bots_own_account_is_told_to_the_operator_once(
    ward: Ward, person: People, homeserver: Homeserver
) -> None:
    operator = await person("operator")
    admins = await operated(ward, operator)
    async with BotProcess.running(ward.config):
        await operator.wait(lambda event: event.state_key == ward.bot and event.content["membership"] == "join")
        password = (ward.config.parent / "password").read_text("utf-8")
        thief = await person(_account(ward.bot, password), strict=False, cross_signed=False)
        told = await operator.wait(warning(ward, admins, "T03"))
    async with BotProcess.running(ward.config):
        await ward.gather()
        await ward.ask("!help")
    assert thief.device_id in told.body
    assert warnings(operator, ward, admins, "T03") == 1


def _account(user_id: str, password: str) -> Account:
    from tests.servers.people import Account  # noqa: PLC0415

    return Account(user_id, user_id, password)

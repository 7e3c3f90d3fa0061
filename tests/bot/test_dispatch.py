from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from access.policy import Policy
from bot.dispatch import STALE
from bot.matrix import events
from bot.matrix.errors import NotPermitted, ServerAway
from bot.post_office import UNREADABLE, Inbox
from ledger import audit, inbox, outbox, shares
from ledger.audit import AuditKind
from ledger.database import Database
from tests.fakes import dicom
from tests.fakes.house import House, until
from tests.fakes.session import ANNA, BEN, OTHER_ROOM, PIXEL, ROOM, SERVER

if TYPE_CHECKING:
    from pathlib import Path

    from bot.workers import Workers
    from ledger.database import Transaction


async def alerts(house: House) -> list[tuple[str, str]]:
    """Who was refused, and where."""
    records = await audit.records(house.ledger)
    return [(one.event.who, one.event.room_id) for one in records if one.event.kind is AuditKind.SECURITY_ALERT]


async def told(house: House, body: str, **fields: Any) -> list[str]:
    async with house.running():
        return await house.ask(body, **fields)


async def test_what_nobody_trustworthy_wrote_is_no_command(house: House) -> None:
    dicom.ankle(house.folder)
    [said] = await told(house, "!share study", authenticated=False, why_not="its device is not verified", device_id="")
    assert said.startswith("I did not run this: I cannot be sure that you wrote it (its device is not verified).")
    assert said.endswith("[A01]")
    assert await shares.every(house.ledger) == []
    assert await alerts(house) == [(ANNA, ROOM)]


async def test_an_unauthenticated_number_shares_nothing(house: House) -> None:
    dicom.ankle(house.folder)
    async with house.running():
        await house.ask("!find XR26-1")
        [said] = await house.ask("1", authenticated=False, why_not="unknown device")
    assert said.endswith("[A01]")
    assert await shares.every(house.ledger) == []


IN_CLEAR = {"authenticated": False, "why_not": "it was not encrypted", "session_id": ""}
GOODBYE = "This room is not encrypted. Turn on encryption in the room's settings, then invite me again. [R01]"


@pytest.mark.parametrize("body", ["!share study", "!help", "!nonsense", "!audience"])
async def test_a_room_that_is_not_encrypted_hears_nothing_but_a_fixed_farewell(house: House, body: str) -> None:
    dicom.ankle(house.folder)
    house.session.change(encrypted=False)
    assert await told(house, body, **IN_CLEAR) == []
    assert house.session.left == [(ROOM, GOODBYE)]
    assert await shares.every(house.ledger) == []
    assert await alerts(house) == [(ANNA, ROOM)]


async def test_two_commands_in_a_room_that_is_not_encrypted_leave_it_once(house: House) -> None:
    house.session.change(encrypted=False)
    await house.hear("!help", **IN_CLEAR)
    await house.hear("!share study", **IN_CLEAR)
    async with house.running():
        await house.quiet()
    assert house.session.left == [(ROOM, GOODBYE)]
    assert house.session.posted == []


async def test_ordinary_talk_in_a_room_that_is_not_encrypted_does_not_drive_it_out(house: House) -> None:
    house.session.change(encrypted=False)
    assert await told(house, "hello", **IN_CLEAR) == []
    assert house.session.left == []


async def test_a_room_that_lost_its_encryption_is_refused_in_an_encrypted_answer(house: House) -> None:
    house.session.change(encrypted=False, downgraded=True)
    async with house.running():
        [said] = await house.ask("!share study")
        [unproven] = await house.ask("!cancel", **IN_CLEAR)
    assert said.startswith("Not shared: this room was encrypted, and its server now says that it is not")
    assert said.endswith("[R14]")
    assert unproven.endswith("[A01]")
    assert house.session.left == []


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"join_rule": "public"}, "R02"),
        ({"history_visibility": "world_readable"}, "R03"),
        ({"unverified_devices": (PIXEL,)}, "R04"),
        ({"joined": frozenset({ANNA, "@x:elsewhere.example"})}, "R05"),
        ({"invited": frozenset({"@x:elsewhere.example"})}, "R06"),
        ({"tombstoned": True}, "R08"),
        ({"bridges": ("WhatsApp",)}, "R11"),
        ({"invited": frozenset({f"@_irc_ben:{SERVER}"})}, "R11"),
        ({"encrypted": False, "downgraded": True}, "R14"),
        ({"joined": frozenset()}, "R10"),
    ],
)
@pytest.mark.parametrize("body", ["!share study", "!find XR26-1"])
async def test_each_thing_wrong_with_a_room_is_refused_and_audited(
    house: House, body: str, facts: dict[str, Any], code: str
) -> None:
    dicom.ankle(house.folder)
    house.session.change(**facts)
    [said] = await told(house, body)
    assert f"[{code}]" in said
    assert "BROWN" not in said
    assert await shares.every(house.ledger) == []
    assert await alerts(house) == [(ANNA, ROOM)]


async def test_who_is_not_named_in_the_policy_is_refused(tmp_path: Path, workers: Workers) -> None:
    nobody = Policy.of(SERVER, rules=[(("@dr.*:" + SERVER,), ("*",), ("find", "share"))])
    async with House(tmp_path, workers, policy=nobody).open() as house:
        [said] = await told(house, "!share study")
        assert said.endswith("[R09]")
        assert await alerts(house) == [(ANNA, ROOM)]


async def test_a_refusal_reaches_rooms_that_nothing_else_may_reach(house: House) -> None:
    house.session.change(unverified_devices=(PIXEL,))
    await told(house, "!share study")
    assert [one.strict for one in house.session.posted] == [False]


async def test_a_mistake_is_no_refusal_and_not_alarming(house: House) -> None:
    assert len(await told(house, "!shared study")) == 1
    assert await alerts(house) == []


async def test_an_old_command_is_not_run_and_that_is_said(house: House) -> None:
    dicom.ankle(house.folder)
    then = int((house.clock.now - STALE - 1) * 1000)
    [said] = await told(house, "!share study", server_ts=then)
    assert said.endswith("[A02]")
    assert await shares.every(house.ledger) == []


async def test_what_was_written_before_the_bot_came_is_not_even_answered(house: House) -> None:
    dicom.ankle(house.folder)
    assert await told(house, "!share study", live=False) == []
    assert await shares.every(house.ledger) == []


@pytest.mark.parametrize("body", ["hello", "well!", "1", "please !share study", ""])
async def test_ordinary_talk_is_not_ours(house: House, body: str) -> None:
    assert await told(house, body) == []
    assert await inbox.unhandled(house.ledger) == []
    assert await audit.records(house.ledger) == []


async def test_an_answer_points_to_its_command(house: House) -> None:
    await told(house, "!help", event_id="$the-command")
    [said] = house.session.posted
    assert said.content["m.relates_to"] == {"m.in_reply_to": {"event_id": "$the-command"}}


async def test_an_event_that_comes_twice_is_answered_once(house: House) -> None:
    async with house.running():
        await house.ask("!help", event_id="$same", message_index=5)
        assert await house.ask("!help", event_id="$same", message_index=5) == []


async def test_a_replayed_ciphertext_is_not_answered_and_alarms(house: House) -> None:
    async with house.running():
        await house.ask("!help", event_id="$one", message_index=5)
        assert await house.ask("!help", event_id="$two", message_index=5) == []
    assert await alerts(house) == [(ANNA, ROOM)]


class Crash(BaseException):
    """The process ends here."""


class Crashing(Database):
    """A ledger whose process dies where it is told to, in the transaction that answers a command."""

    moment = ""

    def transaction(self) -> Any:
        return crashing(super().transaction(), self)


class crashing:  # noqa: N801 - a context manager
    def __init__(self, inner: Any, ledger: Crashing) -> None:
        self.inner, self.ledger = inner, ledger

    async def __aenter__(self) -> Transaction:
        return await self.inner.__aenter__()

    async def __aexit__(self, *error: object) -> Any:
        if self.ledger.moment == "before":
            await self.inner.__aexit__(Crash, Crash(), None)
            raise Crash
        done = await self.inner.__aexit__(*error)
        if self.ledger.moment == "after":
            raise Crash
        return done


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(("body", "answers"), [("!share study XR26-1", 1), ("!find XR26-1", 1), ("!share study", 1)])
async def test_a_crash_around_the_commit_leaves_every_command_answered_exactly_once(
    house: House, moment: str, body: str, answers: int
) -> None:
    dicom.ankle(house.folder, views=1)
    await house.hear(body, event_id="$command")
    ledger = house.ledger
    ledger.__class__ = Crashing
    ledger.moment = moment  # type: ignore[attr-defined]
    received = await inbox.next_unhandled(ledger)
    assert received is not None
    with pytest.raises(Crash):
        await house.dispatcher._commit(received, await house.dispatcher._outcome(received))
    ledger.__class__ = Database

    kept = (await inbox.unhandled(ledger), await outbox.queued(ledger), await shares.every(ledger))
    assert [bool(one) for one in kept] == [moment == "before", moment == "after", moment == "after" and "share" in body]
    async with house.running():
        await house.quiet()
    replies = [one for one in house.session.posted if one.content.get("m.relates_to", {}).get("m.in_reply_to")]
    assert len(replies) == answers
    assert len(await shares.every(ledger)) == ("share" in body)


@pytest.mark.parametrize("body", ["!share study", "!find XR26-1", "!help", "!nothing"])
async def test_to_answer_twice_says_and_audits_the_same_once(house: House, body: str) -> None:
    dicom.ankle(house.folder, views=1)
    await house.hear(body)
    received = await inbox.next_unhandled(house.ledger)
    assert received is not None
    outcome = await house.dispatcher._outcome(received)
    await house.dispatcher._commit(received, outcome)
    once = (await outbox.queued(house.ledger), await audit.records(house.ledger))
    await house.dispatcher._commit(received, outcome)
    assert (await outbox.queued(house.ledger), await audit.records(house.ledger)) == once


async def test_the_chat_server_away_leaves_the_command_to_be_answered_later(house: House) -> None:
    house.session.facts_faults.extend([ServerAway(), ServerAway()])
    said = await told(house, "!find XR26-1")
    assert len(said) == 1
    assert "No study found" in said[0]


async def test_the_ledger_away_leaves_the_command_to_be_answered_later(house: House) -> None:
    tries = house.ledger.transaction

    async with house.running():
        await house.ledger._writer.execute_fetchall("PRAGMA query_only = ON")
        with pytest.raises(Exception, match="L02"):
            async with tries() as tx:
                await tx.insert("pins", {"user_id": "x", "sealed_master_key": b"", "pinned_at": 0.0})
        await house.ledger._writer.execute_fetchall("PRAGMA query_only = OFF")
        await house.hear("!help")
        await house.ledger._writer.execute_fetchall("PRAGMA query_only = ON")
        await asyncio.sleep(0.1)
        assert house.session.posted == []
        await house.ledger._writer.execute_fetchall("PRAGMA query_only = OFF")
        await house.quiet()
    assert len(house.session.posted) == 1


async def test_who_is_not_in_the_room_any_more_cannot_be_answered_and_nothing_stops(house: House) -> None:
    house.session.facts_faults.append(NotPermitted())
    async with house.running():
        await house.ask("!find XR26-1")
        assert len(await house.ask("!help", room=OTHER_ROOM)) == 1


async def test_a_bug_in_a_command_is_a_sentence_with_a_code_and_the_next_is_answered(house: House) -> None:
    house.dispatcher._sources = None  # type: ignore[assignment]
    async with house.running():
        [said] = await house.ask("!find XR26-1")
        assert "Something went wrong on our side" in said
        assert "[B00]" in said
        assert len(await house.ask("!help")) == 1


async def test_a_hundred_commands_of_an_absence_are_all_answered_in_order(house: House) -> None:
    for number in range(100):
        await house.hear(f"!status {number + 1}")
    async with house.running():
        await house.quiet()
    assert [int(text.split()[4]) for text in house.session.said()] == list(range(1, 101))


async def test_a_room_that_waits_does_not_hold_up_another(house: House) -> None:
    house.session.silent.add(ROOM)
    async with house.running():
        await house.hear("!help")
        await house.hear("!help", room=OTHER_ROOM)

        async def answered() -> bool:
            return bool(house.session.said(OTHER_ROOM))

        await until(answered)
        assert house.session.said(ROOM) == []


async def test_an_unreadable_message_is_answered_with_the_reason_once_in_a_while(house: House) -> None:
    unread = {"msgtype": UNREADABLE, "authenticated": False, "why_not": "your app has not sent me the key"}
    async with house.running():
        [said] = await house.ask("", **unread)
        assert await house.ask("", **unread) == []
    assert said.startswith("I could not read this message: your app has not sent me the key.")
    assert said.endswith("[A03]")


# What points authorises nothing: the server writes relations and reactions


@pytest.mark.parametrize("body", ["1", "!cancel", "!share study 1", "yes"])
async def test_an_answer_to_somebody_elses_question_or_share_does_nothing_whatever_it_points_to(
    house: House, body: str
) -> None:
    dicom.ankle(house.folder)
    async with house.running():
        await house.ask("!find XR26-1")
        question = house.session.posted[-1].event_id
        before = len(house.session.posted)
        await house.ask(body, sender=BEN, relates_to_event=question)
        said = [one.body for one in house.session.posted[before:]]
    assert await shares.every(house.ledger) == []
    assert not any("BROWN" in text for text in said)


@pytest.mark.parametrize("pointed", ["", "$in-0", "$the-share", "$nowhere"])
async def test_the_same_words_do_the_same_whatever_they_point_to(house: House, pointed: str) -> None:
    dicom.ankle(house.folder)
    async with house.running():
        await house.ask("!find XR26-1", event_id="$in-0")
        await house.ask("1", event_id="$the-share", relates_to_event=pointed)
    [share] = await shares.every(house.ledger)
    assert (share.requested_by, share.command_event_id) == (ANNA, "$the-share")


@pytest.mark.parametrize("key", ["1", "!share study", "\N{WHITE HEAVY CHECK MARK}", "!cancel"])
@pytest.mark.parametrize("kind", ["m.reaction", "m.room.message"])
async def test_a_reaction_is_nothing_that_anybody_said(key: str, kind: str) -> None:
    annotation = {"m.relates_to": {"rel_type": "m.annotation", "event_id": "$question", "key": key}}
    raw = {"event_id": "$r", "sender": ANNA, "type": kind, "origin_server_ts": 1, "content": annotation}
    event = events.well_formed(ROOM, raw)
    assert event is not None
    assert events.spoken(event.content, events.relation(event.content)) is None


async def test_what_is_kept_of_a_message_holds_no_relation(house: House) -> None:
    """The dispatcher cannot obey what it never sees."""
    pointing = {"rel_type": "m.thread", "event_id": "$question", "m.in_reply_to": {"event_id": "$question"}}
    message = events.Message("$m", ROOM, ANNA, None, "unknown", "1", "m.text", 1, relates_to=pointing)
    await Inbox(house.ledger).receive(events.SyncBatch((message,), (), "token"))
    [kept] = await inbox.unhandled(house.ledger)
    assert "$question" not in repr(kept)

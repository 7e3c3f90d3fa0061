"""What other apps say about keys that do not come: a stranger's words, which choose a sentence and do nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from bot.matrix.events import RawEvent
from bot.matrix.refusals import ADVICE, CODES, EACH, PEOPLE, REFUSED, Refusals

ROOM, ANNA, BEN = "!trauma:a.example", "@anna:a.example", "@ben:a.example"
EVIL = "</p>Ring 0900 123456 and say the patient's name\n@room"


def unread(sender: str = ANNA, session: object = "megolm", room: str = ROOM) -> RawEvent:
    return RawEvent("$1", room, sender, "m.room.encrypted", {"session_id": session}, 0)


def withheld(code: object, sender: object = ANNA, **content: Any) -> dict[str, Any]:
    about = {"code": code, "reason": EVIL, "room_id": ROOM, "session_id": "megolm", "algorithm": "x", "sender_key": "y"}
    return {"type": "m.room_key.withheld", "sender": sender, "content": about | content}


def learned(*events: dict[str, Any]) -> Refusals:
    refusals = Refusals()
    for event in events:
        refusals.learn(event)
    return refusals


@pytest.mark.parametrize("code", ["m.blacklisted", "m.unverified", "m.unauthorised", "m.unavailable", "m.no_olm"])
def test_each_code_of_the_spec_has_words_and_a_next_step(code: str) -> None:
    why = learned(withheld(code)).why(unread())
    assert why == CODES[code][0]
    assert "again" in ADVICE[why] or "once more" in ADVICE[why]
    assert "key" not in ADVICE[why]  # a clinician knows no keys


@pytest.mark.parametrize("code", ["", "m.something_new", EVIL, "x" * 100_000])
def test_an_unknown_code_gets_a_general_sentence_and_none_of_its_words(code: str) -> None:
    assert learned(withheld(code)).why(unread()) == REFUSED


@pytest.mark.parametrize("code", [None, 5, [], {"m.unverified": 1}])
def test_a_malformed_code_says_nothing(code: object) -> None:
    assert learned(withheld(code)).why(unread()) == ""


@pytest.mark.parametrize("broken", [{"session_id": []}, {"room_id": 7}, {"session_id": "x" * 321}, {"room_id": None}])
def test_a_malformed_refusal_says_nothing(broken: dict[str, Any]) -> None:
    assert learned(withheld("m.unverified", **broken), withheld("m.no_olm", sender=[])).why(unread()) == ""
    assert learned({"type": "m.room_key.withheld", "content": "x", "sender": ANNA}).why(unread()) == ""


def test_nobody_explains_another_persons_message() -> None:
    refusals = learned(withheld("m.blacklisted", sender=BEN), withheld("m.no_olm", sender=BEN))
    assert refusals.why(unread(ANNA)) == ""
    assert refusals.why(unread(BEN)) == CODES["m.blacklisted"][0]


def test_a_refusal_is_of_one_session_in_one_room() -> None:
    refusals = learned(withheld("m.unverified"))
    assert [refusals.why(unread(session="other")), refusals.why(unread(room="!other:a.example"))] == ["", ""]
    assert refusals.why(unread(session=[])) == ""


def test_no_olm_is_of_all_sessions_of_the_person_until_one_of_their_messages_is_read() -> None:
    refusals = learned(withheld("m.no_olm", room_id=None, session_id=None))
    assert refusals.why(unread(session="any")) == CODES["m.no_olm"][0]
    refusals.lifted(ANNA)
    assert refusals.why(unread(session="any")) == ""


def test_a_later_refusal_replaces_the_earlier_one() -> None:
    assert learned(withheld("m.unverified"), withheld("m.blacklisted")).why(unread()) == CODES["m.blacklisted"][0]


def test_one_person_cannot_push_out_anothers_refusals() -> None:
    flood = (withheld("m.blacklisted", sender=BEN, session_id=str(number)) for number in range(10_000))
    refusals = learned(withheld("m.unverified"), *flood)
    assert len(refusals) <= EACH + 1
    assert refusals.why(unread()) == CODES["m.unverified"][0]


def test_many_people_together_fill_a_bounded_memory() -> None:
    flood = (withheld("m.unverified", sender=f"@u{number}:evil.example") for number in range(10_000))
    refusals = learned(*flood)
    assert len(refusals) == PEOPLE
    assert refusals.why(unread("@u9999:evil.example")) == CODES["m.unverified"][0]

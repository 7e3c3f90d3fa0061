from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.people import Clinician
from access.policy import GRANTS, HARMLESS, Action, Permit, Policy, Refuse, audible, decide
from access.rooms import RoomFacts, UnverifiedDevice
from config.errors import NotAllowed

OWN = "a.example"
ANNA = Clinician("@anna:a.example", "DEV")
BEN = Clinician("@ben:b.example", "DEV")
PHONE = UnverifiedDevice("@ben:b.example", "XYZ", "Pixel", "unsigned")
GOOD = RoomFacts(
    room_id="!r:a.example",
    encrypted=True,
    join_rule="invite",
    history_visibility="shared",
    guest_access=False,
    tombstoned=False,
    joined=frozenset({"@anna:a.example", "@bot:a.example"}),
    invited=frozenset(),
    us="@bot:a.example",
)
DEFAULT = Policy.of(OWN)
WITH_B = Policy.of(OWN, foreign_servers=["b.example"])
#: What the default policy allows to everybody of the own server.
EVERYBODYS = [action for action in Action if action is not Action.ADMIN]
CLINICAL = [action for action in EVERYBODYS if action not in HARMLESS]


def codes(decision: Permit | Refuse) -> list[str]:
    return [reason.code for reason in decision.reasons] if isinstance(decision, Refuse) else []


def refused(room: RoomFacts, action: Action = Action.SHARE, who: Clinician = ANNA, policy: Policy = DEFAULT) -> str:
    decision = decide(who, room, action, policy)
    assert isinstance(decision, Refuse)
    return decision.text


#: Each fault with the code of the reason that it must give, heaviest first.
FAULTS = {
    "R01": {"encrypted": False},
    "R08": {"tombstoned": True},
    "R02": {"join_rule": "public"},
    "R03": {"history_visibility": "world_readable"},
    "R07": {"guest_access": True, "join_rule": "knock"},
    "R11": {"bridges": ("WhatsApp",)},
    "R05": {"joined": GOOD.joined | {"@eve:evil.example"}},
    "R06": {"invited": frozenset({"@eve:evil.example"})},
    "R04": {"unverified_devices": (PHONE,)},
}


@pytest.mark.parametrize("action", EVERYBODYS)
def test_a_good_room_of_our_own_people_permits_everything(action: Action) -> None:
    assert decide(ANNA, GOOD, action, DEFAULT) == Permit()


@pytest.mark.parametrize("action", EVERYBODYS)
def test_every_combination_of_faults_gives_exactly_its_reasons_in_order(action: Action) -> None:
    for chosen in itertools.product([False, True], repeat=len(FAULTS)):
        present = list(itertools.compress(FAULTS, chosen))
        guests_first = sorted(present, key=lambda code: code != "R07")  # a public room is open to guests as well
        room = replace(GOOD, **{name: value for code in guests_first for name, value in FAULTS[code].items()})
        expected = present if action in CLINICAL else [code for code in present if code == "R01"]
        assert codes(decide(ANNA, room, action, DEFAULT)) == expected


@pytest.mark.parametrize("rule", ["public", "restricted", "knock_restricted", "private", "", "something new"])
def test_only_a_room_that_one_is_invited_to_is_closed(rule: str) -> None:
    assert codes(decide(ANNA, replace(GOOD, join_rule=rule), Action.SHARE, DEFAULT)) == ["R02"]


@pytest.mark.parametrize("rule", ["invite", "knock"])
def test_an_invited_or_knocking_room_is_closed(rule: str) -> None:
    assert decide(ANNA, replace(GOOD, join_rule=rule), Action.SHARE, DEFAULT) == Permit()


@pytest.mark.parametrize("visibility", ["world_readable", "", "something new"])
def test_history_is_for_members_only(visibility: str) -> None:
    assert codes(decide(ANNA, replace(GOOD, history_visibility=visibility), Action.SHARE, DEFAULT)) == ["R03"]


@pytest.mark.parametrize(("action", "prefix"), [(action, action.value) for action in Action])
def test_every_refusal_begins_with_what_was_not_done(action: Action, prefix: str) -> None:
    room = replace(GOOD, encrypted=False, tombstoned=True)
    assert all(line.startswith(f"{prefix}: ") for line in refused(room, action).splitlines())


@pytest.mark.parametrize("code", FAULTS)
def test_every_refusal_says_what_and_what_to_do_and_its_code(code: str) -> None:
    [line] = refused(replace(GOOD, **FAULTS[code])).splitlines()
    assert line.startswith("Not shared: ")
    assert line.endswith(f" [{code}]")
    assert line.count(". ") >= 1


def test_the_sentences_of_the_security_guide() -> None:
    assert refused(replace(GOOD, encrypted=False)) == (
        "Not shared: this room is not encrypted. Turn on encryption in the room's settings, "
        "or ask in an encrypted room. [R01]"
    )
    assert refused(replace(GOOD, unverified_devices=(PHONE,))) == (
        'Not shared: @ben:b.example has a device that is not verified ("Pixel"). '
        "Ask them to verify it, then send the command again. [R04]"
    )


def test_all_devices_of_a_person_are_one_sentence() -> None:
    room = replace(GOOD, unverified_devices=(PHONE, replace(PHONE, device_id="ABC", display_name="")))
    assert '@ben:b.example has devices that are not verified ("ABC" and "Pixel").' in refused(room)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("no identity", "has not set up verification"),
        ("identity changed", "has changed"),
        ("malformed", "not verified"),
    ],
)
def test_what_is_wrong_with_a_device_says_what_to_do(reason: str, words: str) -> None:
    assert words in refused(replace(GOOD, unverified_devices=(replace(PHONE, reason=reason),)))


def test_many_people_are_counted_and_not_all_named() -> None:
    crowd = frozenset(f"@p{n}:evil.example" for n in range(10))
    text = refused(replace(GOOD, joined=GOOD.joined | crowd))
    assert "and 7 more are from another organisation" in text
    phones = tuple(replace(PHONE, user_id=person) for person in crowd)
    lines = refused(replace(GOOD, unverified_devices=phones)).splitlines()
    assert len(lines) == 4
    assert "7 more people have a device that is not verified" in lines[-1]


def test_a_long_device_name_is_cut() -> None:
    assert len(refused(replace(GOOD, unverified_devices=(replace(PHONE, display_name="x" * 5000),)))) < 250


def test_a_line_break_in_a_device_name_makes_no_new_line() -> None:
    text = refused(replace(GOOD, unverified_devices=(replace(PHONE, display_name="a\n@room b"),)))
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize("action", EVERYBODYS)
def test_people_of_an_allowed_server_may_be_present(action: Action) -> None:
    room = replace(GOOD, joined=GOOD.joined | {"@ben:B.example"}, invited=frozenset({"@cleo:b.example"}))
    assert decide(ANNA, room, action, WITH_B) == Permit()


def test_to_be_present_is_not_to_be_allowed() -> None:
    room = replace(GOOD, joined=GOOD.joined | {BEN.user_id})
    assert codes(decide(BEN, room, Action.SHARE, WITH_B)) == ["R09"]
    assert codes(decide(BEN, room, Action.HELP, WITH_B)) == []


def test_rules_say_who_may_do_what_where() -> None:
    policy = Policy.of(
        OWN,
        foreign_servers=["b.example"],
        rules=[(["@anna:a.example"], ["!r:*"], ["find"]), (["@ben:*.example"], ["!other:a.example"], ["share"])],
    )
    room = replace(GOOD, joined=GOOD.joined | {BEN.user_id})
    other = replace(room, room_id="!other:a.example")
    granted = {
        (who.user_id, where.room_id, action): decide(who, where, action, policy) == Permit()
        for who in (ANNA, BEN)
        for where in (room, other)
        for action in Action
    }
    may = {key[2] for key, permitted in granted.items() if permitted and key[:2] == (ANNA.user_id, room.room_id)}
    anybodys = (HARMLESS | {Action.VIEW}) - GRANTS.keys()
    assert may == {Action.FIND, Action.STATUS, Action.CANCEL} | anybodys
    may = {key[2] for key, permitted in granted.items() if permitted and key[:2] == (BEN.user_id, other.room_id)}
    assert may == {Action.SHARE, Action.NOTE, Action.STATUS, Action.CANCEL} | anybodys
    helped = {key for key, permitted in granted.items() if permitted and key[2] in GRANTS}
    assert {key[:2] for key in helped} == {(ANNA.user_id, room.room_id), (BEN.user_id, other.room_id)}


def test_without_rules_nobody_may_do_anything() -> None:
    assert codes(decide(ANNA, GOOD, Action.FIND, Policy.of(OWN, rules=[]))) == ["R09"]


def test_who_left_the_room_may_do_nothing_in_it() -> None:
    room = replace(GOOD, joined=frozenset({"@bot:a.example"}))
    assert all(codes(decide(ANNA, room, action, DEFAULT)) == ["R10"] for action in EVERYBODYS)


DOWNGRADED = replace(GOOD, encrypted=False, downgraded=True)


@pytest.mark.parametrize("action", Action)
def test_a_room_that_lost_its_encryption_is_not_used_for_studies_again(action: Action) -> None:
    assert ("R14" in codes(decide(ANNA, DOWNGRADED, action, DEFAULT))) == (action not in HARMLESS)


def test_harmless_words_go_wherever_they_go_out_encrypted() -> None:
    assert audible(DOWNGRADED, "Not answered") == Permit()
    assert audible(replace(GOOD, join_rule="public"), "Not answered") == Permit()
    assert codes(audible(replace(GOOD, encrypted=False), "Not answered")) == ["R01"]


def test_a_bridge_is_named() -> None:
    text = refused(replace(GOOD, bridges=("WhatsApp", "a\nvery " + "long " * 50 + "name")))
    assert text.startswith("Not shared: this room is bridged to WhatsApp and a very long")
    assert len(text.splitlines()) == 1
    assert len(text) < 250


@pytest.mark.parametrize(
    "local",
    ["_irc_ben", "clinic-bot", "clinic_bot", "clinic.bot", "Bot-7", "whatsappbot", "whatsapp_4479", "Signal_1"],
)
@pytest.mark.parametrize("where", ["joined", "invited"])
def test_an_account_that_looks_like_a_program_stops_sharing_and_is_named(local: str, where: str) -> None:
    program = f"@{local}:a.example"
    room = replace(GOOD, **{where: GOOD.joined | {program}})
    assert codes(decide(ANNA, room, Action.SHARE, DEFAULT)) == ["R11"]
    assert refused(room).startswith(f"Not shared: {program} is a program that could pass on what is posted here.")


@pytest.mark.parametrize("person", ["@talbot:a.example", "@abbot:a.example", "@ira.irc:a.example", "@bo:bot"])
def test_people_with_such_names_are_people(person: str) -> None:
    assert not DEFAULT.suspects(person)


def test_a_known_program_and_the_bot_itself_may_be_present() -> None:
    policy = Policy.of(OWN, known_bots=["@clerk-bot:a.example"])
    room = replace(GOOD, joined=GOOD.joined | {"@clerk-bot:a.example"})
    assert decide(ANNA, room, Action.SHARE, policy) == Permit()
    assert codes(decide(ANNA, room, Action.SHARE, DEFAULT)) == ["R11"]
    assert policy.suspects("@clerk-bot:elsewhere.example")
    assert policy.suspects("@Clerk-bot:a.example")
    assert policy.suspects("@bot:a.example:8448")


@pytest.mark.parametrize(
    ("change", "new"),
    [
        ({}, ""),
        ({"joined": GOOD.joined | {"@late:a.example"}}, "@late:a.example has"),
        (
            {"joined": GOOD.joined | {"@late:a.example", "@later:a.example"}},
            "@late:a.example and @later:a.example have",
        ),
        ({"invited": frozenset({"@late:a.example"})}, ""),
    ],
)
def test_nothing_is_continued_for_who_joined_since(change: dict[str, frozenset[str]], new: str) -> None:
    """Hazard: somebody whom the sender did not see in the room receives the images."""
    decision = decide(ANNA, replace(GOOD, **change), Action.SHARE, DEFAULT, GOOD.audience)
    assert codes(decision) == (["R12"] if new else [])
    if isinstance(decision, Refuse):
        assert decision.text.startswith(f"Not shared: {new} joined this room since this was asked for.")


def test_the_audience_are_the_joined_and_the_invited_without_the_bot() -> None:
    room = replace(GOOD, invited=frozenset({"@late:a.example"}))
    assert room.audience == {"@anna:a.example", "@late:a.example"}


def test_a_share_can_be_stopped_whatever_happened_to_the_room() -> None:
    faults = {name: value for code in FAULTS if code != "R01" for name, value in FAULTS[code].items()}
    assert decide(ANNA, replace(GOOD, **faults), Action.CANCEL, DEFAULT) == Permit()


def test_a_refusal_can_be_raised() -> None:
    decision = decide(ANNA, replace(GOOD, encrypted=False, guest_access=True, join_rule="knock"), Action.SHARE, DEFAULT)
    assert isinstance(decision, Refuse)
    error = decision.error()
    assert isinstance(error, NotAllowed)
    assert error.code == "R01"
    assert str(error) == decision.text


SERVERS = st.sampled_from(["a.example", "A.EXAMPLE", "b.example", "evil.example", "a.example.evil", "a.example:1"])
PEOPLE = st.builds("@{}:{}".format, st.sampled_from(["anna", "ben", "a:b"]), SERVERS)
ROOMS = st.builds(
    RoomFacts,
    room_id=st.sampled_from(["!r:a.example", "!hash"]),
    encrypted=st.booleans(),
    join_rule=st.sampled_from(["invite", "knock", "public", "restricted", ""]),
    history_visibility=st.sampled_from(["shared", "invited", "joined", "world_readable", ""]),
    guest_access=st.booleans(),
    tombstoned=st.booleans(),
    joined=st.frozensets(PEOPLE, max_size=4),
    invited=st.frozensets(PEOPLE, max_size=2),
    unverified_devices=st.lists(st.just(PHONE), max_size=1).map(tuple),
)
POLICIES = st.builds(
    Policy.of,
    st.just(OWN),
    foreign_servers=st.lists(st.sampled_from(["b.example", "*.example"]), max_size=1),
    rules=st.just([(["*"], ["*"], ["find", "share"])]),
)


@given(PEOPLE, ROOMS, st.sampled_from(Action), POLICIES)
def test_nothing_is_ever_permitted_in_an_unencrypted_room(
    person: str, room: RoomFacts, action: Action, policy: Policy
) -> None:
    if isinstance(decide(Clinician(person, "D"), room, action, policy), Permit):
        assert room.encrypted
        assert person in room.joined


@given(PEOPLE, ROOMS, st.sampled_from(CLINICAL), POLICIES)
def test_nothing_clinical_is_ever_permitted_before_strangers(
    person: str, room: RoomFacts, action: Action, policy: Policy
) -> None:
    """Hazard: images reach people whom nobody approved."""
    decision = decide(Clinician(person, "D"), room, action, policy)
    if isinstance(decision, Permit):
        servers = {one.partition(":")[2].lower() for one in room.joined | room.invited}
        assert servers <= {OWN, "b.example", "evil.example"}
        assert policy.foreign_servers or servers <= {OWN}
        assert room.join_rule in {"invite", "knock"}
        assert room.history_visibility in {"shared", "invited", "joined"}
        assert not (room.guest_access and room.join_rule != "invite")
        assert (room.tombstoned, room.unverified_devices) == (False, ())
    else:
        assert decision.reasons


def test_administration_is_for_those_whom_a_rule_names() -> None:
    policy = Policy.of(OWN, rules=[(["own"], ["*"], ["find", "share"]), ([ANNA.user_id], [GOOD.room_id], ["admin"])])
    assert decide(ANNA, GOOD, Action.ADMIN, policy) == Permit()
    assert codes(decide(ANNA, GOOD, Action.ADMIN, DEFAULT)) == ["R09"]
    assert codes(decide(ANNA, replace(GOOD, join_rule="public"), Action.ADMIN, policy)) == ["R02"]

"""What leaves for the homeserver: nothing that anybody could read.

Hazard: a patient's name or images reach a server, and all whom it federates with, in the clear.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import nio
import pytest
import vodozemac
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from nio import AsyncClient

from bot.matrix import gate, permitted
from bot.matrix.cleartext import Cancel, Farewell, Reaction
from bot.matrix.errors import GateClosed
from bot.matrix.guard import GuardedClient, client_path
from bot.matrix.guard import path as path_of
from bot.matrix.identity import Identity
from bot.matrix.making import creation
from bot.matrix.session import MatrixSession
from config.errors import Bug, CarrierbagError
from tests.fakes.matrix import MemoryPins
from tests.servers.listening import ANNA, BOT, EVENT, OPEN_ROOM, ROOM, USAGES, Listening

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Awaitable, Callable

OURS = {"Authorization": "Bearer token"}
TXN = "0123456789abcdef" * 2
KEY = "A" * 43
SAY = client_path("rooms", ROOM, "send", "m.room.encrypted", TXN)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Listening]:
    (tmp_path / "anna").mkdir()
    async with Listening.start(tmp_path / "anna") as running:
        yield running


@pytest.fixture
async def session(server: Listening, tmp_path: Path) -> AsyncIterator[MatrixSession]:
    async with _session(server, tmp_path) as opened:
        yield opened


def _session(server: Listening, directory: Path) -> MatrixSession:
    (directory / "bot").mkdir(exist_ok=True)
    client = GuardedClient(server.url, BOT, "BOTDEVICE", directory / "bot", bytes(32))
    client.load_store()
    client.access_token = "token"
    client.rooms = {room: nio.MatrixRoom(room, BOT) for room in (ROOM, OPEN_ROOM)}
    return MatrixSession(client, MemoryPins(), Identity.of(BOT, {usage: bytes(32) for usage in USAGES}))


def passes(method: str, target: str, body: Any = None, headers: dict[str, str] | None = None) -> bool:
    data = body if body is None or isinstance(body, bytes | str) else json.dumps(body)
    try:
        gate.check(method, target, data, headers, OURS)
    except GateClosed:
        return False
    return True


# Rule by rule


async def test_a_real_message_passes_and_each_change_of_it_does_not(session: MatrixSession) -> None:
    await session.send(ROOM, {"msgtype": "m.text", "body": "x"}, "one")
    content = session.room_keys.encrypt(ROOM, "m.room.message", {"msgtype": "m.text", "body": "Ankle"})
    assert passes("PUT", SAY, content)
    assert passes("PUT", SAY, content | {"m.relates_to": {"rel_type": "m.replace", "event_id": EVENT}})
    assert passes("PUT", SAY, content | {"m.relates_to": {"m.in_reply_to": {"event_id": EVENT}}})
    for change in (
        {"session_id": vodozemac.GroupSession().session_id},
        {"ciphertext": "Ankle"},
        {"ciphertext": "QW5rbGUsIHRocmVlIHZpZXdz"},
        {"ciphertext": content["ciphertext"][:-4] + "AAAA"},
        {"ciphertext": content["ciphertext"] + "="},
        {"algorithm": "none"},
        {"body": "Ankle"},
        {"m.relates_to": {"rel_type": "m.replace", "event_id": EVENT, "body": "Ankle"}},
        {"m.relates_to": {"rel_type": "Ankle", "event_id": EVENT}},
        {"m.relates_to": {"m.in_reply_to": {"event_id": EVENT, "body": "Ankle"}}},
        {"m.relates_to": {"rel_type": "m.replace", "event_id": "$Ankle"}},
    ):
        assert not passes("PUT", SAY, content | change), change


@pytest.mark.parametrize("kind", ["m.room.message", "m.room.redaction", "m.sticker", "m.key.verification.request", "x"])
def test_no_other_event_is_said_in_a_room(kind: str) -> None:
    assert not passes("PUT", client_path("rooms", ROOM, "send", kind, TXN), {"body": "hello"})
    assert not passes("PUT", client_path("rooms", ROOM, "send", kind, TXN), {})


@pytest.mark.parametrize("kind", ["m.room.name", "m.room.topic", "m.room.pinned_events", "m.room.member", "x.y"])
def test_no_state_is_set(kind: str) -> None:
    assert not passes("PUT", client_path("rooms", ROOM, "state", kind), {})
    assert not passes("PUT", client_path("rooms", ROOM, "state", kind, ""), {"name": "Ankle"})


def test_reactions_are_of_a_fixed_few() -> None:
    target = client_path("rooms", ROOM, "send", "m.reaction", TXN)

    def reaction(key: str, **more: str) -> dict[str, Any]:
        return {"m.relates_to": {"rel_type": "m.annotation", "event_id": EVENT, "key": key} | more}

    assert all(passes("PUT", target, reaction(one.value)) for one in Reaction)
    assert not passes("PUT", target, reaction("Ankle"))
    assert not passes("PUT", target, reaction(Reaction.SEEN, shortcode="Ankle"))
    assert not passes("PUT", target, reaction(Reaction.SEEN) | {"body": "Ankle"})


def test_leaving_has_a_fixed_reason_or_none() -> None:
    target = client_path("rooms", ROOM, "leave")
    assert all(passes("POST", target, {"reason": one.value}) for one in Farewell)
    assert passes("POST", target, {})
    assert not passes("POST", target, {"reason": "because of the ankle"})


def test_no_fixed_word_of_ours_holds_a_place_for_content() -> None:
    words = [*Farewell, *Reaction, *(one.reason for one in Cancel)]
    assert not [word for word in words if re.search(r"[{}%]|\d{3}", word.replace("2023", ""))]


def test_typing_and_receipts_say_nothing_more() -> None:
    assert passes("PUT", client_path("rooms", ROOM, "typing", BOT), {"typing": True, "timeout": 20_000})
    assert not passes("PUT", client_path("rooms", ROOM, "typing", BOT), {"typing": True, "timeout": 9_990_000_018})
    assert not passes("PUT", client_path("rooms", ROOM, "typing", BOT), {"typing": "Ankle"})
    assert passes("POST", client_path("rooms", ROOM, "receipt", "m.read", EVENT), {})
    assert not passes("POST", client_path("rooms", ROOM, "receipt", "m.read", EVENT), {"thread_id": "Ankle"})
    assert passes("PUT", client_path("rooms", ROOM, "redact", EVENT, TXN), {})
    assert not passes("PUT", client_path("rooms", ROOM, "redact", EVENT, TXN), {"reason": "Ankle"})


@pytest.mark.parametrize("name", ["Ankle clinic", "Ward 12", "Übergabe"])
def test_a_room_is_made_with_a_name_and_fixed_settings(name: str) -> None:
    body = creation(BOT, ANNA, name, marker=TXN, version="11", federate=False)
    assert passes("POST", client_path("createRoom"), body)
    for change in (
        {"topic": "Ankle"},
        {"name": "Brown 9990000018"},
        {"name": "a\nb"},
        {"initial_state": []},
        {"initial_state": [*body["initial_state"], {"type": "m.room.topic", "content": {"topic": "Ankle"}}]},
        {"creation_content": {"m.federate": False, "carrierbag.request": "Ankle"}},
        {"visibility": "public"},
        {"preset": "public_chat"},
    ):
        assert not passes("POST", client_path("createRoom"), body | change), change


def test_withheld_keys_have_fixed_reasons() -> None:
    target = client_path("sendToDevice", "m.room_key.withheld", TXN)
    content = {"algorithm": "m.megolm.v1.aes-sha2", "sender_key": KEY, "code": "m.no_olm"}

    def told(reason: str) -> dict[str, Any]:
        return {"messages": {ANNA: {"PHONE": content | {"reason": reason}}}}

    assert passes("PUT", target, told("You have not set up verification. Do so in your app's security settings."))
    assert not passes("PUT", target, told("the ankle of Archibald Brown"))


def test_room_keys_go_to_devices_as_olm_messages_only() -> None:
    body = {"algorithm": "m.megolm.v1.aes-sha2", "room_id": ROOM, "session_id": KEY, "session_key": KEY}
    for kind in ("m.room_key", "m.room.encrypted", "m.forwarded_room_key"):
        assert not passes("PUT", client_path("sendToDevice", kind, TXN), {"messages": {ANNA: {"PHONE": body}}})
    olm = {"algorithm": "m.olm.v1.curve25519-aes-sha2", "sender_key": KEY}
    for text in ("Ankle", "QW5rbGU", "AwQF"):
        sealed = olm | {"ciphertext": {KEY: {"type": 0, "body": text}}}
        target = client_path("sendToDevice", "m.room.encrypted", TXN)
        assert not passes("PUT", target, {"messages": {ANNA: {"PHONE": sealed}}})


def test_a_verification_ends_in_the_words_of_its_code() -> None:
    target = client_path("sendToDevice", "m.key.verification.cancel", TXN)

    def ended(**content: str) -> dict[str, Any]:
        return {"messages": {ANNA: {"PHONE": {"transaction_id": "abc"} | content}}}

    assert all(passes("PUT", target, ended(code=one.code, reason=one.reason)) for one in Cancel)
    assert not passes("PUT", target, ended(code="m.user", reason="Ankle"))
    assert not passes("PUT", target, ended(code="m.user", reason=Cancel.TIMEOUT.reason))


@pytest.mark.parametrize(
    "target",
    [
        "/_matrix/client/v3/profile/%40carrierbag%3Alocalhost/displayname",
        "/_matrix/client/v3/presence/%40carrierbag%3Alocalhost/status",
        "/_matrix/client/v3/user_directory/search",
        "/_matrix/client/v3/search",
        "/_matrix/client/v3/directory/room/%23ankle%3Alocalhost",
        "/_matrix/client/r0/rooms/%21ward%3Alocalhost/leave",
        "/_matrix/client/v3/rooms/%21ward%3Alocalhost/leave/",
        "/_matrix/client/v3/rooms/%21ward%3Alocalhost/../leave",
        "/_matrix/client/v3/rooms/%2e%2e/leave",
        "/_matrix/client/v3/rooms/%21ward%3Alocalhost/leave?why=ankle",
        "/_matrix/client/v3/rooms/%21ward%3Alocalhost/leave#ankle",
        "/_matrix/media/v3/upload?filename=ankle.jpg",
        "/_synapse/admin/v1/users",
        "//_matrix/client/v3/joined_rooms",
        "_matrix/client/v3/joined_rooms",
        "",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "PATCH", "put"])
def test_what_is_not_known_is_refused(method: str, target: str) -> None:
    assert not passes(method, target)
    assert not passes(method, target, {})


@pytest.mark.parametrize(
    "data",
    [
        '{"typing": "Ankle", "typing": true}',
        '{"typing": true} Ankle',
        b'{"typing": true}\xff',
        '{"typing": true}'.encode("utf-16"),
        '{"typing": NaN}',
        "[" * 100_000,
        ["typing"],
        object(),
        iter([b"Ankle"]),
    ],
)
def test_a_body_that_could_be_read_in_two_ways_is_refused(data: Any) -> None:
    with pytest.raises(GateClosed):
        gate.check("PUT", client_path("rooms", ROOM, "typing", BOT), data, None, OURS)


@pytest.mark.parametrize(
    "headers", [{"X-Patient": "Ankle"}, {"Content-Type": "Ankle"}, {"Authorization": "Bearer Ankle"}]
)
def test_headers_hold_the_token_and_the_type_only(headers: dict[str, str]) -> None:
    assert passes("GET", client_path("joined_rooms"), None, OURS | {"Content-Type": "application/json"})
    assert not passes("GET", client_path("joined_rooms"), None, headers)


def test_a_refusal_is_a_bug_and_holds_nothing_of_the_content(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Bug) as refused:
        gate.check("PUT", client_path("rooms", ROOM, "send", "m.room.message", "Brown"), '{"body": "Ankle"}', {}, OURS)
    with pytest.raises(Bug) as unread:
        gate.check("PUT", client_path("rooms", ROOM, "typing", BOT), '{"Ankle', {}, OURS)
    said = capsys.readouterr().out
    for error in (refused.value, unread.value):
        said += f"{error} {error.__notes__} {error.__context__} {error.__cause__}"
    assert "M31" in said
    assert "gate_closed" in said
    assert not re.search("ankle|brown", said, re.IGNORECASE)


# Nothing goes round it


def test_nio_reaches_the_network_in_one_place_only() -> None:
    """When nio grows another way out, this says so."""
    source = inspect.getsource(nio.client.async_client)
    assert re.findall(r"client_session\.(\w+)\(", source) == ["request", "close"]
    assert "client_session.request" in inspect.getsource(AsyncClient.send)
    assert GuardedClient.send is not AsyncClient.send


def test_only_the_guard_and_the_media_speak_http() -> None:
    """Whatever else would open a connection of its own goes round the gate."""
    opened = Counter[str]()
    for path in Path(gate.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = {getattr(node, "id", ""), getattr(node, "attr", "")}
            if names & {"ClientSession", "client_session", "TCPConnector", "open_connection", "create_connection"}:
                opened[path.name] += 1
    assert set(opened) == {"media.py"}
    assert "gate.check" in Path(gate.__file__).with_name("media.py").read_text("utf-8")


async def test_nios_own_high_level_methods_end_at_the_gate(session: MatrixSession, server: Listening) -> None:
    """Plain nio would have said each of these in the clear: see `heard` with the gate open."""
    client = session.client
    calls: list[Callable[[], Awaitable[Any]]] = [
        lambda: client.room_send(OPEN_ROOM, "m.room.message", {"body": "Ankle"}),
        lambda: client.room_put_state(OPEN_ROOM, "m.room.topic", {"topic": "Ankle"}),
        lambda: client.set_displayname("Ankle"),
        lambda: client.set_presence("online", "Ankle"),
        lambda: client.room_redact(OPEN_ROOM, EVENT, "Ankle"),
        lambda: client.room_kick(OPEN_ROOM, ANNA, "Ankle"),
        lambda: client.room_create(name="Ankle", topic="Ankle"),
        lambda: client.room_resolve_alias("#Ankle:localhost"),
        lambda: client.upload(lambda *_: b"Ankle", filename="Ankle.jpg", filesize=5),
    ]
    client.encrypted_rooms.clear()
    for call in calls:
        with suppress(Exception):
            await call()
    assert server.leaked(("Ankle",)) == []
    with pytest.MonkeyPatch.context() as open_gate:
        open_gate.setattr(gate, "check", lambda *_: None)
        for number, call in enumerate(calls, 1):
            with suppress(Exception):
                await call()
            assert sum("ankle" in one.decode("latin-1").casefold() for one in server.heard) == number
        assert server.leaked(("Ankle", "Brown")) == ["Ankle"]


# Ten thousand calls at random

NAMES = ("BROWN^ARCHIBALD", "Archibald Brown", "12 Apr 1963", "Fracture of the ankle?")
NUMBERS = ("9990000018", "1963041212")
WORDS = NAMES + NUMBERS
#: What nio has that cannot be called at random: it ends the client, loops, or is a step of what is called anyway.
NOT_CALLED = {"close", "sync_forever", "send", "login", "login_raw", "synced"}
METHODS = [
    name
    for name, _ in inspect.getmembers(AsyncClient, inspect.iscoroutinefunction)
    if not name.startswith("_") and name not in NOT_CALLED
]
EXAMPLES, CALLS = 100, 100


class Chance:
    """Random calls, many of them almost right: with words of a patient in every place that takes one."""

    def __init__(self, draw: random.Random, directory: Path) -> None:
        self.draw = draw
        self.directory = directory
        self.words = WORDS

    def word(self) -> str:
        return self.draw.choice(self.words)

    def yes(self) -> bool:
        return self.draw.random() < 0.5

    def identifier(self, right: str) -> str:
        """A number alone may be somebody's ID: in places of IDs stand names."""
        return self.draw.choice([right, right, self.draw.choice(NAMES), right + self.draw.choice(NAMES)])

    def content(self) -> dict[str, Any]:
        fields = ["body", "reason", "topic", "name", "displayname", "msgtype", "m.relates_to", "key", "x"]
        return {self.draw.choice([*fields, *WORDS]): self.value(2) for _ in range(self.draw.randint(1, 4))}

    def value(self, depth: int) -> Any:
        kinds: list[Callable[[], Any]] = [self.word, lambda: 9990000018, lambda: True, lambda: None, lambda: 1.5]
        if depth:
            kinds += [lambda: {self.word(): self.value(depth - 1)}, lambda: [self.value(depth - 1)]]
        return self.draw.choice(kinds)()

    def changed(self, body: Any) -> Any:
        """A right body with words in one place: instead of a value, or beside it."""
        if isinstance(body, dict) and body and self.draw.random() < 0.8:
            name = self.draw.choice(sorted(body))
            if name == "name":  # of a room: a person's own word, as long as it is not like an identifier
                return body | {name: f"{self.draw.choice(NAMES)} {self.draw.choice(NUMBERS)}"}
            return body | {name: self.changed(body[name])}
        if isinstance(body, list) and body and self.draw.random() < 0.8:
            return [*body[:-1], self.changed(body[-1])]
        if isinstance(body, dict):
            return body | {self.draw.choice(["body", "x", *self.words]): self.value(1)}
        return self.draw.choice([self.value(1), self.draw.choice(NAMES)])

    async def raw(self, session: MatrixSession) -> None:
        """Any rule's path or none, with any body."""
        rule = self.draw.choice(permitted.RULES)
        method = self.draw.choice([rule.method, rule.method, "PUT", "POST", self.word()])
        segments = [SEGMENTS.get(part, part) for part in rule.template.removeprefix("/_matrix/").split("/")]
        if self.draw.random() < 0.3:
            place = self.draw.randrange(len(segments))
            segments[place] = self.identifier(segments[place])
        path = self.draw.choice([path_of(*segments), "/_matrix/" + "/".join(segments), "/" + self.word()])
        if self.draw.random() < 0.2:
            path += f"?{self.draw.choice(['since', 'filter', 'filename', 'reason'])}={self.draw.choice(NAMES)}"
        data = self.draw.choice([
            lambda: json.dumps(self.content()), lambda: json.dumps({}), lambda: None, self.word,
            lambda: json.dumps({"typing": self.word()}) + self.word(), lambda: self.word().encode(),
            lambda: iter([self.word().encode()]),
        ])()  # fmt: skip
        headers = self.draw.choice([None, {"Content-Type": "application/json"}, {"X-Name": self.word()}])
        await session.client.send(method, path, data, headers)

    async def almost(self, session: MatrixSession) -> None:
        """A request that was let through, changed in one place."""
        method, target, body = self.draw.choice(RIGHT)
        self.words = NAMES if target in WITH_IDS else WORDS
        changed = self.changed(body)
        self.words = WORDS
        await session.client.call(method, target, changed)

    async def ours(self, session: MatrixSession) -> None:
        """The session's own words, with a patient in all of them."""
        room = self.draw.choice([ROOM, ROOM, OPEN_ROOM])
        await self.draw.choice([
            lambda: session.send(room, self.content(), self.word(), event_type=self.word(), strict=self.yes()),
            lambda: session.send(room, {"msgtype": "m.text", "body": self.word()}, self.word()),
            lambda: session.react(room, EVENT, self.draw.choice([*Reaction, *WORDS])),
            lambda: session.typing(room, on=self.yes()),
            lambda: session.leave(room, reason=self.draw.choice([None, *Farewell, SimpleNamespace(value=self.word())])),
            lambda: session.join(self.identifier(room)),
            lambda: session.display_name(self.identifier(ANNA)),
            lambda: session.create_room(ANNA, self.word() + "-" + self.draw.choice(NUMBERS), marker=TXN, federate=True),
            lambda: self.upload(session),
        ])()  # fmt: skip

    async def upload(self, session: MatrixSession) -> None:
        """A file that was not encrypted."""
        path = self.directory / "file"
        kinds = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"PK\x03\x04", bytes(128) + b"DICM", b"%PDF-1.7", b""]
        path.write_bytes(self.draw.choice(kinds) + " ".join(WORDS).encode())
        await session.media.put("mxc://localhost/media", path, path.stat().st_size)

    async def nios(self, session: MatrixSession) -> None:
        """One of nio's own methods, every argument a patient's."""
        name = self.draw.choice(METHODS)
        method = getattr(session.client, name)
        arguments = {one.name: self.argument(one) for one in inspect.signature(method).parameters.values()}
        await method(**arguments)

    def argument(self, one: inspect.Parameter) -> Any:
        identifiers = {"room_id": OPEN_ROOM, "user_id": ANNA, "event_id": EVENT, "device_id": "PHONE"}
        if one.name in identifiers:
            return self.identifier(identifiers[one.name])
        if "dict" in str(one.annotation):
            return self.content()
        if "int" in str(one.annotation):
            return 9990000018
        return self.draw.choice(NAMES)


SEGMENTS = {
    "{room}": ROOM, "{user}": ANNA, "{event}": EVENT, "{server}": "localhost", "{hash}": TXN, "{kind}": "m.room.name",
    "{data}": "m.cross_signing.master", "{media}": "media",
}  # fmt: skip
#: Requests that pass as they are.
RIGHT: list[tuple[str, str, Any]] = [
    ("PUT", client_path("rooms", ROOM, "typing", BOT), {"typing": True, "timeout": 20_000}),
    ("PUT", client_path("rooms", ROOM, "send", "m.reaction", TXN),
     {"m.relates_to": {"rel_type": "m.annotation", "event_id": EVENT, "key": Reaction.SEEN.value}}),
    ("POST", client_path("rooms", ROOM, "leave"), {"reason": Farewell.NOT_ENCRYPTED.value}),
    ("POST", client_path("createRoom"), creation(BOT, ANNA, "Ankle clinic", marker=TXN, version="11", federate=False)),
    ("POST", client_path("keys", "query"), {"device_keys": {ANNA: []}}),
    ("POST", client_path("keys", "claim"), {"one_time_keys": {ANNA: {"PHONE": "signed_curve25519"}}}),
    ("PUT", client_path("sendToDevice", "m.key.verification.done", TXN),
     {"messages": {ANNA: {"PHONE": {"transaction_id": "a"}}}}),
    ("PUT", client_path("sendToDevice", "m.key.verification.cancel", TXN),
     {"messages": {ANNA: {"PHONE": {"transaction_id": "a", "code": "m.user", "reason": Cancel.BY_US.reason}}}}),
    ("PUT", client_path("user", BOT, "account_data", "m.secret_storage.default_key"), {"key": TXN}),
]  # fmt: skip


#: Of these, those that name other people's devices: a number alone may be a device's ID.
WITH_IDS = [target for _, target, _ in RIGHT if re.search("keys/(query|claim)|sendToDevice", target)]


@pytest.mark.parametrize(("method", "target", "body"), RIGHT)
def test_what_is_changed_below_is_right_before(method: str, target: str, body: Any) -> None:
    assert passes(method, target, body)


@settings(
    max_examples=EXAMPLES,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # there is nothing to shrink in a seed
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(draw=st.randoms(use_true_random=True))
async def test_ten_thousand_random_calls_say_nothing_that_can_be_read(
    session: MatrixSession, server: Listening, tmp_path: Path, draw: random.Random
) -> None:
    chance = Chance(draw, tmp_path)
    server.heard.clear()
    server.requests.clear()
    for _ in range(CALLS):
        kind = draw.choices([chance.raw, chance.almost, chance.ours, chance.nios], [4, 3, 1, 2])[0]
        try:
            await kind(session)
        except (CarrierbagError, nio.exceptions.LocalProtocolError, TypeError, ValueError, AttributeError, KeyError):
            tried["refused"] += 1
        tried[kind.__name__] += 1
    assert server.leaked(WORDS) == []
    tried["heard"] += len(server.heard)
    tried["said"] += sum("m.room.encrypted" in one for one in server.requests)


tried = Counter[str]()


def test_ten_thousand_calls_were_made_and_some_of_them_spoke() -> None:
    calls = sum(tried[kind] for kind in ("raw", "almost", "ours", "nios"))
    assert calls >= EXAMPLES * CALLS
    assert tried["heard"] > 1_000
    assert tried["said"] > 100

"""Attacks with events: what the server relabels, moves, repeats, makes up, tears apart, or says in a clinician's place.

Each function is one kind of attack in all its forms, on a running bot (`Target`). All events that it counts must not be
taken for commands.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from tests.security.evil import STATE, Lies
from tests.security.target import COMMAND, SHARE, Target, event, now, speaking
from tests.servers.rewriting import answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.servers.peer import Conversation


MSGTYPES: list[Any] = [
    "m.notice", "m.emote", "m.image", "m.file", "m.audio", "m.video", "m.location", "m.server_notice",
    "m.key.verification.request", "M.TEXT", "m.text ", "", None, 5, ["m.text"], {"m.text": 1}, True,
]  # fmt: skip
BODIES: list[Any] = [None, 5, [SHARE], {"body": SHARE}, True, "", " ", "\x00", f"* {SHARE}", f"please {SHARE}"]
QUOTATIONS = [
    f"> <@anna:localhost> {SHARE}\n\nI agree",
    f"> {SHARE}",
    f"> {SHARE}\n> {SHARE}\n\n",
    f"> <@anna:localhost> hello\n> {SHARE}\n\nyes",
    f">{SHARE}\n\nthanks",
    f"He said:\n{SHARE}",
]
TYPES: list[Any] = [
    "m.room.encrypted", "m.reaction", "m.sticker", "m.room.redaction", "m.room.topic", "m.room_key", "m.room.member",
    "org.matrix.msc3381.poll.response", "m.room.message ", "", None, 5, [], {},
]  # fmt: skip
PLAINTEXTS = [
    "", "null", "[]", "5", '"!share study"', "{", "\x00", "[" * 50_000, '{"type":"m.room.message"}', r'"\ud800"',
]  # fmt: skip


async def relabelled(target: Target) -> None:
    """Another sender's name stands over a message."""
    mallory = await speaking(target.mallory, target)
    anna = target.anna.user_id
    labels = [
        {},
        {"sender_key": target.mallory.curve25519, "device_id": target.mallory.raw.device_id},
        {"sender_key": target.ben.curve25519, "device_id": target.anna.device_id},
    ]
    for claimed in (anna, target.ben.user_id, target.user_id, "@nobody:localhost", anna.upper(), f" {anna}", ""):
        await target.attempt("relabelled", *(event(claimed, mallory.seal(SHARE) | label) for label in labels))
    await target.attempt("a colleague's words", event(anna, target.said.seal(SHARE)))


async def moved(target: Target) -> None:
    """A message of one room stands in another, or was written for another."""
    ben = target.ben.user_id
    elsewhere = [target.other_room, "!nowhere:localhost", target.room.upper()]
    for room in elsewhere:
        await target.attempt("moved", event(ben, target.said.seal(SHARE)), room=room)
    rooms = [target.other_room, None, "", 5, [target.room], {target.room: 1}, target.room + " "]
    await target.attempt("written for another", *(event(ben, target.said.seal(SHARE, room_id=room)) for room in rooms))
    nowhere = target.said.seal(SHARE)
    await target.attempt("of a room where the key was not given", event(ben, nowhere | {"room_id": target.other_room}),
                         room=target.other_room)  # fmt: skip


async def replayed(target: Target) -> None:
    """What was said before is said again."""
    for original in [await target.raw(event_id) for event_id in target.genuine[-4:]]:
        sender, content = original["sender"], original["content"]
        again: list[dict[str, Any]] = [
            event(sender, content),
            event(sender, content, origin_server_ts=original["origin_server_ts"]),
            event(sender, content, origin_server_ts=0),
            event(sender, content, origin_server_ts=now() + 86_400_000),
            event(sender, content, unsigned={"age": 1, "transaction_id": "x"}),
            event(sender, content | {"m.relates_to": {"m.in_reply_to": {"event_id": original["event_id"]}}}),
            event(sender, {key: content[key] for key in ("algorithm", "session_id", "ciphertext")}),
            event(target.mallory.user_id, content),
        ]
        await target.attempt("replayed", *again)
        await target.attempt("replayed elsewhere", event(sender, content), room=target.other_room)
        await target.attempt("replayed in other letters", *(event(sender, one) for one in respelled(content)))


def respelled(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The same bytes, written differently."""
    text = content["ciphertext"]
    padded = text + "=" * (-len(text) % 4)
    url_safe = text.replace("+", "-").replace("/", "_")
    return [content | {"ciphertext": one} for one in (padded, text + "\n", f" {text}", url_safe)]


async def keys_again(target: Target) -> None:
    """A room key that was given once is given again, so that its messages might count anew."""
    original = await target.raw(target.genuine[-1])
    channel = await target.ben.open(target.user_id, target.device_id)
    sealed = channel.seal("m.room_key", target.said.room_key())
    told = {"type": "m.room.encrypted", "sender": target.ben.user_id, "content": sealed}
    for _ in range(3):
        await target.attempt("with its key again", event(target.ben.user_id, original["content"]), to_device=[told])


async def in_the_clear(target: Target) -> None:
    """The server writes a message itself."""
    anna = target.anna.user_id
    plain = {"msgtype": "m.text", "body": SHARE}
    bodies: list[dict[str, Any]] = [
        plain,
        plain | {"body": COMMAND},
        plain | {"body": "1"},
        plain | {"body": "!cancel 1"},
        plain | {"body": "!room new Ankle"},
        plain | {"format": "org.matrix.custom.html", "formatted_body": SHARE},
        plain | {"m.mentions": {"user_ids": [target.user_id]}},
        plain | {"session_id": target.said.group.session_id, "sender_key": target.ben.curve25519},
        plain | {"device_id": target.anna.device_id, "authenticated": True, "verified": True},
        plain | {"m.relates_to": {"m.in_reply_to": {"event_id": target.genuine[-1]}}},
    ]
    for sender in (anna, target.ben.user_id):
        await target.attempt("in the clear", *(event(sender, body, type="m.room.message") for body in bodies))
    sealed = target.said.seal(SHARE)
    mixed = [plain | sealed, plain | {"algorithm": "m.megolm.v1.aes-sha2"}]
    await target.attempt("in the clear, as if sealed", *(event(anna, one, type="m.room.message") for one in mixed))
    bare = [plain, {"type": "m.room.message", "content": plain}]
    await target.attempt("in the clear, by its type", *(event(anna, one) for one in bare))


async def content_that_is_no_command(target: Target) -> None:
    """A clinician's own device says something else than a new, plain text."""
    ben = target.ben.user_id
    text = {"msgtype": "m.text", "body": SHARE}
    replaces = {"rel_type": "m.replace", "event_id": target.genuine[-1]}
    contents: list[Any] = [
        *({"msgtype": kind, "body": SHARE} for kind in MSGTYPES),
        *({"msgtype": "m.text", "body": body} for body in BODIES),
        *(text | {"m.new_content": new} for new in (text, {}, None, [text], SHARE)),
        text | {"m.relates_to": replaces},
        text | {"m.relates_to": replaces, "m.new_content": text},
        {"m.new_content": text, "m.relates_to": replaces},
        *({"msgtype": "m.text", "body": quoted} for quoted in QUOTATIONS),
        {"body": SHARE}, {"msgtype": "m.text"}, {"msgtype": "m.text", "formatted_body": SHARE}, {},
    ]  # fmt: skip
    said = [target.said.seal("", content=content) for content in contents]
    await target.attempt("no new text", *(event(ben, one) for one in said))
    payloads: list[dict[str, Any]] = [
        *({"type": kind} for kind in TYPES),
        *({"content": content} for content in (None, 5, [], [text], SHARE, True)),
    ]
    sealed = [target.said.seal(SHARE, **lies) for lies in payloads]
    await target.attempt("no message inside", *(event(ben, one) for one in sealed))
    await target.attempt("nothing proper inside", *(event(ben, sealed_text(target.said, one)) for one in PLAINTEXTS))


def sealed_text(said: Conversation, plaintext: str) -> dict[str, Any]:
    return said.seal("") | {"ciphertext": said.group.encrypt(plaintext.encode()).to_base64()}


async def with_an_app(target: Target) -> None:
    """The same by a clinician's real client: edits, notices, emotes, reactions, other events, what was taken back."""
    anna, room = target.anna, target.room
    first = await anna.send(room, "hello")
    reply = {"m.in_reply_to": {"event_id": first}}
    quotation = {"msgtype": "m.text", "body": QUOTATIONS[0], "m.relates_to": reply}
    tries = [
        await anna.edit(room, first, SHARE),
        await anna.notice(room, SHARE),
        await anna.send(room, SHARE, msgtype="m.emote"),
        await anna.react(room, first, SHARE),
        await anna.react(room, first, "1"),
        await anna.send_raw(room, "org.example.other", {"msgtype": "m.text", "body": SHARE}),
        await anna.send_raw(room, "m.room.message", quotation),
        await anna.send_state(room, "m.room.topic", {"topic": SHARE}),
    ]
    target.count("with an app", *tries)
    await anna.redact(room, first)
    gone = event(anna.user_id, {}, unsigned={"redacted_because": {"sender": anna.user_id, "type": "m.room.redaction"}})
    await target.attempt("taken back", gone)


async def relations_of_the_server(target: Target) -> None:
    """The server writes what a message relates to, and what people are said to have clicked."""
    anna, ben = target.anna.user_id, target.ben.user_id
    listed = next(one.event_id for one in target.anna.events[::-1] if one.sender == target.user_id and one.body)
    pointers = [
        {"m.in_reply_to": {"event_id": listed}},
        {"rel_type": "m.thread", "event_id": listed, "is_falling_back": False},
        {"rel_type": "m.reference", "event_id": listed},
        {"rel_type": "m.annotation", "event_id": listed, "key": "1"},
    ]
    mallory = await speaking(target.mallory, target)
    for sender in (anna, ben):
        words = [mallory.seal("1") | {"m.relates_to": pointer} for pointer in pointers]
        await target.attempt("a number by another", *(event(sender, one) for one in words))
        clicks = [{"m.relates_to": pointers[3] | {"key": key}} for key in ("1", SHARE, "\N{WHITE HEAVY CHECK MARK}")]
        await target.attempt("a reaction", *(event(sender, one, type="m.reaction") for one in clicks))
        kinds = ("m.poll.response", "org.matrix.msc3381.poll.response")
        poll = {"m.relates_to": pointers[2], "m.selections": ["1"], kinds[1]: {"answers": ["1"]}}
        await target.attempt("a vote", *(event(sender, poll, type=kind) for kind in kinds))
    replaced = {"rel_type": "m.replace", "event_id": listed}
    await target.attempt("made an edit", event(ben, target.said.seal(SHARE) | {"m.relates_to": replaced}))


async def our_own_words(target: Target) -> None:
    """What the bot said comes back, as its own or as somebody's."""
    ours = next(one.event_id for one in target.anna.events[::-1] if one.sender == target.user_id and one.body)
    content = (await target.raw(ours))["content"]
    people = (target.user_id, target.anna.user_id, target.ben.user_id)
    await target.attempt("our own words", *(event(sender, content) for sender in people))
    await target.attempt("in our name", event(target.user_id, target.said.seal(SHARE)))


async def state_events(target: Target) -> None:
    """Nobody types state."""
    ben = target.ben.user_id
    keys: list[Any] = ["", ben, None, 5]
    await target.attempt("as state", *(event(ben, target.said.seal(SHARE), state_key=key) for key in keys))


async def behind_a_gap(target: Target) -> None:
    """The server says that there was more, and makes it up."""
    anna, ben, mallory = target.anna.user_id, target.ben.user_id, await speaking(target.mallory, target)
    old = await target.raw(target.genuine[-1])
    invented = [
        event(anna, mallory.seal(SHARE)),
        event(ben, mallory.seal(SHARE)),
        event(anna, {"msgtype": "m.text", "body": SHARE}, type="m.room.message"),
        event(old["sender"], old["content"]),
        event(old["sender"], old["content"], origin_server_ts=0),
        event(ben, target.said.seal(SHARE), state_key=""),
        {}, None, [], {"event_id": 5},
    ]  # fmt: skip
    target.count("behind a gap", *invented)
    await target.evil.tell(Lies(missed={target.room: invented}))


async def of_another_form(target: Target) -> None:
    """Events that are not what the specification says, around a clinician's words."""
    ben = target.ben.user_id

    def said(**changes: Any) -> dict[str, Any]:
        return event(ben, target.said.seal(SHARE)) | changes

    def without(key: str) -> dict[str, Any]:
        return {name: value for name, value in said().items() if name != key}

    odd: list[Any] = [None, 5, "text", [], [said()], {}, True]
    odd += [said(**{key: value}) for key in ("event_id", "sender", "type") for value in (None, 5, [], {}, True)]
    odd += [said(origin_server_ts=value) for value in (None, "now", 1.5, [], -1, 2**53, 10**30, 1e300)]
    odd += [said(content=value) for value in (None, 5, [], "text", {}, True, {"ciphertext": {}})]
    odd += [without(key) for key in ("event_id", "sender", "type", "origin_server_ts", "content")]
    await target.attempt("of another form", *odd)
    for value in (None, 5, [], "text", {"timeline": []}, {"timeline": {"events": {}}}, {"timeline": {"events": None}}):

        def rewrite(sync: Any, value: Any = value) -> None:
            sync["rooms"]["join"][target.other_room] = value
            sync["to_device"]["events"] += [None, 5, [], {"type": []}, {"type": "m.room.encrypted", "content": value}]
            sync["device_lists"]["changed"] += [None, 5, [], {}]

        await target.attempt("a room of another form", rewrite=rewrite)


async def tampered(target: Target) -> None:
    """Bytes of a sealed message are changed."""
    ben = target.ben.user_id
    sealed = target.said.seal(SHARE)
    text = sealed["ciphertext"]
    raw = bytearray(base64.b64decode(text + "=" * (-len(text) % 4)))
    flipped = []
    for place in (0, 1, 2, 5, len(raw) // 2, len(raw) - 70, len(raw) - 1):
        one = bytearray(raw)
        one[place] ^= 1
        flipped.append(sealed | {"ciphertext": base64.b64encode(one).decode().rstrip("=")})
    flipped += [sealed | {"ciphertext": one} for one in ("", "A", text[:-8], text * 2, "%", 5, [text], {"body": text})]
    flipped += [sealed | {"session_id": one} for one in ("", "A" * 43, None, 5, [], {}, sealed["session_id"] + "=")]
    flipped += [sealed | {"algorithm": one} for one in ("m.megolm.v2", "m.olm.v1.curve25519-aes-sha2", None, 5, [])]
    await target.attempt("tampered", *(event(ben, one) for one in flipped))


async def downgraded(target: Target) -> None:
    """The server says that the room is not encrypted, or was never, and then speaks in the clear."""

    def never(state: list[Any]) -> None:
        state[:] = [one for one in state if one["type"] != "m.room.encryption"]

    def otherwise(state: list[Any]) -> None:
        for one in state:
            if one["type"] == "m.room.encryption":
                one["content"] = {"algorithm": "none"}

    for lie in (never, otherwise):
        rule = target.evil.first(STATE, answer(lie))
        plain = [{"msgtype": "m.text", "body": body} for body in (SHARE, COMMAND, "!cancel 1", "!help")]
        told = [event(target.anna.user_id, one, type="m.room.message") for one in plain]
        told += [event(target.ben.user_id, target.said.seal(SHARE))]
        await target.attempt("in a room that was encrypted", *told)
        await target.quiet()
        rule.times = 0


GROUPS: tuple[Callable[[Target], Awaitable[None]], ...] = (
    relabelled,
    moved,
    replayed,
    keys_again,
    in_the_clear,
    content_that_is_no_command,
    with_an_app,
    relations_of_the_server,
    our_own_words,
    state_events,
    behind_a_gap,
    of_another_form,
    tampered,
    downgraded,
)

"""Every request that may leave for a homeserver. Pure data: a new one is a new line here, and a test.

Objects are closed: a field that is not listed does not leave. Texts are keys, ciphertext, identifiers, or fixed words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from access.room_names import acceptable
from bot.matrix import cleartext, withheld
from bot.matrix.ciphertext import is_megolm, is_olm
from bot.matrix.filter import FILTER
from bot.matrix.olm import MEGOLM, OLM
from bot.matrix.shapes import (
    BASE64,
    EVENT,
    HEX,
    KEY,
    KEY_ID,
    OPAQUE,
    ROOM,
    SERVER,
    SIGNATURE,
    USER,
    either,
    exactly,
    fields,
    flag,
    list_of,
    one_of,
    pattern,
    table_of,
    text,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.matrix.shapes import Fields, Shape

#: Segments of paths that are not fixed, by the names that they have in the rules.
SEGMENTS: Fields = {
    "{room}": ROOM,
    "{user}": USER,
    "{event}": EVENT,
    "{server}": SERVER,
    "{hash}": HEX,
    "{kind}": pattern(r"m\.room\.[a-z_]{1,40}"),
    "{data}": pattern(r"m\.(?:secret_storage|cross_signing)\.[0-9A-Za-z_./+=-]{1,255}"),
    "{media}": pattern(r"[0-9A-Za-z_-]{1,255}"),
}


def nothing(body: Any) -> bool:
    """No body, or an empty object."""
    return body is None or body == {}


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of request: method, path with its variable segments, what may stand in body and query."""

    method: str
    template: str
    body: Shape = nothing
    query: Fields = field(default_factory=dict)

    def takes(self, segments: list[str]) -> bool:
        """Whether the (decoded) segments are a path of this kind."""
        own = self.template.split("/")
        return len(own) == len(segments) and all(
            SEGMENTS[name](segment) if name in SEGMENTS else name == segment
            for name, segment in zip(own, segments, strict=True)
        )


# Keys and signatures: public halves, ours or as the server has told them ("End-to-end encryption").
_NAME = pattern(r"[a-z0-9_.-]{1,40}")
_SIGNATURES = table_of(USER, table_of(KEY_ID, SIGNATURE))
_KEYS = table_of(KEY_ID, KEY)
_USAGE = list_of(one_of("master", "self_signing", "user_signing"))
_DEVICE = fields(
    {"user_id": USER, "device_id": OPAQUE, "algorithms": list_of(_NAME), "keys": _KEYS, "signatures": _SIGNATURES}
)
_IDENTITY = fields({"user_id": USER, "usage": _USAGE, "keys": _KEYS, "signatures": _SIGNATURES})
_UNSIGNED = fields({"user_id": USER, "usage": _USAGE, "keys": _KEYS})
_ONE_TIME = table_of(KEY_ID, fields({"key": KEY, "signatures": _SIGNATURES}, {"fallback": flag}))
_VOUCHED = table_of(USER, table_of(OPAQUE, either(_DEVICE, _IDENTITY)))

# The account's own password, for its own homeserver ("Login", "User-Interactive Authentication API").
_LINE = pattern(r"[^\x00-\x1f]{1,1000}")
_PASSWORD: Fields = {
    "type": one_of("m.login.password"),
    "identifier": fields({"type": one_of("m.id.user"), "user": USER}),
    "password": _LINE,
}
_LOGIN = fields({**_PASSWORD, "device_id": OPAQUE, "initial_device_display_name": _LINE})
_AUTH: Fields = {"auth": fields({**_PASSWORD, "session": either(OPAQUE, exactly(None))})}

# What is said in rooms: ciphertext, and beside it only what points to another event.
_RELATION = fields(
    optional={
        "rel_type": one_of("m.replace", "m.thread", "m.reference"),
        "event_id": EVENT,
        "m.in_reply_to": fields({"event_id": EVENT}),
        "is_falling_back": flag,
    }
)
_MEGOLM = fields(
    {"algorithm": one_of(MEGOLM), "ciphertext": text, "session_id": KEY},
    {"sender_key": KEY, "device_id": OPAQUE, "m.relates_to": _RELATION},
)
_ANNOTATION = fields({"rel_type": one_of("m.annotation"), "event_id": EVENT, "key": one_of(*cleartext.Reaction)})


def ciphertext(content: Any) -> bool:
    """The content of an m.room.encrypted event in a room."""
    return _MEGOLM(content) and is_megolm(content["ciphertext"], content["session_id"])


# What is said to devices.
_OLM = fields(
    {
        "algorithm": one_of(OLM),
        "sender_key": KEY,
        "ciphertext": table_of(KEY, fields({"type": whole(1), "body": text})),
    },
    {"org.matrix.msgid": pattern(r"[0-9a-f-]{32,36}")},
)
_WITHHELD = fields(
    {
        "algorithm": one_of(MEGOLM),
        "sender_key": KEY,
        "code": pattern(r"m\.[a-z_]{1,20}"),
        "reason": one_of(*withheld.UNVERIFIED.values(), withheld.NO_OLM),
    },
    {"room_id": ROOM, "session_id": KEY},
)


def olm(content: Any) -> bool:
    """The content of an m.room.encrypted message to a device."""
    return _OLM(content) and all(is_olm(one["type"], one["body"]) for one in content["ciphertext"].values())


def to_devices(content: Shape) -> Shape:
    """The body of /sendToDevice."""
    return fields({"messages": table_of(USER, table_of(OPAQUE, content))})


# Verification by messages to devices ("Key verification framework"). In rooms it goes as ciphertext.
_NAMES = list_of(_NAME)
_MOMENT = whole(4_000_000_000_000, least=1_500_000_000_000)  # 2017 to 2096 in milliseconds
_IT: Fields = {"transaction_id": OPAQUE}
_FROM: Fields = {**_IT, "from_device": OPAQUE}
_SAS: Fields = {
    "hashes": _NAMES,
    "key_agreement_protocols": _NAMES,
    "message_authentication_codes": _NAMES,
    "short_authentication_string": _NAMES,
}
_CHOICE: Fields = {
    "commitment": KEY,
    "hash": _NAME,
    "key_agreement_protocol": _NAME,
    "message_authentication_code": _NAME,
    "short_authentication_string": _NAMES,
}
_SAS_METHOD: Fields = {"method": one_of("m.sas.v1")}
_CANCEL = either(*(fields({**_IT, "code": one_of(why.code), "reason": one_of(why.reason)}) for why in cleartext.Cancel))

VERIFICATION: Mapping[str, Shape] = {
    "request": fields({**_FROM, "methods": _NAMES, "timestamp": _MOMENT}),
    "ready": fields({**_FROM, "methods": _NAMES}),
    "start": fields({**_FROM, **_SAS_METHOD, **_SAS}),
    "accept": fields({**_IT, **_CHOICE}, _SAS_METHOD),
    "key": fields({**_IT, "key": KEY}),
    "mac": fields({**_IT, "mac": table_of(KEY_ID, KEY), "keys": KEY}),
    "done": fields(_IT),
    "cancel": _CANCEL,
}

# A room of our own making. Its name is the one free text: a person's word for a room, nothing like an identifier.
_SETTINGS = {
    "m.room.encryption": {"algorithm": MEGOLM},
    "m.room.join_rules": {"join_rule": "invite"},
    "m.room.history_visibility": {"history_visibility": "joined"},
    "m.room.guest_access": {"guest_access": "forbidden"},
}
_STATE = [{"type": kind, "state_key": "", "content": content} for kind, content in _SETTINGS.items()]
_LEVEL = whole(100)


def name(value: Any) -> bool:
    """What a room may be called; "^" divides the names of DICOM."""
    return isinstance(value, str) and acceptable(value) and "^" not in value


_ROOM = fields(
    {
        "name": name,
        "preset": one_of("private_chat"),
        "visibility": one_of("private"),
        "room_version": pattern(r"[0-9]{1,2}"),
        "invite": list_of(USER),
        "creation_content": fields({"m.federate": flag, "carrierbag.request": HEX}),
        "power_level_content_override": fields({"users": table_of(USER, _LEVEL), "invite": _LEVEL}),
        "initial_state": exactly(_STATE),
    }
)

# Secret storage: our seeds, sealed with the recovery key ("Secret storage"). Other apps' seals beside ours stay.
_SEALED = fields({"encrypted": table_of(OPAQUE, fields({"iv": BASE64, "ciphertext": BASE64, "mac": BASE64}))})
_STORAGE_KEY = fields(
    {
        "algorithm": one_of("m.secret_storage.v1.aes-hmac-sha2"),
        "name": one_of("carrierbag"),
        "iv": BASE64,
        "mac": BASE64,
    }
)
_DATA = either(_SEALED, _STORAGE_KEY, fields({"key": HEX}))

_WAIT: Fields = {"timeout": whole(600_000)}
_CLAIMED = table_of(USER, table_of(OPAQUE, one_of("signed_curve25519")))
_SYNC: Fields = {"timeout": pattern(r"[0-9]{1,6}"), "filter": exactly(FILTER), "since": OPAQUE}
_PAGE: Fields = {"dir": one_of("b", "f"), "from": OPAQUE, "to": OPAQUE, "limit": pattern(r"[0-9]{1,3}")}
_AS_EVENT: Fields = {"format": one_of("event")}
_TYPING = fields({"typing": flag}, _WAIT)
_FAREWELL = fields(optional={"reason": one_of(*cleartext.Farewell)})

_C = "/_matrix/client/v3"
_IN = f"{_C}/rooms/{{room}}"
RULES = (
    # What only asks.
    Rule("GET", "/_matrix/client/v1/media/config"),
    Rule("GET", "/_matrix/client/v1/media/download/{server}/{media}"),
    Rule("GET", "/_matrix/client/versions"),
    Rule("GET", f"{_C}/account/whoami"),
    Rule("GET", f"{_C}/capabilities"),
    Rule("GET", f"{_C}/devices"),
    Rule("GET", f"{_C}/joined_rooms"),
    Rule("GET", f"{_C}/profile/{{user}}"),
    Rule("GET", f"{_C}/sync", query=_SYNC),
    Rule("GET", f"{_C}/user/{{user}}/account_data/{{data}}"),
    Rule("GET", f"{_IN}/event/{{event}}"),
    Rule("GET", f"{_IN}/messages", query=_PAGE),
    Rule("GET", f"{_IN}/state"),
    Rule("GET", f"{_IN}/state/{{kind}}/", query=_AS_EVENT),
    Rule("GET", f"{_IN}/state/{{kind}}/{{user}}", query=_AS_EVENT),
    Rule("POST", f"{_C}/keys/query", fields({"device_keys": table_of(USER, list_of(OPAQUE))}, _WAIT)),
    Rule("POST", f"{_C}/keys/claim", fields({"one_time_keys": _CLAIMED}, _WAIT)),
    # Our account, its devices and keys.
    Rule("POST", f"{_C}/login", _LOGIN),
    Rule("POST", f"{_C}/logout"),
    Rule("POST", f"{_C}/delete_devices", fields({"devices": list_of(OPAQUE)}, _AUTH)),
    Rule(
        "POST",
        f"{_C}/keys/upload",
        fields(optional={"device_keys": _DEVICE, "one_time_keys": _ONE_TIME, "fallback_keys": _ONE_TIME}),
    ),
    Rule(
        "POST",
        f"{_C}/keys/device_signing/upload",
        fields({"master_key": _IDENTITY, "self_signing_key": _IDENTITY, "user_signing_key": _IDENTITY}, _AUTH),
    ),
    Rule("POST", f"{_C}/keys/signatures/upload", _VOUCHED),
    Rule("PUT", f"{_C}/user/{{user}}/account_data/{{data}}", _DATA),
    # To devices.
    Rule("PUT", f"{_C}/sendToDevice/m.room.encrypted/{{hash}}", to_devices(olm)),
    Rule("PUT", f"{_C}/sendToDevice/{withheld.EVENT}/{{hash}}", to_devices(_WITHHELD)),
    *(
        Rule("PUT", f"{_C}/sendToDevice/m.key.verification.{step}/{{hash}}", to_devices(content))
        for step, content in VERIFICATION.items()
    ),
    # In rooms.
    Rule("PUT", f"{_IN}/send/m.room.encrypted/{{hash}}", ciphertext),
    Rule("PUT", f"{_IN}/send/m.reaction/{{hash}}", fields({"m.relates_to": _ANNOTATION})),
    Rule("PUT", f"{_IN}/redact/{{event}}/{{hash}}"),
    Rule("PUT", f"{_IN}/typing/{{user}}", _TYPING),
    Rule("POST", f"{_IN}/receipt/m.read/{{event}}"),
    Rule("POST", f"{_IN}/join"),
    Rule("POST", f"{_IN}/leave", _FAREWELL),
    Rule("POST", f"{_IN}/forget"),
    Rule("POST", f"{_IN}/invite", fields({"user_id": USER})),
    Rule("POST", f"{_C}/createRoom", _ROOM),
    # A place for ciphertext; what fills it goes by `gate.check_upload`.
    Rule("POST", "/_matrix/media/v1/create"),
)
#: Where ciphertext may be put, as a stream of bytes.
UPLOADS = (
    Rule("PUT", "/_matrix/media/v3/upload/{server}/{media}"),
    Rule("POST", "/_matrix/media/v3/upload"),
)

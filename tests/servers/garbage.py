"""What a stranger may send in place of an encrypted message."""

from __future__ import annotations

from typing import Any

from bot.matrix.olm import OLM

#: Contents of m.room.encrypted; "$us" stands for the receiving device's Curve25519 key, "$key" for any such key.
GARBAGE: list[Any] = [
    {},
    {"algorithm": OLM},
    {"algorithm": OLM, "sender_key": "AAAA", "ciphertext": {"$us": {"type": 0, "body": "A"}}},
    {"algorithm": OLM, "sender_key": "$key", "ciphertext": {"$us": {"type": 0, "body": "AAAA"}}},
    {"algorithm": OLM, "sender_key": "$key", "ciphertext": {"$us": {"type": 1, "body": "AAAA"}}},
    {"algorithm": OLM, "sender_key": "$key", "ciphertext": {"$us": {"type": 1, "body": "%"}}},
    {"algorithm": OLM, "sender_key": "$key", "ciphertext": {"$us": {"type": 7, "body": "A"}}},
    {"algorithm": OLM, "sender_key": "$key", "ciphertext": {"$us": {"type": [], "body": 5}}},
    {"algorithm": OLM, "sender_key": "$key", "ciphertext": {"$us": "text"}},
    {"algorithm": OLM, "sender_key": "$key", "ciphertext": "text"},
    {"algorithm": OLM, "sender_key": 5, "ciphertext": []},
    {"algorithm": ["m.megolm.v1.aes-sha2"], "session_id": {"a": 1}},
]


def filled(garbage: Any, us: str) -> Any:
    """The garbage, addressed to the device with this Curve25519 key."""
    if isinstance(garbage, dict):
        return {(us if key == "$us" else key): filled(value, us) for key, value in garbage.items()}
    return us if garbage == "$key" else garbage

"""Olm on nio's machine and store, so that nobody outside can break it.

Guarded here: malformed messages of strangers, one-time keys that survived their use, group sessions that somebody
else overwrites, a store that others can read, and a store that is damaged or gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
import vodozemac
from nio.crypto import GroupSessionStore, InboundGroupSession, Olm, OlmDevice, Session, SessionStore
from nio.store import MegolmInboundSessions, OlmSessions, SqliteStore
from peewee import PeeweeException, SqliteDatabase  # type: ignore[import-untyped]

from bot.matrix.errors import StoreDamaged
from bot.matrix.signatures import decoded, raw_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from bot.matrix.chain import Device

log = structlog.get_logger()

OLM = "m.olm.v1.curve25519-aes-sha2"
MEGOLM = "m.megolm.v1.aes-sha2"
#: Strangers can send as much as they like: more devices than this are not remembered between two looks.
MOST_UNREADABLE = 100


class Store(SqliteStore):  # type: ignore[misc]
    """nio's store: durable, checked when opened, and no stored group session is ever overwritten.

    Each session is sealed under a key that names what the row says of it (whose it is, and where): a row in which a
    letter has changed does not open.
    """

    def _create_database(self) -> Any:
        pragmas = {"foreign_keys": 1, "secure_delete": 1, "journal_mode": "wal", "synchronous": "full"}
        return SqliteDatabase(self.database_path, pragmas=pragmas)

    def check(self) -> None:
        """Raise `StoreDamaged` when SQLite finds a fault in the file."""
        try:
            verdict = self.database.execute_sql("PRAGMA integrity_check").fetchall()
        except PeeweeException as error:
            raise StoreDamaged from error
        if verdict != [("ok",)]:
            raise StoreDamaged

    def save_inbound_group_session(self, session: Any) -> None:
        """Keep a session; the first one of each sender in each room stays.

        The row's key names all three: somebody who holds another's session and brings it first takes nothing away.
        """
        whose = f"{session.room_id} {session.sender_key} {session.id}"
        with self.database.bind_ctx(self.models):
            row = {
                "sender_key": session.sender_key,
                "account": self._get_account(),
                "fp_key": session.ed25519,
                "room_id": session.room_id,
                "session": session.pickle(self._key_of(session.room_id, session.sender_key, session.ed25519)),
                "session_id": whose,
            }
            MegolmInboundSessions.insert(row).on_conflict_ignore().execute()

    def load_inbound_group_sessions(self) -> GroupSessionStore:
        """All group sessions. Raises what vodozemac raises for one that does not open."""
        sessions = GroupSessionStore()
        with self.database.bind_ctx(self.models):
            for row in MegolmInboundSessions.select():
                said = (row.fp_key, row.sender_key, row.room_id)
                key = self._key_of(row.room_id, row.sender_key, row.fp_key)
                sessions.add(InboundGroupSession.from_pickle(row.session, *said, key))
        return sessions

    def save_session(self, curve_key: str, session: Any) -> None:
        """Keep an Olm session with the device of this key."""
        with self.database.bind_ctx(self.models):
            row = {
                "account": self._get_account(),
                "sender_key": curve_key,
                "session": session.pickle(self._key_of(curve_key)),
                "session_id": session.id,
                "creation_time": session.creation_time,
                "last_usage_date": session.use_time,
            }
            OlmSessions.replace(row).execute()

    def load_sessions(self) -> SessionStore:
        """All Olm sessions. Raises what vodozemac raises for one that does not open."""
        sessions = SessionStore()
        with self.database.bind_ctx(self.models):
            for row in OlmSessions.select():
                key = self._key_of(row.sender_key)
                sessions.add(row.sender_key, Session.from_pickle(row.session, row.creation_time, key))
        return sessions

    def _key_of(self, *said: str) -> str:
        return "\0".join((self.pickle_key, *said))


def olm_device(device: Device, state: Any) -> Any:
    """A device as nio's machine wants it, with one of nio's `TrustState`s."""
    keys = {"ed25519": device.ed25519, "curve25519": device.curve25519}
    return OlmDevice(device.user_id, device.device_id, keys, device.display_name, trust_state=state)


class GuardedOlm(Olm):  # type: ignore[misc]
    """nio's machine, given one to-device event at a time."""

    def __init__(self, user_id: str, device_id: str, store: Store) -> None:
        super().__init__(user_id, device_id, store)
        #: Whose Olm messages we could not read: user, as the server says, and Curve25519 key. Cleared by who looks.
        self.unreadable: set[tuple[str, str]] = set()

    @property
    def curve25519(self) -> str:
        """Our device's identity key, unpadded base64."""
        return str(self.account.identity_keys["curve25519"])

    @property
    def ed25519(self) -> str:
        """Our device's fingerprint key, unpadded base64."""
        return str(self.account.identity_keys["ed25519"])

    def transaction(self) -> AbstractContextManager[Any]:
        """All that is stored inside becomes durable at once, in one write."""
        return self.store.database.atomic()  # type: ignore[no-any-return]

    def receive(self, event: Any) -> None:
        """Take one to-device event in. Whatever stands in it, it changes nothing but the keys that it brings.

        Everything that it changes is one transaction: after a crash it is either all done or comes again. Only a
        store that cannot be written raises.
        """
        with self.transaction():
            try:
                self._take(event)
            except PeeweeException:
                raise
            except Exception as error:  # noqa: BLE001 - a stranger's bytes may break anything below
                log.warning("to_device_event_ignored", error=type(error).__name__)
            self.save_account()  # the one-time key that it used is gone for good

    def _take(self, event: Mapping[str, Any]) -> None:
        if event["type"] != "m.room.encrypted" or event["content"]["algorithm"] != OLM:
            return
        ours = event["content"]["ciphertext"].get(self.curve25519)
        sender_key = event["content"]["sender_key"]
        raw_key(sender_key)
        if ours is not None:
            self._open(event["sender"], sender_key, _message(ours))

    def _open(self, sender: str, sender_key: str, message: Any) -> None:
        try:
            self.decrypt(sender, sender_key, message)
        except vodozemac.SessionCreationException:  # for a one-time key that we have no more
            self._mark_device_for_unwedging(sender, sender_key)
            raise

    def _mark_device_for_unwedging(self, sender: str, sender_key: str) -> None:
        """Instead of asking nio's store of devices, in which there is nobody: `RoomKeys.unwedge` asks for standings."""
        if len(self.unreadable) < MOST_UNREADABLE:
            self.unreadable.add((sender, sender_key))

    def create_group_session(
        self, sender_key: str, sender_fp_key: str, room_id: str, session_id: str, session_key: str
    ) -> None:
        """Keep a room key, unless this sender has given it before: the first one reaches furthest back."""
        if not self.inbound_group_store.get(room_id, sender_key, session_id):
            super().create_group_session(sender_key, sender_fp_key, room_id, session_id, session_key)

    def group_sessions(self, room_id: str, session_id: str) -> Iterator[Any]:
        """Every inbound session with this id in this room: more than one when more than one device claims it."""
        for sessions in list(self.inbound_group_store[room_id].values()):
            if session_id in sessions:
                yield sessions[session_id]

    def remember_encrypted(self, room_id: str) -> None:
        """Once encrypted, always encrypted."""
        self.store.save_encrypted_rooms({room_id})


def _message(ciphertext: Mapping[str, Any]) -> Any:
    kinds = {0: vodozemac.PreKeyMessage.from_base64, 1: _normal}
    return kinds[ciphertext["type"]](ciphertext["body"])


def _normal(body: str) -> Any:
    return vodozemac.AnyOlmMessage.normal(decoded(body))

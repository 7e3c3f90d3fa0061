"""What can go wrong between us and the homeserver, and which family it belongs to.

Mistake
|-- LoginRefused        wrong password or user ID
`-- RecoveryKeyWrong    what was typed is no recovery key
NotAllowed
|-- SignedOut           the access token is no longer good: fatal
|-- StoreLost           the encryption keys of our device are gone: fatal
|-- StoreDamaged        the encryption keys cannot be read: fatal
|-- WrongAccount        the state directory belongs to another account or device: fatal
|-- ForeignDevice       the server holds other keys for our device: fatal
|-- ForeignIdentity     the server holds another cross-signing identity for us: fatal
|-- RecoveryRefused     the identity cannot be backed up or restored, and nothing was changed
|-- NotSent             the room or a device in it forbids sending [R01, R04]
|-- NotPermitted        the homeserver forbids it (kicked, power level)
|-- UploadTooLarge      above the homeserver's limit
|-- NotAuthentic        nobody trustworthy wrote this event
`-- NotGenuine          a downloaded file is not what its sender encrypted
TryLater
|-- ServerAway          no answer, or not one of a homeserver
|-- RateLimited         the homeserver makes us wait longer than we are willing to
|-- NoSense             an answer of another form than the specification says
|-- DevicesUnknown      somebody's homeserver does not say which devices they have
`-- KeyNotDelivered     a device could not be given the key
Bug
|-- GateClosed          something was about to leave that may not: nothing did
`-- ServerRefused       the homeserver refuses a request of ours for a reason that we do not know

The homeserver's own words never enter a sentence: they are not trusted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from config.errors import Bug, CarrierbagError, Mistake, NotAllowed, TryLater

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from access.reasons import Reason


#: What an operator does when the directory `matrix` of the state is gone, damaged, or not the account's.
TAKE_AWAY_AND_RESTORE = (
    'With your recovery key: move the directory "matrix", if there is one, out of the state directory and run '
    "`carrierbag keys restore`; nobody is warned. Without it: put the state directory's backup back, or give the bot "
    "a new account."
)


class LoginRefused(Mistake):
    """The operator's user ID, password or token is wrong."""


class SignedOut(NotAllowed):
    """M_UNKNOWN_TOKEN: nothing works any more until the operator acts."""

    def __init__(self) -> None:
        super().__init__(
            "The homeserver has signed the bot out. Start it again with its password in the configuration, or "
            "with a new access token of the same device. Keep the state directory as it is.",
            "M01",
        )


class StoreLost(NotAllowed):
    """A device without its keys is deaf, and no new message could be read."""

    def __init__(self, device_id: str) -> None:
        super().__init__(
            f"The encryption keys of the bot's device {device_id} are missing from the state directory. "
            f"{TAKE_AWAY_AND_RESTORE}",
            "M02",
        )


class StoreDamaged(NotAllowed):
    """The database of encryption keys is not what was written."""

    def __init__(self) -> None:
        super().__init__(
            "The bot's encryption keys cannot be read: the state directory is damaged, or its key is another one. "
            f"Put the right key back if it is another one. {TAKE_AWAY_AND_RESTORE}",
            "M03",
        )


class WrongAccount(NotAllowed):
    """Keys of one device must never be used on another."""

    def __init__(self, kept: str, given: str) -> None:
        super().__init__(
            f"The state directory belongs to {kept}, but the configuration signs in {given}. Give each account and "
            "device its own state directory.",
            "M10",
        )


class ForeignDevice(NotAllowed):
    """Two programs on one device, or a state directory that was set back too far."""

    def __init__(self, device_id: str) -> None:
        super().__init__(
            f"The homeserver holds other keys for the bot's device {device_id} than its state directory: another "
            "program uses this device, or the directory is an old copy. Start the bot alone, with the directory that "
            "belongs to the device; an access token must be of a device that nothing else has used. "
            f"{TAKE_AWAY_AND_RESTORE}",
            "M04",
        )


class ForeignIdentity(NotAllowed):
    """Making a new identity would warn everybody who verified the old one: an operator decides that."""

    def __init__(self, user_id: str) -> None:
        super().__init__(
            f"{user_id} has a cross-signing identity on the homeserver that is not the one in the state directory. "
            f"{TAKE_AWAY_AND_RESTORE}",
            "M05",
        )


class RecoveryKeyWrong(Mistake):
    """A slip of the hand: nobody has been asked anything yet."""

    def __init__(self) -> None:
        super().__init__(
            "This is not a recovery key: it has 48 letters and digits in twelve groups of four and starts with E. "
            "Compare each group with what was written down, and type it again.",
            "M40",
        )


class RecoveryRefused(NotAllowed):
    """Backing the identity up or bringing it to a new machine goes no further (bot/matrix/{backup,recovery}.py)."""


class NotSent(NotAllowed):
    """What was to be said stayed here: one line for each reason, each with its own code."""

    def __init__(self, reasons: Sequence[Reason]) -> None:
        super().__init__("\n".join(str(reason.told("Not sent")) for reason in reasons), reasons[0].code)

    def __str__(self) -> str:
        return self.sentence


class NotPermitted(NotAllowed):
    """M_FORBIDDEN and its like."""

    def __init__(self) -> None:
        super().__init__(
            "The homeserver does not allow the bot to do this. Check that it is in the room and may write there.", "M06"
        )


class UploadTooLarge(NotAllowed):
    """413 or M_TOO_LARGE."""

    def __init__(self) -> None:
        super().__init__(
            "Not sent: a file is larger than the homeserver accepts. Ask your administrator to make parts smaller "
            "or to raise the server's upload limit.",
            "M07",
        )


class NotAuthentic(NotAllowed):
    """`reason` says in a few words why nobody can be held to have written it."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"I cannot tell who wrote this ({reason}). Verify your device, then send it again.", "M08")
        self.reason = reason


class NotGenuine(NotAllowed):
    """Hash or form of an encrypted file is wrong: nothing of it may be used."""

    def __init__(self) -> None:
        super().__init__("The file is not what its sender encrypted. Ask them to send it again.", "M09")


class ServerAway(TryLater):
    """No connection, a broken answer, or a status of 500 and more, for longer than we try."""

    def __init__(self) -> None:
        super().__init__("The chat server does not answer. Nothing is lost.", "M20")


class RateLimited(TryLater):
    """429. `seconds` is what the server asked for."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The chat server asks me to wait {seconds:.0f} seconds. Nothing is lost.", "M21")
        self.seconds = seconds


class NoSense(TryLater):
    """Well-formed JSON, but not what was asked for: nothing is concluded from it."""

    def __init__(self) -> None:
        super().__init__("The chat server's answer makes no sense. Nothing is lost.", "M24")


class DevicesUnknown(TryLater):
    """Fail closed: devices that we do not know are not devices that we trust."""

    def __init__(self, user_id: str) -> None:
        super().__init__(
            f"Not sent: the server of {user_id} does not say which devices they use. Try again later.", "M22"
        )


class KeyNotDelivered(TryLater):
    """A message that somebody in the room could not read is not sent."""

    def __init__(self, user_id: str, device: str) -> None:
        super().__init__(
            f'Not sent: a device of {user_id} ("{device}") cannot be reached with encryption. '
            "Ask them to open their app, or to remove a device that they no longer use; then try again.",
            "M23",
        )


class ServerRefused(Bug):
    """An answer of 400 to 499 that none of the above explains. Its `errcode` stands in the operator's trace."""

    def __init__(self, status: int, errcode: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__("The chat server refused what I asked for. Support can find it by the code.", "M30")
        self.status = status
        self.errcode = errcode
        self.details = details or {}
        self.add_note(f"status {status}, errcode {errcode[:64]!r}")


class GateClosed(Bug):
    """`what` says in fixed words which part of the request was wrong; nothing of its content."""

    def __init__(self, what: str) -> None:
        super().__init__("I stopped a message of my own that was not safe to send. Nothing of it left.", "M31")
        self.add_note(what)


def refusal(status: int, answer: Any) -> CarrierbagError:
    """The error for an answer of 400 to 499 (Matrix Client-Server API, "Standard error response")."""
    details = answer if isinstance(answer, dict) else {}
    errcode = str(details.get("errcode", ""))
    if errcode in {"M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_DEACTIVATED"}:
        return SignedOut()
    if status == 413 or errcode == "M_TOO_LARGE":  # noqa: PLR2004
        return UploadTooLarge()
    if errcode in {"M_FORBIDDEN", "M_GUEST_ACCESS_FORBIDDEN"}:
        return NotPermitted()
    return ServerRefused(status, errcode, details)

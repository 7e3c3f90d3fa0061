"""From what the corridor yields to the content of Matrix events, with open places for the encrypted files."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from ledger.attachments import Attachment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from delivery.parcel import Parcel
    from delivery.sealed import SealedFile
    from delivery.spool import Spool
    from rendering.preview import Preview

JPEG = "image/jpeg"
ENDINGS = {JPEG: ".jpg", "image/png": ".png", "image/gif": ".gif"}
#: Clients then need not look into the file to know that it moves (MSC4230).
ANIMATED = {"image/gif": {"org.matrix.msc4230.is_animated": True}}
ZIP = "application/zip"
#: Open places of an event: dotted paths into its content, filled with an EncryptedFile once it is uploaded.
FILE = "file"
THUMBNAIL = "info.thumbnail_file"


def picture(preview: Preview, *, number: int, identity: str, spool: Spool) -> tuple[dict[str, Any], list[Attachment]]:
    """An m.image with thumbnail, true size and blurhash; its caption says whose it is (only readable decrypted)."""
    content = {
        "msgtype": "m.image",
        "body": f"{preview.alt_text}\n{identity}",
        "filename": f"preview-{number}{ENDINGS[preview.mimetype]}",
        "m.mentions": {},
        "info": {
            "mimetype": preview.mimetype,
            "size": len(preview.data),
            "w": preview.width,
            "h": preview.height,
            "thumbnail_info": {
                "mimetype": JPEG,
                "size": len(preview.thumbnail),
                "w": preview.thumbnail_width,
                "h": preview.thumbnail_height,
            },
            "xyz.amorgan.blurhash": preview.blurhash,
            **ANIMATED.get(preview.mimetype, {}),
        },
    }
    return content, _sealed(preview, spool)


def _sealed(preview: Preview, spool: Spool) -> list[Attachment]:
    picture = spool.seal_bytes(preview.data)
    try:
        thumbnail = spool.seal_bytes(preview.thumbnail)
    except BaseException:
        spool.discard(picture.name)
        raise
    return [attachment(FILE, picture, preview.mimetype), attachment(THUMBNAIL, thumbnail, JPEG)]


def parcel(made: Parcel) -> tuple[dict[str, Any], list[Attachment]]:
    """An m.file: `body` equals the file name, because clients show nothing else of a file's caption."""
    content = {
        "msgtype": "m.file",
        "body": made.file_name,
        "filename": made.file_name,
        "m.mentions": {},
        "info": {"mimetype": ZIP, "size": made.size},
    }
    return content, [attachment(FILE, made.sealed, ZIP)]


def attachment(slot: str, sealed: SealedFile, mimetype: str) -> Attachment:
    """A sealed file of the spool as the ledger keeps it."""
    return Attachment(slot, sealed.name, sealed.key, sealed.iv, sealed.sha256, sealed.size, mimetype)


def fill(content: Mapping[str, Any], slot: str, encrypted_file: Mapping[str, Any]) -> dict[str, Any]:
    """The content with one open place filled."""
    filled = copy.deepcopy(dict(content))
    *way, last = slot.split(".")
    place = filled
    for name in way:
        place = place.setdefault(name, {})
    place[last] = dict(encrypted_file)
    return filled

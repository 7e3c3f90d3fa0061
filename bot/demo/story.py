"""`carrierbag demo`: a clinician types `!share study`, and the registrar's client receives, decrypts and saves it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from bot.demo.receipt import Receipt
from bot.demo.stage import PASSWORD, Stage, stage
from config.state import FieldCipher
from studies.errors import StudyUnknown
from studies.model import StudyQuery
from studies.sources.folder import FolderSource
from studies.synthetic import write_ankle

if TYPE_CHECKING:
    from studies.model import Study

MOST_STUDIES = 10_000
#: For the person who joins with a client of their own.
VISITOR = "visitor"


async def tell(*, out: Path, study: Path | None, once: bool, as_json: bool) -> None:
    """Play it, and leave pictures, ZIP files and `result.json` in `out`."""
    console = Console(stderr=as_json, highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="carrierbag-demo-") as temporary:
        work = Path(temporary)
        folder = await asyncio.to_thread(_synthetic, work / "study", console) if study is None else study
        studies = await _studies(folder, work, console)
        console.print("Starting a homeserver, the bot, a clinician and a registrar")
        async with stage(work, folder) as played:
            await asyncio.to_thread(out.mkdir, parents=True, exist_ok=True)
            receipts = await _play(played, _commands(studies, chosen=study is not None), out, console)
            _report(receipts, out, console, as_json=as_json)
            if not once:
                await _stay(played, console)


def _synthetic(directory: Path, console: Console) -> Path:
    console.print("Making a synthetic study: right ankle, three views, 12 bit")
    directory.mkdir()
    write_ankle(directory)
    return directory


async def _studies(folder: Path, work: Path, console: Console) -> list[Study]:
    """All studies in the folder, as the bot will see them. Raises `StudyUnknown` when there is none."""
    source = FolderSource("demo", folder, work / "index.db", FieldCipher(bytes(32)))
    await source.open()
    try:
        for path, reason in (await source.rescan()).broken:
            console.print(f"Left out: {path}: {reason}", markup=False)
        found = await source.find(StudyQuery(), limit=MOST_STUDIES)
    finally:
        await source.close()
    if not found:
        raise StudyUnknown(f"There is no DICOM study in {folder}. Choose a folder that holds one.", "D01")
    return found


def _commands(studies: list[Study], *, chosen: bool) -> list[str]:
    if chosen and len(studies) > 1:
        return [f"!share study uid {one.study_instance_uid}" for one in studies]
    return ["!share study"]


async def _play(played: Stage, commands: list[str], out: Path, console: Console) -> list[tuple[str, Receipt]]:
    receipts = []
    for number, command in enumerate(commands, start=1):
        console.print(f"The clinician types: {command}")
        place = f"study-{number}" if len(commands) > 1 else "."

        def say(text: str) -> None:
            console.print(text, markup=False)

        receipt = Receipt(played.registrar, played.room, played.bot, out, place, say)
        since = len(played.registrar.events)
        await played.clinician.send(played.room, command)
        await receipt.collect(since)
        receipts.append((command, receipt))
    return receipts


def _result(receipts: list[tuple[str, Receipt]]) -> dict[str, Any]:
    everything = [receipt for _, receipt in receipts]
    return {
        "previews": [one for receipt in everything for one in receipt.previews],
        "parcels": [one for receipt in everything for one in receipt.parcels],
        "seconds": [
            {"command": command, "first_preview": receipt.first_preview, "last_parcel": receipt.last_parcel}
            for command, receipt in receipts
        ],
        "events": [one for receipt in everything for one in receipt.events],
        "words": [one for receipt in everything for one in receipt.words],
    }


def _report(receipts: list[tuple[str, Receipt]], out: Path, console: Console, *, as_json: bool) -> None:
    result = _result(receipts)
    (out / "result.json").write_text(json.dumps(result, indent=1), "utf-8")
    if as_json:
        print(json.dumps(result))  # noqa: T201 - the program's output
    trusted = all(one["encrypted"] and one["readable"] and one["shield"] == "none" for one in result["events"])
    verdict = "all encrypted and without any shield" if trusted else "NOT all of them encrypted and without shield"
    console.print(f"\n{len(result['events'])} messages, {verdict}")
    for one in result["seconds"]:
        console.print(f"First preview after {one['first_preview']} s, last parcel after {one['last_parcel']} s")
    console.print("Pictures:", *(str(out / one["file"]) for one in result["previews"]), sep="\n  ", markup=False)
    console.print("DICOM:", *(str(out / one["file"]) for one in result["parcels"]), sep="\n  ", markup=False)
    console.print(f"Result:\n  {out / 'result.json'}", markup=False)


async def _stay(played: Stage, console: Console) -> None:
    """Until Ctrl-C. The visitor is somebody new, because a second device of the others' would be an unverified one."""
    visitor = await played.homeserver.register(VISITOR, PASSWORD)
    await played.clinician.invite(played.room, visitor)
    console.print(
        f"\nIt stays up. Sign in with Element, accept the invitation and type !share study; Ctrl-C ends it.\n"
        f"  homeserver  {played.homeserver.url}\n  user        {visitor}\n  password    {PASSWORD}\n"
        f"In the room are {played.clinician.user_id}, {played.registrar.user_id} and {played.bot}, same password.",
        markup=False,
    )
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()

"""Sharing a study, from the typed command to the registrar's client, against curl and against matrix-commander.

One run on this machine, everything real and everything on it: Synapse, the bot as a process of its own, matrix-js-sdk
clients of a clinician and a registrar, all in one encrypted room.

- *First preview*: from the moment the clinician's client is told to send `!share study` until the registrar's client
  has received, fetched and decrypted the first picture of the ankle study (three views).
- *Delivery*: until the registrar's client has the decrypted event of the last ZIP of the CT study. Finding, policy,
  previews, reading, hashing, packing, encrypting, uploading and posting are included; the download is not.
- *Peak memory*: of the bot with all its processes, at three sizes, in shares that are not timed. PSS: a page that n
  processes of the machine share counts 1/n in each, so other Python programs beside make the bot look up to 10 MB
  smaller.
- *Floor*: curl puts the very same ZIP files to the same Synapse, one call after the other, ready-made and unencrypted.
- *Peer*: matrix-commander sends the same ready-made ZIP files into an encrypted room of the same Synapse, one call for
  all, from its start until a colleague's client has the decrypted event of the last.

Delivery and floor take turns, three times, and the middle one of each counts: what else the machine does slows both.
Warm: a small study is shared first, so that the bot has indexed its source, its encryption sessions are made and
Synapse has seen an upload. The bot has ended before the peer begins.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydicom import dcmread

from bench.peers import ROOM_VERSION, Curl, commander
from bench.table import Row, show
from bench.weigh import Peak
from bot.demo.homeserver import Homeserver
from bot.demo.people import Person
from bot.demo.process import BotProcess
from bot.demo.receipt import SENT, STOPPED
from bot.demo.stage import PASSWORD, gathered, write_settings
from delivery.bag import verify
from studies.synthetic import write_ankle, write_ct

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.demo.seen import SeenEvent

PATIENCE = 60.0  # seconds between two messages of the bot: its progress is edited every two
ROUNDS = 3
#: How the bot asks before it sends much.
ASKED = "Nothing is sent until you type a number"
MB = 1_000_000
#: The goals of the project.
FIRST_PREVIEW, OF_FLOOR, FASTER, MEMORY = 2.0, 2.0, 8.0, 300


@dataclass(frozen=True, slots=True)
class Scene:
    """Two people with clients, and a bot, in one encrypted room."""

    bot: BotProcess
    bot_id: str
    clinician: Person
    registrar: Person
    room: str


@dataclass(frozen=True, slots=True)
class Share:
    """One share as the registrar saw it: seconds since the command, and the ZIP files' events."""

    first_preview: float
    delivery: float
    parcels: tuple[SeenEvent, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """What the bot did, what curl did, and the ZIP files of the CT study as the registrar saved them."""

    ankle: Share
    ct: tuple[Share, ...]
    files: tuple[Path, ...]
    #: Seconds, one for each of `ct`.
    floor: tuple[float, ...]
    #: Bytes, by the name of the study.
    memory: dict[str, int]

    @property
    def size(self) -> int:
        """Bytes of the CT study as delivered."""
        return sum(file.stat().st_size for file in self.files)


def main(
    *,
    slices: Annotated[int, typer.Option(min=1, help="Of the CT study; 600 make about 300 MB.")] = 600,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list instead of a table.")] = False,
    skip_peer: Annotated[bool, typer.Option(help="Leave matrix-commander out: it takes half a minute.")] = False,
) -> None:
    """Measure sharing a study against curl and matrix-commander."""
    show(asyncio.run(measure(slices, skip_peer=skip_peer)), as_json=as_json)


async def measure(slices: int, *, skip_peer: bool) -> list[Row]:
    """Everything, one after the other."""
    with tempfile.TemporaryDirectory(prefix="carrierbag-bench-") as temporary:
        work = Path(temporary)
        settings = {"default_room_version": ROOM_VERSION}
        async with Homeserver.start(work / "homeserver", extra=settings) as homeserver:
            ours = await _ours(homeserver, work, slices)
            peer = None if skip_peer else await commander(homeserver, work / "commander", ours.files)
        return rows(ours, peer)


async def _ours(homeserver: Homeserver, work: Path, slices: int) -> Measured:
    """Share all studies in turn; each is known to the bot from the first."""
    uids = await asyncio.to_thread(_write_studies, work / "studies", slices)
    curl = await Curl.sign_in(homeserver)
    async with scene(homeserver, work / "bot", work / "studies") as stage:
        await share(stage, uids["small"])
        ankle = await share(stage, uids["ankle"], look=work / "preview.jpg")
        files: tuple[Path, ...] = ()
        ct, floor = [], []
        for _ in range(ROUNDS):
            ct.append(await share(stage, uids["ct"]))
            files = files or await _save(stage, ct[0], work / "received", slices)
            floor.append(await curl.put(files))
        memory = {name: await _weighed(stage, uids[name]) for name in ("ankle", "ct", "larger")}
    return Measured(ankle, tuple(ct), files, tuple(floor), memory)


def _write_studies(directory: Path, slices: int) -> dict[str, str]:
    """Four studies below `directory`; the UID of each by its name."""
    folders = {name: directory / name for name in ("small", "ankle", "ct", "larger")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    write_ankle(folders["ankle"])
    for seed, (name, number) in enumerate((("small", 3), ("ct", slices), ("larger", 2 * slices)), start=1):
        write_ct(folders[name], slices=number, seed=seed)
    return {name: study_uid(folder) for name, folder in folders.items()}


def study_uid(folder: Path) -> str:
    """Of the first file in a folder."""
    file = next(path for path in sorted(folder.rglob("*")) if path.is_file())
    return str(dcmread(file, specific_tags=["StudyInstanceUID"]).StudyInstanceUID)


@contextlib.asynccontextmanager
async def scene(
    homeserver: Homeserver, directory: Path, studies: Path, *, name: str = "carrierbag", through: str = ""
) -> AsyncIterator[Scene]:
    """A new bot of that name, which reaches its homeserver at `through` (its own address), and two people with it."""
    people = (f"clinician-{name}", f"registrar-{name}")
    bot_id, *_ = [await homeserver.register(one, PASSWORD) for one in (name, *people)]
    config = write_settings(directory, through or homeserver.url, bot_id, studies)
    async with (
        BotProcess.running(config) as bot,
        Person.start(homeserver.url, people[0], PASSWORD) as clinician,
        Person.start(homeserver.url, people[1], PASSWORD) as registrar,
    ):
        room = await gathered(bot_id, clinician, registrar)
        yield Scene(bot, bot_id, clinician, registrar, room)


async def _weighed(scene: Scene, uid: str) -> int:
    """The most memory of the bot during one share, in bytes. Weighing takes time from the bot: a share of its own."""
    with Peak(scene.bot.memory) as peak:
        await share(scene, uid)
    return peak.bytes


async def share(scene: Scene, uid: str, *, look: Path | None = None) -> Share:
    """One share from the command to its last message. With `look`, the first preview is fetched before it counts."""
    since, began = len(scene.registrar.events), time.monotonic()
    seen: dict[str, tuple[float, SeenEvent]] = {}
    first_preview = 0.0
    await scene.clinician.send(scene.room, f"!share study uid {uid}")
    event = None
    while event is None or not (event.edits and SENT in event.body):
        event = await _news(scene, since, seen)
        if ASKED in event.body:  # a large study is agreed to by its number: that is the command
            await scene.clinician.send(scene.room, "1")
            began = time.monotonic()
        if event.msgtype == "m.image" and not first_preview:
            if look:
                await scene.registrar.download(event, look)
            first_preview = time.monotonic() - began
        seen[event.event_id] = (time.monotonic() - began, event)
    parcels = [(seconds, event) for seconds, event in seen.values() if event.msgtype == "m.file"]
    return Share(first_preview, parcels[-1][0], tuple(event for _, event in parcels))


async def _news(scene: Scene, since: int, seen: dict[str, tuple[float, SeenEvent]]) -> SeenEvent:
    """The next message of the bot. Raises `RuntimeError` with its words when it stops the share or says no more."""

    def fresh(one: SeenEvent) -> bool:
        return one.sender == scene.bot_id and bool(one.msgtype) and one.event_id not in seen

    try:
        event = await scene.registrar.wait(fresh, timeout=PATIENCE, since=since)
    except TimeoutError:
        said = [one.failure or one.body for one in scene.registrar.events[since:] if one.sender == scene.bot_id]
        raise RuntimeError("\n".join(["The bot says no more. It said:", *said])) from None
    if STOPPED in event.body:
        raise RuntimeError(event.body)
    return event


async def _save(scene: Scene, share: Share, directory: Path, instances: int) -> tuple[Path, ...]:
    """The share's ZIP files, downloaded, decrypted and verified. Raises `RuntimeError` unless all images are there."""
    await asyncio.to_thread(directory.mkdir)
    files = []
    for number, event in enumerate(share.parcels):
        saved = await scene.registrar.download(event, directory / f"{number}.zip")
        files.append(saved.path)
    reports = [await asyncio.to_thread(verify, file) for file in files]
    if not all(report.ok for report in reports) or sum(report.instances for report in reports) != instances:
        raise RuntimeError("What arrived is not what was shared.")
    return tuple(files)


def rows(ours: Measured, peer: float | None) -> list[Row]:
    """The numbers beside their goals."""
    size = f"{ours.size / MB:.0f} MB"
    name = f"delivery, CT of {size} in {len(ours.files)} ZIP files"
    delivery = statistics.median(share.delivery for share in ours.ct)
    least = statistics.median(ours.floor)
    found = [
        _below("first preview, ankle", ours.ankle.first_preview, FIRST_PREVIEW, "s"),
        Row("delivery, ankle", ours.ankle.delivery, "s"),
        Row(f"first preview, CT of {size}", statistics.median(share.first_preview for share in ours.ct), "s"),
        _slower(name, delivery, least),
        _below("peak memory, ankle", ours.memory["ankle"] / MB, MEMORY, "MB"),
        _below(f"peak memory, CT of {size}", ours.memory["ct"] / MB, MEMORY, "MB"),
        _below(f"peak memory, CT of {2 * ours.size / MB:.0f} MB", ours.memory["larger"] / MB, MEMORY, "MB"),
    ]
    return found if peer is None else [*found, _faster(name, delivery, peer)]


def _below(name: str, value: float, limit: float, unit: str) -> Row:
    return Row(name, value, unit, "", None, f"below {limit:g} {unit}", value < limit)


def _slower(name: str, value: float, least: float) -> Row:
    ratio = value / least
    return Row(name, value, "s", f"curl: {least:.2f} s", ratio, f"at most {OF_FLOOR:g} x as long", ratio <= OF_FLOOR)


def _faster(name: str, value: float, peer: float) -> Row:
    ratio = peer / value
    against = f"matrix-commander: {peer:.2f} s"
    return Row(name, value, "s", against, ratio, f"at least {FASTER:g} x as fast", ratio >= FASTER)


if __name__ == "__main__":
    typer.run(main)

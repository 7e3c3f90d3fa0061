"""A study's way onto the server, over links of several speeds: ours, a plain ZIP, matrix-commander, a script.

One run on this machine, everything real and everything on it: Synapse, behind a proxy that lets so many bits a second
through (not for the fastest link), the bot as a process of its own in an encrypted room with two clients.

- *Ours*: from the command (of a large study: from the agreement to it) until a colleague's client has the decrypted
  event of the last ZIP. Everything is included: finding, previews, the viewer's frames, packing, encrypting, uploading.
- *Floor*: curl puts ZIP files of the same DICOM files, uncompressed, ready-made, without a viewer and not encrypted.
- *Ways*: our packing and uploading alone (`bench.pipeline`), once for each fixed way and once choosing by itself; what
  it chooses by, it has learnt from a smaller study just before.
- *Peers*: matrix-commander with the ready-made ZIP files; a script of zipfile and nio.
- *Cost*: seconds of packing and uploading at a quarter, a half and all of the slices, without a limit; peak memory
  (PSS) of the bot with all its processes while it shares a large study.

The CT has a real slice's pixels (`bench.slices`), the ankle is synthetic.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.peers import ROOM_VERSION, Curl, commander
from bench.pipeline import Pipeline, Run, Source, stored
from bench.share import Scene, scene, share, study_uid
from bench.slices import write_slices
from bench.table import Row, show
from bench.throttle import Throttle
from bench.weigh import Peak
from bot.demo.homeserver import Homeserver
from delivery.speed import ALWAYS, Speed, Way
from studies.synthetic import write_ankle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

MB, MBIT = 1_000_000, 125_000
CHOICE = (*ALWAYS, Way.JPEG_LS)
#: Mbit/s from which on it is measured so often.
QUICK, ROUNDS = 1000, 3
#: Slices of the study from which a link's speed is learnt.
WARM = 60
#: The goals: our time as a part of the floor's, by Mbit/s (0: no limit).
GOALS = {0: 1.5, 100: 0.4, 10: 0.3}
OF_BEST, OF_SCRIPT, MEMORY = 1.1, 15.0, 300


@dataclass(frozen=True, slots=True)
class Lab:
    """What is measured with. `uids` and `sources` by the names of the studies."""

    work: Path
    homeserver: Homeserver
    curl: Curl
    sources: dict[str, Source]
    uids: dict[str, str]
    files: dict[str, tuple[Path, ...]]
    pipeline: Pipeline


def main(
    *,
    slices: Annotated[int, typer.Option(min=2 * WARM, help="Of the CT; 600 make 315 MB.")] = 600,
    links: Annotated[str, typer.Option(help="Mbit/s, by commas; 0 is no limit.")] = "0,1000,100,10",
    large: Annotated[int, typer.Option(help="Slices of the study for the memory; 3800 make 2 GB; 0: none.")] = 3800,
    peers: Annotated[bool, typer.Option(help="Measure matrix-commander and the script too.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list instead of a table.")] = False,
) -> None:
    """Measure parcels over links of several speeds."""
    speeds = [int(one) for one in links.split(",")]
    show(asyncio.run(measure(slices, speeds, large, peers=peers)), as_json=as_json)


async def measure(slices: int, links: Sequence[int], large: int, *, peers: bool) -> list[Row]:
    """Everything, one after the other."""
    with tempfile.TemporaryDirectory(prefix="carrierbag-bench-") as temporary:
        async with _lab(Path(temporary), slices, large) as lab:
            found: list[Row] = []
            for link in links:
                print(f"{link or 'no limit'}", file=sys.stderr)
                async with _through(lab, link) as url:
                    found += await _over(lab, url, link, peers=peers)
            return [*found, *await _cost(lab, slices), *(await _memory(lab) if large else [])]


@contextlib.asynccontextmanager
async def _lab(work: Path, slices: int, large: int) -> AsyncIterator[Lab]:
    studies = work / "studies"
    sizes = {"warm": WARM, "quarter": slices // 4, "half": slices // 2, "CT": slices, "large": large}
    uids = {
        name: write_slices(studies / name, count, seed) for seed, (name, count) in enumerate(sizes.items()) if count
    }
    (studies / "ankle").mkdir()
    await asyncio.to_thread(write_ankle, studies / "ankle")
    uids["ankle"] = study_uid(studies / "ankle")
    sources = {name: Source.of(studies / name) for name in uids}
    files = {}
    for name in ("CT", "ankle"):
        (work / "stored" / name).mkdir(parents=True)
        files[name] = await asyncio.to_thread(stored, sources[name], work / "stored" / name)
    settings = {"default_room_version": ROOM_VERSION}
    async with Homeserver.start(work / "homeserver", extra=settings) as homeserver:
        curl = await Curl.sign_in(homeserver)
        async with Pipeline.ready(work / "spool", curl.token) as pipeline:
            yield Lab(work, homeserver, curl, sources, uids, files, pipeline)


@contextlib.asynccontextmanager
async def _through(lab: Lab, link: int) -> AsyncIterator[str]:
    """The address of the homeserver behind that link."""
    if not link:
        yield lab.homeserver.url
        return
    async with Throttle.before(lab.homeserver.url, link * MBIT) as throttle:
        yield throttle.url


async def _over(lab: Lab, url: str, link: int, *, peers: bool) -> list[Row]:
    """All measurements over one link."""
    curl = Curl(url, lab.curl.token)
    floors = {name: await curl.put(lab.files[name]) for name in ("CT", "ankle")}
    ours = await _ours(lab, url, f"bot-{link}")
    found = [_ours_row(name, link, ours[name], floors[name]) for name in ours]
    found += await _ways(lab, url, link)
    return [*found, *(await _peers(lab, url, link, ours["CT"]) if peers else [])]


async def _ours(lab: Lab, url: str, name: str) -> dict[str, Run]:
    async with _bot(lab, url, name) as stage:
        await share(stage, lab.uids["warm"])
        return {one: await _shared(stage, lab.uids[one]) for one in ("CT", "ankle")}


@contextlib.asynccontextmanager
async def _bot(lab: Lab, url: str, name: str) -> AsyncIterator[Scene]:
    """A bot behind the link, people before it."""
    async with scene(lab.homeserver, lab.work / name, lab.work / "studies", through=url, name=name) as stage:
        yield stage


async def _shared(stage: Scene, uid: str) -> Run:
    done = await share(stage, uid)
    return Run(done.delivery, sum(int(one.content["info"]["size"]) for one in done.parcels))


async def _ways(lab: Lab, url: str, link: int) -> list[Row]:
    """Each fixed way, and the choice, in turns; the middle one counts where the machine decides and not the link."""
    found = []
    for name in ("CT", "ankle"):
        ways = [(way,) for way in CHOICE] + [CHOICE]
        speeds = {one: await _learnt(lab, url, one) for one in ways}
        rounds = ROUNDS if not link or link >= QUICK else 1
        runs = [
            [await lab.pipeline.run(url, lab.sources[name], one, speeds[one]) for one in ways] for _ in range(rounds)
        ]
        *fixed, chosen = (sorted(run, key=lambda one: one.seconds)[rounds // 2] for run in zip(*runs, strict=True))
        found += list(_way_rows(_named(name, link), dict(zip(CHOICE, fixed, strict=True)), chosen))
    return found


async def _learnt(lab: Lab, url: str, ways: Sequence[Way]) -> Speed:
    speed = Speed()
    await lab.pipeline.run(url, lab.sources["warm"], ways, speed)
    return speed


def _way_rows(name: str, fixed: dict[Way, Run], chosen: Run) -> Iterator[Row]:
    for way, run in fixed.items():
        yield Row(f"{name}, {way}, {run.bytes / MB:.0f} MB", run.seconds, "s")
    best = min(run.seconds for run in fixed.values())
    ratio = chosen.seconds / best
    label = f"{name}, by choice, {chosen.bytes / MB:.0f} MB"
    against = f"best fixed: {best:.2f} s"
    yield Row(label, chosen.seconds, "s", against, ratio, f"at most {OF_BEST:g} x", ratio <= OF_BEST)


def _ours_row(name: str, link: int, ours: Run, floor: float) -> Row:
    ratio, goal = ours.seconds / floor, GOALS.get(link)
    label = f"{_named(name, link)}, ours, {ours.bytes / MB:.0f} MB"
    against = f"stored, by curl: {floor:.2f} s"
    if goal is None:
        return Row(label, ours.seconds, "s", against, ratio)
    return Row(label, ours.seconds, "s", against, ratio, f"at most {goal:g} x", ratio <= goal)


async def _peers(lab: Lab, url: str, link: int, ours: Run) -> list[Row]:
    name = _named("CT", link)
    theirs = await commander(lab.homeserver, lab.work / f"commander-{link}", lab.files["CT"], through=url)
    script = await _scripted(lab, url)
    faster = script / ours.seconds
    goal = (f"at least {OF_SCRIPT:g} x", faster >= OF_SCRIPT) if not link else ("", None)
    return [
        Row(f"{name}, matrix-commander", theirs, "s", f"ours: {ours.seconds:.2f} s", theirs / ours.seconds),
        Row(f"{name}, zipfile and nio", script, "s", f"ours: {ours.seconds:.2f} s", faster, *goal),
    ]


async def _scripted(lab: Lab, url: str) -> float:
    out = lab.work / "scripted.zip"
    user = f"@curl:{lab.homeserver.server_name}"
    where = (url, user, lab.curl.token, str(out), str(lab.work / "studies" / "CT"))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.scripted", *where, stdout=pipe)
    said, _ = await process.communicate()
    out.unlink(missing_ok=True)
    return float(said)


async def _cost(lab: Lab, slices: int) -> list[Row]:
    """Three sizes; a straight line means the same seconds for each megabyte."""
    found = []
    for name in ("quarter", "half", "CT"):
        source, speed = lab.sources[name], await _learnt(lab, lab.homeserver.url, CHOICE)
        run = await lab.pipeline.run(lab.homeserver.url, source, CHOICE, speed)
        each = run.seconds / source.size * MB * 1000
        found.append(Row(f"packed and uploaded, {source.size / MB:.0f} MB", run.seconds, "s", f"{each:.2f} ms/MB"))
    slope = found[2].value / found[0].value / (slices / (slices // 4))
    return [*found, Row("growth against a straight line", slope, "x", "", None, "at most 1.2 x", slope <= 1.2)]  # noqa: PLR2004


async def _memory(lab: Lab) -> list[Row]:
    async with _bot(lab, lab.homeserver.url, "bot-large") as stage:
        with Peak(stage.bot.memory) as peak:
            done = await share(stage, lab.uids["large"])
    name = f"{lab.sources['large'].size / MB:.0f} MB in {len(done.parcels)} ZIP files"
    most = peak.bytes / MB
    return [
        Row(f"delivery, {name}, while it is weighed", done.delivery, "s"),
        Row(f"peak memory, {name}", most, "MB", "", None, f"below {MEMORY} MB", most < MEMORY),
    ]


def _named(study: str, link: int) -> str:
    return f"{study}, {link} Mbit/s" if link else f"{study}, no limit"


if __name__ == "__main__":
    typer.run(main)

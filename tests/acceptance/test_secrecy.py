"""Threats: what a patient is called shows up in a log, a file name, a temporary file, or on the chat server.

Identifiers are planted in the studies and typed in the room; then everything that a real process and a real homeserver
leave behind, or hold on disk meanwhile, is searched for them.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import shutil
import sqlite3
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.demo.process import BotProcess
from bot.matrix.errors import StoreDamaged
from bot.matrix.guard import GuardedClient
from config.errors import Bug, NotAllowed
from config.state import StateDirectory
from ledger import shares
from ledger.database import Database
from tests.fakes import dicom

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from bot.demo.homeserver import Homeserver
    from config.state import FieldCipher

    from .conftest import Ward

#: Words that occur nowhere by chance.
PATIENT = {
    "PatientName": "QUIMBLETHWAITE^Zebediah",
    "PatientID": "KX77310042",
    "AccessionNumber": "ACKX55108",
    "StudyDescription": "Wensleydale projection",
    "PatientAddress": "17 Gorgonzola Mews",
    "InstitutionName": "Stilton Infirmary",
    "ReferringPhysicianName": "CAMEMBERT^Dr",
    "OtherPatientIDs": "OLDKX900817",
}
PLANTED = [part for text in PATIENT.values() for part in text.split("^") if part != "Dr"]
QUESTIONS = (
    "!find Quimblethwaite 12.04.1963",
    "!find id: KX77310042",
    "!find acc: ACKX55108",
    "!share study Quimblethwaite 01.01.1901",
    "!quimblethwaite Zebediah",
)


def forms(word: str) -> Iterator[bytes]:
    """The word as it may stand in a file: as it is, in UTF-16, in hexadecimal, in base64 at each of three places."""
    for spelling in {word, word.upper(), word.lower()}:
        plain = spelling.encode()
        yield from (plain, spelling.encode("utf-16-le"), plain.hex().encode())
        for shift in range(3):
            cut = slice(4, -4)  # the ends depend on the neighbours
            yield base64.b64encode(b"\0" * shift + plain + b"\0" * ((-shift - len(plain)) % 3))[cut]


NEEDLES = {form for word in PLANTED for form in forms(word) if len(form) >= 6}


def found_in(data: bytes) -> list[bytes]:
    return [needle for needle in NEEDLES if needle in data]


@dataclass
class Watch:
    """Looks at every file that comes into being below some directories, again and again whenever it has changed.

    `kept` are directories from which nothing goes away: they are looked at in the end. What lay there before is not.
    """

    places: list[Path]
    kept: list[Path]
    seen: set[str] = field(default_factory=set)
    faults: set[str] = field(default_factory=set)
    known: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def look(self, places: list[Path]) -> None:
        for path in changed(places, self.known):
            with contextlib.suppress(OSError):
                self.seen.add(path.name)
                if found_in(str(path).encode()) or (path.is_file() and found_in(path.read_bytes())):
                    self.faults.add(str(path))

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        async def keep_looking() -> None:
            while True:
                await asyncio.to_thread(self.look, self.places)
                await asyncio.sleep(0.02)

        changed(self.kept, self.known)
        task = asyncio.create_task(keep_looking())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            self.look([*self.places, *self.kept])


def changed(places: list[Path], known: dict[Path, tuple[int, int]]) -> list[Path]:
    """What is new or different below these directories, remembered from now on."""
    found = []
    for path in [one for place in places for one in place.rglob("*")]:
        with contextlib.suppress(OSError):
            state = path.stat()
            if known.get(path) != (state.st_mtime_ns, state.st_size):
                known[path] = (state.st_mtime_ns, state.st_size)
                found.append(path)
    return found


def plant(studies: Path) -> None:
    for number, view in enumerate(dicom.VIEWS, start=1):
        image = dicom.image(ViewPosition=view, InstanceNumber=number, **PATIENT)
        dicom.save(image, studies / "KX77310042" / f"S{number}")
    whole = next(path for path in studies.rglob("*") if path.is_file()).read_bytes()
    (studies / "QUIMBLETHWAITE-broken.dcm").write_bytes(whole[: len(whole) // 2])


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A directory with a short name: the sockets of worker processes lie in it, and their names may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="cb") as name:
        yield Path(name)


async def test_planted_identifiers_are_found_in_no_log_file_name_temporary_file_nor_on_the_chat_server(
    ward: Ward,
    temporary: Path,
    homeserver: Homeserver,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    plant(ward.studies)
    monkeypatch.setenv("TMPDIR", str(temporary))
    ward.config.write_text(ward.config.read_text("utf-8").replace('"warning"', '"debug"'), "utf-8")
    watch = Watch([ward.config.parent, temporary], [homeserver.directory])
    async with watch.watching(), BotProcess.running(ward.config):
        await ward.gather()
        for line in QUESTIONS:
            await ward.ask(line)
        receipt = await ward.share("!share study KX77310042")
        (ward.studies / "KX77310042").rename(ward.studies / "away")
        await ward.ask("!share study KX77310042")
    assert "Quimblethwaite" in "\n".join(receipt.words).title(), "the room, and only the room, is told"
    assert [one["verified"] for one in receipt.parcels] == [True]
    log = capfd.readouterr()
    assert "share delivered" in log.err
    assert not found_in((log.out + log.err).encode())
    assert {"ledger.db", "homeserver.db"} <= watch.seen
    assert not watch.faults
    control = Watch([], [])
    control.look([ward.studies])
    assert len(control.faults) == len([one for one in ward.studies.rglob("*") if one.is_file()]), (
        "what is there is found"
    )


async def test_a_stolen_state_directory_opens_for_nobody_without_its_key(ward: Ward) -> None:
    plant(ward.studies)
    key = ward.directory / "elsewhere" / "key"
    key.parent.mkdir()
    settings = ward.config.read_text("utf-8")
    ward.config.write_text(settings.replace("[state]", f'[state]\nkey_file = "{key}"'), "utf-8")
    async with ward.running():
        await ward.gather()
        await ward.share("!share study KX77310042")
    stolen = ward.directory / "stolen"
    shutil.copytree(ward.config.parent / "state", stolen)
    shutil.rmtree(key.parent)
    assert not [path for path in stolen.rglob("*") if path.is_file() and found_in(path.read_bytes())]
    with pytest.raises(NotAllowed, match="S04"):
        StateDirectory(stolen, ward.directory / "guessed").cipher()
    with pytest.raises(Bug, match="B01"):
        await _first_share(stolen, StateDirectory(stolen).cipher())
    with pytest.raises(StoreDamaged):
        GuardedClient("http://127.0.0.1:9", ward.bot, _device(stolen), stolen / "matrix", bytes(32)).load_store()


def _device(stolen: Path) -> str:
    with sqlite3.connect(stolen / "matrix" / "olm.db") as store:
        [(device_id,)] = store.execute("SELECT device_id FROM accounts")
    return str(device_id)


async def _first_share(stolen: Path, cipher: FieldCipher) -> object:
    ledger = await Database.open(stolen / "ledger.db", cipher)
    try:
        return await shares.get(ledger, 1)
    finally:
        await ledger.close()


async def test_a_crash_leaves_no_core_dump(ward: Ward) -> None:
    async with BotProcess.running(ward.config) as running:
        await ward.gather()
        for pid in running.tree():
            [line] = [one for one in _limits(pid).splitlines() if one.startswith("Max core file size")]
            assert line.split()[4:6] == ["0", "0"]


def _limits(pid: int) -> str:
    return Path(f"/proc/{pid}/limits").read_text("utf-8")

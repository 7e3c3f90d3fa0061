"""Takes the pictures of `docs/for-clinicians/on-a-phone.md`: `python -m tools.screenshots [DIRECTORY]`.

A registrar's phone (`client.mjs`: Element's room view, built from its library, in Chromium at 390 x 844) is signed in
beside the registrar's workstation, gets its keys from there, and shows what the bot posts in an encrypted room.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from html import escape
from pathlib import Path

from bot import log
from bot.demo.people import Person
from bot.demo.stage import PASSWORD, gathered, stage
from config.settings import LogSettings
from tools.gallery.kinds import KINDS
from tools.screenshots.scenes import Scene, scenes

HERE = Path(__file__).resolve().parent
HOME = HERE.parents[1] / "docs" / "for-clinicians"
#: The studies that the bot finds, by their names in the gallery.
STUDIES = ("ankle", "body")
#: Width on the page, in pixels: three beside each other.
WIDTH = 250
HEAD = """# What you see on a phone

Made by `make screenshots`: a bot, a homeserver and a chat client, all real, in an encrypted room. The client is
Element's room view at 390 x 844 with a phone's margins and pictures set to "large". Patients are invented.
"""


async def take(home: Path) -> None:
    """Play it once, and leave the page and its pictures in `home`."""
    pictures = home / "phone"
    await asyncio.to_thread(pictures.mkdir, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="carrierbag-phone-") as temporary:
        work = Path(temporary)
        await asyncio.to_thread(_write_studies, work / "studies")
        async with stage(work, work / "studies") as played:
            secrets, server = await played.registrar.secrets(), played.homeserver.url
            async with Person.start(server, "registrar", PASSWORD, secrets=secrets, client_dir=HERE) as phone:
                room = await gathered(played.bot, played.clinician, played.registrar)
                await phone.call("open", room=room)
                taken = [scene async for scene in scenes(played, room, phone, pictures)]
                await phone.call("close")
    await asyncio.to_thread((home / "on-a-phone.md").write_text, page(taken), "utf-8")


def page(taken: list[Scene]) -> str:
    """The pictures with a line each, as Markdown."""
    return HEAD + "".join(
        f"\n## {one.heading}\n\n{one.line}\n\n<p>\n{''.join(_picture(name, one) for name in one.pictures)}</p>\n"
        for one in taken
    )


def _picture(name: str, scene: Scene) -> str:
    return f'<img src="phone/{name}" width="{WIDTH}" alt="{escape(scene.heading)} on a phone">\n'


def _write_studies(directory: Path) -> None:
    for kind in KINDS:
        if kind.name in STUDIES:
            (directory / kind.name).mkdir(parents=True)
            kind.write(directory / kind.name)


if __name__ == "__main__":
    log.configure(LogSettings(level="error"))
    asyncio.run(take(Path(sys.argv[1]) if sys.argv[1:] else HOME))

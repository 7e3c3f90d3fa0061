"""`carrierbag verify`: compare emoji with somebody. The bot shows them here, where the other side cannot see.

Talks to the running bot. Ends when one verification has come to its end.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from bot.operate.who import operator
from config.errors import Mistake

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bot import control

Config = Annotated[Path, typer.Option("--config", help="The settings file that `carrierbag init` writes.")]
Person = Annotated[str, typer.Argument(help='Ask this person, a whole Matrix ID like "@anna:example.org".')]
Listed = Annotated[bool, typer.Option("--list", help="Say which verifications are under way, and end.")]

NOBODY = "Nobody waits to be verified."
HOW = (
    "They begin in their app: in a direct chat with the bot, on its profile, with the button to verify.\n"
    "I wait for it. Ctrl-C ends this."
)
ASK_THEM = "Ask them in person or by phone what their app shows. Do not ask in the chat."
QUESTION = "Is it the same, in the same order?"
OVER = frozenset({"done", "ended"})
#: Stages that need nothing of anybody.
FLEETING = frozenset({"started", "accepted", "agreed"})


def verify(person: Person = "", *, config: Config, list_: Listed = False) -> None:
    """Verify somebody's identity by comparing seven emoji with them."""
    from bot.control import Console as Bot  # noqa: PLC0415 - `--help` is quick
    from config.settings import load_settings  # noqa: PLC0415

    screen = Console(highlight=False, soft_wrap=True)
    with Bot(load_settings(config).state.directory) as bot:
        if list_:
            _print_all(screen, bot)
            return
        begun = bot.ask("verify.begin", user_id=person)["number"] if person else None
        try:
            verified = Conversation(screen, bot, begun).hold()
        except KeyboardInterrupt:
            raise typer.Exit(1) from None
    raise typer.Exit(0 if verified else 1)


class Conversation:
    """With one operator, about whichever verification wants something of them first; or about `only` this one."""

    def __init__(self, screen: Console, bot: control.Console, only: int | None) -> None:
        self._screen = screen
        self._bot = bot
        self._only = only
        #: Those that were shown here; what was over before is no news.
        self._ours = set() if only is None else {only}
        self._asked: set[int] = set()
        self._said: dict[int, str] = {}

    def hold(self) -> bool:
        """Until one has come to its end. True when it ended well."""
        for news in self._news():
            for one in news:
                if one["state"] in OVER and one["number"] in self._ours:
                    self._say(one)
                    return bool(one["state"] == "done")
                self._go_on(one)
        return False

    def _news(self) -> Iterator[list[Mapping[str, Any]]]:
        answer = self._bot.ask("verify.list")
        if not any(one["state"] not in OVER for one in answer["verifications"]):
            self._print(f"{NOBODY} {HOW}")
        while True:
            yield [one for one in answer["verifications"] if self._only in {None, one["number"]}]
            answer = self._bot.ask("verify.list", seen=answer["version"])

    def _go_on(self, one: Mapping[str, Any]) -> None:
        if one["state"] in OVER:
            return
        if not one["to_compare"]:
            if one["state"] not in FLEETING:
                self._say(one)
        elif one["number"] not in self._asked:
            self._ours.add(one["number"])
            self._asked.add(one["number"])
            self._compare(one)

    def _compare(self, one: Mapping[str, Any]) -> None:
        self._print(f"\nVerification {one['number']}: {one['who']}\n")
        for line in picture(one):
            self._print(f"    {line}")
        self._print(f"\n{ASK_THEM}")
        match = typer.confirm(QUESTION, default=None)
        try:
            self._bot.ask("verify.confirm", number=one["number"], match=match, by=f"{operator()} at the console")
        except Mistake as error:  # it ended while they compared: the next news says why
            self._print(str(error))

    def _say(self, one: Mapping[str, Any]) -> None:
        """Each stage once."""
        if self._said.get(one["number"]) != one["words"]:
            self._said[one["number"]] = one["words"]
            self._print(one["words"])

    def _print(self, text: str) -> None:
        self._screen.print(text, markup=False, emoji=False)


def picture(one: Mapping[str, Any]) -> Iterator[str]:
    """The emoji one below the other, so that wide ones shift nothing; or the numbers."""
    if one["decimals"]:
        yield " ".join(map(str, one["decimals"]))
    for place, (symbol, name) in enumerate(one["emoji"], start=1):
        yield f"{place}  {name:<12}{symbol}"


def _print_all(screen: Console, bot: control.Console) -> None:
    under_way = [one for one in bot.ask("verify.list")["verifications"] if one["state"] not in OVER]
    for one in under_way:
        screen.print(f"Verification {one['number']}: {one['who']}: {one['stage']}.", markup=False, emoji=False)
    if not under_way:
        screen.print(NOBODY, markup=False)

"""`carrierbag trust` on a ledger of its own, as an operator meets it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from bot.cli import app
from bot.demo.stage import write_settings
from bot.fingerprint import aloud, typed
from config.errors import Mistake
from config.settings import load_settings
from config.state import StateDirectory
from ledger import audit
from ledger.database import Database
from ledger.trust import EMOJI, Pins

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

ANNA, BEN, EVE = "@anna:x", "@ben:x", "@eve:x"
OLD, NEW = "o" * 43, "N" * 43
Result = TypeVar("Result")


class Console:
    """An operator at a bot that knows some people."""

    def __init__(self, directory: Path) -> None:
        self.config = write_settings(directory / "bot", "http://127.0.0.1:1", "@bot:x", directory)
        self.state = StateDirectory(load_settings(self.config).state.directory)

    def trust(self, *arguments: str, answer: str = "") -> str:
        """What it prints; its error of ours is raised."""
        result = CliRunner().invoke(app, ["trust", *arguments, "--config", str(self.config)], input=answer)
        structlog.reset_defaults()  # it logs to the runner's standard error, which is closed now
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.output

    def ledger(self, do: Callable[[Database], Awaitable[Result]]) -> Result:
        """What the bot itself does with its ledger."""

        async def run() -> Result:
            self.state.prepare()
            ledger = await Database.open(self.state.file("ledger.db"), self.state.cipher())
            try:
                return await do(ledger)
            finally:
                await ledger.close()

        return asyncio.run(run())


@pytest.fixture
def console(tmp_path: Path) -> Console:
    built = Console(tmp_path)

    async def meet(ledger: Database) -> None:
        pins = Pins(ledger)
        await pins.met(ANNA, OLD)
        await pins.met(BEN, OLD)
        await pins.met(BEN, NEW)
        await pins.verified(EVE, OLD, EMOJI)

    built.ledger(meet)
    return built


def test_the_list_shows_first_who_has_changed(console: Console) -> None:
    lines = console.trust("list").splitlines()
    assert [line.split()[0] for line in lines] == [BEN, ANNA, EVE]
    assert "CHANGED" in lines[0]
    assert "met 2" in lines[1]
    assert "confirmed by emoji" in lines[2]


def test_a_change_is_shown_with_both_fingerprints_and_what_to_do(console: Console) -> None:
    shown = console.trust("show", BEN)
    assert aloud(OLD) in shown
    assert aloud(NEW) in shown
    assert f"carrierbag trust confirm {BEN} --config {console.config}" in shown


def test_confirming_asks_and_replaces_the_pin(console: Console) -> None:
    said = console.trust("confirm", BEN, answer="y\n")
    assert aloud(OLD) in said
    assert aloud(NEW) in said
    assert "Did you compare" in said
    pin = console.ledger(lambda ledger: Pins(ledger).pinned(BEN))
    assert pin
    assert (pin.master_key, pin.how, pin.changed_to) == (NEW, "operator", None)


def test_who_was_only_met_can_be_confirmed(console: Console) -> None:
    console.trust("confirm", ANNA, "--yes")
    assert "confirmed by operator" in console.trust("show", ANNA)


def test_the_fingerprint_may_be_typed_as_it_is_read_out(console: Console) -> None:
    said = console.trust("confirm", BEN, "--fingerprint", aloud(NEW))
    assert "Did you compare" not in said
    assert "Confirmed" in said


def test_a_confirmation_is_in_the_audit_trail_with_the_operators_name(console: Console) -> None:
    console.trust("confirm", BEN, "--yes")
    records = console.ledger(audit.records)
    assert records[-1].event.who == BEN
    assert records[-1].event.detail.startswith(f"identity {NEW} confirmed by operator ")
    assert records[-1].event.detail.endswith(f" in place of {OLD}")


def vanish(console: Console) -> None:
    console.ledger(lambda ledger: Pins(ledger).met(BEN, ""))


@pytest.mark.parametrize(
    ("arguments", "answer", "code"),
    [
        (("confirm", "@nobody:x", "--yes"), "", "T10"),
        (("confirm", "ben", "--yes"), "", "T10"),
        (("show", "@nobody:x"), "", "T10"),
        (("confirm", BEN, "--fingerprint", OLD), "", "T12"),
        (("confirm", BEN, "--fingerprint", OLD, "--yes"), "", "T12"),
        (("confirm", BEN), "n\n", "T13"),
        (("confirm", BEN), "\n", "T13"),
    ],
)
def test_wrong_input_is_one_sentence_and_changes_nothing(
    console: Console, arguments: tuple[str, ...], answer: str, code: str
) -> None:
    before = console.ledger(lambda ledger: Pins(ledger).everyone())
    with pytest.raises(Mistake) as refused:
        console.trust(*arguments, answer=answer)
    assert refused.value.code == code
    assert refused.value.sentence.endswith("Nothing was changed.")
    assert console.ledger(lambda ledger: Pins(ledger).everyone()) == before


def test_an_identity_that_is_gone_cannot_be_confirmed(console: Console) -> None:
    vanish(console)
    assert "none" in console.trust("show", BEN)
    with pytest.raises(Mistake, match=r"no identity now.*T11"):
        console.trust("confirm", BEN, "--yes")


def test_without_an_answer_nothing_is_changed(console: Console) -> None:
    assert "Aborted" in console.trust("confirm", BEN)
    assert "CHANGED" in console.trust("show", BEN)


def test_a_bot_that_never_ran_knows_nobody_and_no_file_is_made(tmp_path: Path) -> None:
    console = Console(tmp_path)
    with pytest.raises(Mistake, match="T14"):
        console.trust("list")
    assert not console.state.root.exists()


@given(st.text("abcDEF019+/", min_size=1, max_size=60))
def test_what_is_read_aloud_can_be_typed_again(key: str) -> None:
    assert typed(aloud(key)) == key
    assert typed(f"  {aloud(key)} = ") == key
    assert max(map(len, aloud(key).split())) <= 4

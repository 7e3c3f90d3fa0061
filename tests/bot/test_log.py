from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import structlog

from bot import log
from config.settings import LogSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

PLANTED = "TESTWELL^Ada"


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def fail(patient: str) -> None:
    raise ValueError(f"{patient} cannot be read")


@pytest.mark.parametrize("as_json", [True, False])
def test_an_exception_is_logged_with_its_place_and_without_words_or_variables(
    *, as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(LogSettings(json=as_json))
    try:
        try:
            fail(PLANTED)
        except ValueError as error:
            raise RuntimeError(f"while sharing {PLANTED}") from error
    except RuntimeError:
        structlog.get_logger().exception("share failed", share=1)
    written = capsys.readouterr().err
    assert "share failed" in written
    assert "ValueError" in written
    assert "in fail" in written
    assert "Ada" not in written

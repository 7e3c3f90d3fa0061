from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bench.table import Row, show

if TYPE_CHECKING:
    import pytest

ROWS = [Row("headers read", 12.5, "files/s", "pydicom: 1", 12.5, "at least 10 x", met=True), Row("size", 3.0, "MB")]


def test_json_is_a_list_with_the_seven_fields(capsys: pytest.CaptureFixture[str]) -> None:
    show(ROWS, as_json=True)
    rows = json.loads(capsys.readouterr().out)
    assert [list(row) for row in rows] == [["name", "value", "unit", "against", "ratio", "goal", "met"]] * 2
    assert rows[1]["met"] is None


def test_the_table_names_everything(capsys: pytest.CaptureFixture[str]) -> None:
    show(ROWS, as_json=False)
    shown = capsys.readouterr().out
    assert "headers" in shown
    assert "12.50" in shown
    assert "yes" in shown

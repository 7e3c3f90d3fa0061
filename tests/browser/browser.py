"""Debian's Chromium or Firefox on a leash: pages from files, network off, every request counted."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.demo.people import client_command

if TYPE_CHECKING:
    from collections.abc import Mapping

DRIVER = Path(__file__).with_name("driver.mjs")
BROWSERS = {"chromium": "/usr/bin/chromium", "firefox": "/usr/bin/firefox-esr"}
PATIENCE = 20.0
DESKTOP: Mapping[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: Mapping[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "deviceScaleFactor": 2,
    "hasTouch": True,
    "isMobile": True,
}


class Browser:
    """Playwright's page, or puppeteer's, by the names of its methods."""

    def __init__(self, name: str = "chromium") -> None:
        node, _ = client_command()  # Debian's is too old for playwright
        command = [node, str(DRIVER), name, BROWSERS[name]]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def call(self, name: str, *arguments: object) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"call": name, "args": arguments}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer.get("result")

    def open(self, page: Path, options: Mapping[str, Any] = DESKTOP) -> None:
        self.call("open", page.as_uri(), options)

    def ask(self, expression: str) -> Any:
        return self.call("evaluate", expression)

    def wait(self, expression: str) -> None:
        """Until it is true. Asked from here: the page's own policy keeps the driver from evaluating in it."""
        deadline = time.monotonic() + PATIENCE
        while not self.ask(f"!!({expression})"):
            assert time.monotonic() < deadline, f"never true: {expression}; {self.complaints}"
            time.sleep(0.02)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.call("keyboard.press", key)

    def click(self, selector: str) -> None:
        self.call("click", selector)

    def picture(self, path: Path) -> Path:
        self.call("screenshot", {"path": str(path)})
        return path

    @property
    def requests(self) -> list[str]:
        """Addresses that the page asked for outside of its own folder's kind."""
        return [one for one in self.call("seen")["requests"] if not one.startswith(("file:", "blob:", "data:"))]

    @property
    def complaints(self) -> list[str]:
        """Errors and warnings of the page, but for one about how these tests read pictures."""
        return [one for one in self.call("seen")["complaints"] if "willReadFrequently" not in one]

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(20)

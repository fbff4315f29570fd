"""A real browser for tests: Debian's chromium, driven by Playwright, and axe-core's word on what is shown.

A test that asks for `browser` is skipped, with the reason, where either is absent.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local.azurite_setup import find_node

_PINNED = Path(__file__).parent
_CACHE = Path(__file__).resolve().parents[2] / ".cache" / "axe"
_NPM_SECONDS = 120
#: Where pictures go that the docs show; only when asked, since a test run changes no file of the project.
PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"


@dataclass
class Window:
    """One page in a browser, driven by its keyboard alone. `complaints` are what the browser itself objects to."""

    page: Any
    axe: str
    complaints: list[str] = field(default_factory=list)
    going: set[Any] = field(default_factory=set)

    def open(self, address: str) -> None:
        """Goes there, as by typing the address."""
        self.page.goto(address)
        self.settle()

    def settle(self) -> None:
        """Waits until what the page fetches by itself is there."""
        self.page.wait_for_load_state("load")
        quiet = 0
        while quiet < 2:
            self.page.wait_for_timeout(25)
            quiet = 0 if self.going else quiet + 1

    def begins(self, request: Any) -> None:
        """A request is on its way."""
        self.going.add(request)

    def ends(self, request: Any) -> None:
        """It is not any more."""
        self.going.discard(request)

    def reach(self, name: str, *, most: int = 120) -> None:
        """Presses Tab until what has the focus is called that."""
        seen = []
        for _ in range(most):
            self.page.keyboard.press("Tab")
            found = self.page.evaluate(_FOCUSED)
            if found == name:
                return
            seen.append(found)
        raise AssertionError(f"Tab never comes to {name!r}, but to {list(dict.fromkeys(seen))}")

    def press(self, name: str) -> None:
        """Reaches a link or button and presses Enter; waits for where that leads."""
        self.reach(name)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")
        self.settle()

    def write(self, name: str, text: str) -> None:
        """Reaches a field and types over what is in it."""
        self.reach(name)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)

    def violations(self) -> list[str]:
        """What axe-core finds. Through the debugger: the page's own policy lets no foreign script in."""
        debugger = self.page.context.new_cdp_session(self.page)
        debugger.send("Runtime.evaluate", {"expression": self.axe})
        asked = {"expression": _RUN_AXE, "awaitPromise": True, "returnByValue": True}
        told = debugger.send("Runtime.evaluate", asked)["result"]["value"]
        debugger.detach()
        return [f"{rule}: {where}" for rule, where in json.loads(told)]

    def too_wide(self) -> int:
        """How many pixels of the page one has to scroll sideways for."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def picture(self, name: str, *, whole: bool = True) -> None:
        """Takes a picture for the docs, if HOLDFAST_PICTURES asks for one."""
        if os.environ.get("HOLDFAST_PICTURES"):
            PICTURES.mkdir(exist_ok=True)
            self.page.screenshot(path=PICTURES / f"{name}.png", full_page=whole)


_FOCUSED = """() => {
  const e = document.activeElement;
  const label = e.labels && e.labels.length ? e.labels[0].childNodes[0].textContent : "";
  return (label || e.getAttribute("aria-label") || e.textContent || "").trim().replace(/\\s+/g, " ");
}"""
_RUN_AXE = (
    "axe.run().then(r => JSON.stringify(r.violations.flatMap(v => v.nodes.map(n => [v.id, n.target.join(' ') + ': ' "
    "+ n.failureSummary]))))"
)


class Browser:
    """Opens windows."""

    def __init__(self, chromium: Any, axe: str) -> None:
        self._chromium, self._axe = chromium, axe
        self._contexts: list[Any] = []

    def window(self, *, dark: bool = False, phone: bool = False, downloads: bool = True) -> Window:
        """A window with cookies of its own. A phone is 375 pixels wide."""
        context = self._chromium.new_context(
            viewport={"width": 375, "height": 800} if phone else {"width": 1200, "height": 900},
            color_scheme="dark" if dark else "light",
            ignore_https_errors=True,  # a local storage account has a certificate of its own authority
            accept_downloads=downloads,
        )
        self._contexts.append(context)
        page = context.new_page()
        found = Window(page, self._axe)
        page.on("console", lambda told: found.complaints.append(told.text) if told.type == "error" else None)
        page.on("request", found.begins)
        page.on("requestfinished", found.ends)
        page.on("requestfailed", found.ends)
        page.on("pageerror", lambda error: found.complaints.append(str(error)))
        return found

    def close(self) -> None:
        """Closes every window."""
        for context in self._contexts:
            context.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core's script, as the lock file pins it."""
    script, node = _CACHE / "node_modules" / "axe-core" / "axe.min.js", find_node()
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may want it at once
        wanted = (_PINNED / "package-lock.json").read_text()
        stamp = _CACHE / ".installed"
        if not (script.exists() and stamp.exists() and stamp.read_text() == wanted):
            if node is None:
                pytest.skip("no Node to fetch axe-core with; `make setup` brings one")
            for name in ("package.json", "package-lock.json"):
                shutil.copyfile(_PINNED / name, _CACHE / name)
            command = [*node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            environment = {**os.environ, "PATH": f"{node.node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
            ran = subprocess.run(
                command, cwd=_CACHE, env=environment, capture_output=True, text=True, timeout=_NPM_SECONDS, check=False
            )
            if ran.returncode:
                pytest.skip(f"axe-core could not be fetched: {ran.stderr.strip()[-200:]}")
            stamp.write_text(wanted)
    return script.read_text("utf-8")


@pytest.fixture
def browser(axe: str) -> Iterator[Browser]:
    """Debian's chromium, for one test."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium on this machine: `apt-get install chromium`")
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: `make setup` installs it")
    # As root chromium starts only without its sandbox; what it opens here is our own.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=program, args=options)
        opened = Browser(chromium, axe)
        try:
            yield opened
        finally:
            opened.close()
            chromium.close()

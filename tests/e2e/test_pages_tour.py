"""A newcomer's tour of the pages on a local installation, with the keyboard alone: from the key to a BACPAC in hand."""

from __future__ import annotations

import hashlib
import time
import zipfile
from pathlib import Path

import pytest

from local.profile import LocalProfile
from local.samples.databases import write_sample

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(900)]

_PATIENCE = 600
#: On demand, since other tests use the same world; before the policy of the world itself.
_POLICY = 'name: tour\npriority: 1\nselect:\n  databases: ["sql-tour/*"]\n'


def test_the_tour(world: LocalProfile, browser, tmp_path: Path) -> None:
    write_sample(tmp_path / "hr.bacpac", "hr", scale=0.3)
    world.load(tmp_path / "hr.bacpac", "sql-tour/hr")
    pages = f"{world.status()['url']}/api/web/"
    window = browser.window()

    # Who has no key sees nothing; who has one is in, and no key is in the browser afterwards.
    window.open(pages)
    assert window.page.url == f"{pages}sign-in"
    window.write("Function key", "no key")
    window.page.keyboard.press("Enter")
    window.page.get_by_role("alert").wait_for()
    assert window.violations() == []
    window.page.keyboard.press("Control+A")
    window.page.keyboard.insert_text(world.profile.key)
    with window.page.expect_navigation():
        window.page.keyboard.press("Enter")
    window.settle()
    (cookie,) = window.page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/api/web")
    assert world.profile.key not in str(cookie)
    assert window.violations() == []

    # A policy is written, checked and saved.
    window.press("Policies")
    window.press("New policy")
    window.write("The policy, as YAML", _POLICY.replace("priority", "prio"))
    window.press("Check")
    assert "Line 2, prio" in window.page.get_by_role("alert").inner_text()
    window.write("The policy, as YAML", _POLICY)
    window.press("Check again")
    assert "takes 1 of them" in window.page.get_by_role("region", name="What it would do").inner_text()
    assert window.violations() == []
    window.press("Save")

    # It runs, and is watched: the page moves by itself.
    window.press("Run now")
    assert window.violations() == []
    seen = _watch(window)
    assert window.page.locator("#live > p .badge").inner_text().endswith("succeeded"), window.page.inner_text("main")
    assert len(seen) > 2, f"nothing moved while it ran: {seen}"
    assert window.violations() == []

    # Its point is looked at and taken away.
    window.press(window.page.locator("#live a[href*='/points/']").inner_text())
    assert window.page.get_by_role("row").count() > 2
    assert window.violations() == []
    window.press("Make a BACPAC to download")
    _watch(window)
    link = window.page.get_by_role("link", name="Download")
    window.reach(link.inner_text())
    with window.page.expect_download(timeout=60_000) as coming:
        window.page.keyboard.press("Enter")
    file = tmp_path / "back.bacpac"
    coming.value.save_as(file)
    assert hashlib.sha256(file.read_bytes()).hexdigest() in window.page.inner_text("#live")
    assert "model.xml" in zipfile.ZipFile(file).namelist()

    # Every page that is listed at the top, with real data on it.
    for name in ("Overview", "Databases", "Sessions", "Repositories", "Machines", "Costs"):
        window.press(name)
        assert window.violations() == [], name
        assert window.page.get_by_role("alert").count() == 0, window.page.inner_text("main")
    window.press("Sign out")
    window.open(f"{pages}sources")
    assert window.page.url == f"{pages}sign-in?next=sources"
    refused = [one for one in window.complaints if "401" not in one and "400" not in one]
    assert refused == []


def _watch(window) -> list[str]:
    """Until the session has ended, without a touch; everything that its page said meanwhile."""
    seen: list[str] = []
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        said = window.page.locator("#live").inner_text()
        if said not in seen:
            seen.append(said)
        if window.page.locator("#live[hx-trigger]").count() == 0:
            return seen
        window.page.wait_for_timeout(300)
    raise AssertionError(f"it never ended: {seen[-1]}")

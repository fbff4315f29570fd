"""The pages in a real browser, over a made-up installation: accessible, readable on a phone, dark and light, by keyboard."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web as http

from holdfast.model.errors import SourceUnusable
from holdfast.model.job import Progress
from holdfast.model.overdue import Overdue
from holdfast.model.point import Entry, Table
from holdfast.model.session import SourceRun, State

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

_NAMES = ["billing", "crm", "erp-archive", "erp-main", "hr", "shop", "tracking"]
_TABLES = ["Sales.Orders", "Sales.OrderLines", "Sales.Customers", "Stock.Items", "Stock.Movements", "hr.People"]


@pytest.fixture
def address(site) -> Iterator[str]:
    """The site over HTTP."""
    loop, ready = asyncio.new_event_loop(), threading.Event()
    found: dict[str, Any] = {}

    async def start() -> None:
        app = http.Application()
        app.router.add_route("*", "/{tail:.*}", site.serve)
        found["runner"] = http.AppRunner(app, access_log=None)
        await found["runner"].setup()
        await http.TCPSite(found["runner"], "127.0.0.1", 0).start()
        ready.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(found["runner"].cleanup())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(30)
    yield f"http://127.0.0.1:{found['runner'].addresses[0][1]}/api/web/"
    loop.call_soon_threadsafe(loop.stop)
    thread.join(30)


@pytest.fixture
def pages(site, line) -> dict[str, str]:
    """A made-up installation with something on every page; the pages' addresses."""
    chance = random.Random(4)
    site.policy()
    weekly = {"weekly": {"day": "sunday", "keep_weeks": 4}}
    site.policy(name="weekly", schedules=weekly, priority=5, immutable=True, select={"databases": ["erp-*"]})
    return _furnish(site, line, chance)


def _furnish(site, line, chance: random.Random) -> dict[str, str]:
    for name in _NAMES:
        source, points = site.source(name), []
        for day in range(26, -1, -1):
            if name == "tracking" or chance.random() > 0.95:
                continue
            tables = [
                Table(schema=s, name=t, rows=n, bytes=n * 61)
                for s, t, n in ((*full.split("."), chance.randrange(10**5)) for full in _TABLES)
            ]
            points.append(
                site.point(
                    source,
                    ago=timedelta(days=day, hours=9),
                    kind="increment" if points else "full",
                    sequence=len(points) + 1,
                    stored_bytes=chance.randrange(10**6, 10**8) * (1 if points else 9),
                    inflated_bytes=9 * 10**8,
                    tables=tables,
                    flags=["D"],
                    entries=[Entry(name="model.xml", bytes=81234, sha256="ab" * 32)],
                )
            )
        for point in points[-3:-1]:
            site.proven(point)
    late = next(one for one in site.catalog.points.known if one.source == "sql-a/billing")
    overdue = Overdue(
        policy="nightly", source=late.source, chain=late.chain, missed=site.app.clock.now() - timedelta(hours=9)
    )
    site.catalog.promises.broken = lambda: [overdue]
    for day in range(14):
        state = {3: State.FAILED, 6: State.PARTIAL}.get(day, State.SUCCEEDED)
        site.session(state, ago=timedelta(days=day, hours=9))
    live = _live(site, line)
    newest = site.catalog.points.known[-1]
    return {
        "overview": "",
        "databases": "sources",
        "database": f"sources/{newest.chain}",
        "policies": "policies",
        "policy": "policies/nightly",
        "editor": "policies/nightly/edit",
        "deletion": "policies/nightly/delete",
        "retention": "policies/nightly/retention",
        "sessions": "sessions",
        "session": f"sessions/{live}",
        "log": f"sessions/{live}/log",
        "point": f"points/{newest.id}",
        "restore": f"points/{newest.id}/restore",
        "machines": "machines",
        "doctor": "doctor",
        "repositories": "repositories",
        "costs": "costs?policy=nightly",
        "error": "points/none",
        "sign-in": "sign-in",
    }


def _live(site, line) -> str:
    now = site.app.clock.now()
    done, going, bad = (SourceRun(source=f"sql-a/{name}", key=name) for name in ("crm", "shop", "billing"))
    for run, steps in ((done, 10), (going, 5)):
        for number, step in enumerate(run.steps[:steps]):
            step.state = State.SUCCEEDED
            step.started_at, step.ended_at = now - timedelta(minutes=9 - number), now - timedelta(minutes=8 - number)
    done.state, done.restore_point = State.SUCCEEDED, site.catalog.points.known[30].id
    going.state, going.steps[5].state = State.RUNNING, State.RUNNING
    going.steps[5].started_at = now - timedelta(minutes=2)
    bad.state, bad.steps[0].state = State.FAILED, State.FAILED
    bad.error = SourceUnusable("sql-a/billing is Offline, not Online", help="Bring it online, or leave it out.").info()
    session = site.session(State.RUNNING, ago=timedelta(minutes=9), sources=[done, going, bad])
    site.catalog.jobs.open_jobs = lambda: [
        SimpleNamespace(id="j", session=session.id, source=going.source, worker="hf-westeurope-standard-1")
    ]
    progress = Progress(phase="export", table="Sales.Orders", rows=120_034, tables_done=7, tables_total=21)
    site.app.dispatch.heartbeat = lambda name, job: SimpleNamespace(progress=progress)
    site.catalog.log.lines[:] = [
        line("3 databases are selected"),
        line("validate: sql-a/billing is Offline, not Online", "error"),
        line("worker hf-westeurope-standard-1 exports sql-a/shop"),
    ]
    return session.id


@pytest.mark.parametrize(("dark", "phone"), [(False, False), (True, True)])
def test_every_page_is_accessible_and_fits(
    browser, address: str, pages: dict[str, str], dark: bool, phone: bool
) -> None:
    """Axe finds nothing, nothing is scrolled sideways for, and the browser has nothing to object to."""
    window = browser.window(dark=dark, phone=phone)
    window.open(f"{address}../web-key")
    for page, path in pages.items():
        window.open(address + path)
        assert window.violations() == [], page
        assert window.too_wide() == 0, page
        if page in ("overview", "databases", "session"):
            window.picture(f"{page}-{'phone' if phone else 'light'}")
    assert [one for one in window.complaints if "404" not in one] == []


def test_a_typed_policy_is_checked_and_saved_by_keyboard(browser, site, address: str) -> None:
    site.source("shop")
    window = browser.window()
    window.open(f"{address}sign-in")
    window.write("Function key", "any key opens this site")
    window.press("Sign in")
    window.press("Write the first policy")
    window.write("The policy, as YAML", "name: mine\nkeep: 7\n")
    window.press("Check")
    assert window.page.get_by_role("alert").inner_text().splitlines()[-1].startswith("Line 2, keep:")
    assert window.violations() == []
    window.write("The policy, as YAML", "name: mine\nschedules:\n  daily: {at: ['03:00'], keep_days: 7}\n")
    window.press("Check again")
    assert "takes 1 of them" in window.page.get_by_role("region", name="What it would do").inner_text()
    assert window.violations() == []
    assert window.too_wide() == 0
    window.picture("editor-light")
    assert site.catalog.policies.known == {}
    window.press("Save")
    assert site.catalog.policies.known["mine"].schedules.daily.keep_days == 7
    assert [one for one in window.complaints if "400" not in one] == []


def test_a_running_session_moves_without_a_click_and_stops_asking_when_it_has_ended(
    browser, site, address: str
) -> None:
    going = SourceRun(source="sql-a/shop", key="k", state=State.RUNNING)
    session = site.session(State.RUNNING, sources=[going])
    window = browser.window()
    asked: list[str] = []
    window.page.on("request", lambda request: asked.append(request.url) if "/live" in request.url else None)
    window.open(f"{address}../web-key")
    window.open(f"{address}sessions/{session.id}")
    window.reach("Cancel")
    window.page.get_by_text("1 running").wait_for()
    ended = session.model_copy(update={"state": State.SUCCEEDED, "ended_at": site.app.clock.now()})
    going.state = State.SUCCEEDED
    site.catalog.sessions.known[session.id] = ended
    window.page.get_by_text("1 succeeded").wait_for()
    assert window.page.get_by_role("button", name="Cancel").count() == 0
    count = len(asked)
    assert count >= 1
    window.page.wait_for_timeout(4500)  # twice as long as between two questions
    assert len(asked) == count
    assert window.complaints == []


def test_whoever_is_signed_in_comes_from_a_mail_to_the_page_itself(browser, site, address: str) -> None:
    """The cookie is strict, so the browser keeps it back on the way from another site."""
    session = site.session(State.SUCCEEDED)
    window = browser.window()
    window.open("about:blank")
    window.page.set_content(f'<a href="{address}sessions/{session.id}">the session</a>')
    window.press("the session")
    window.page.wait_for_url("**/sign-in?next=*")
    window.write("Function key", "any key opens this site")
    window.press("Sign in")
    assert window.page.url == f"{address}sessions/{session.id}"
    window.open("about:blank")
    window.page.set_content(f'<a href="{address}sessions/{session.id}">the session</a>')
    window.press("the session")
    window.page.get_by_role("heading", name=session.id).wait_for()
    assert window.page.url == f"{address}sessions/{session.id}"

"""400 days of a policy with four flags, an archive and immutability: each day exactly that exists which a calendar says.

`make prove PIECES=days` runs them whole, `make test` the first weeks. A failure names its seed and its day.
"""

from __future__ import annotations

import json
import random
import sys
import time as clocks
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.model.session import State
from holdfast.repository import PruneRules
from tests.days.expected import BEGAN, Expected
from tests.days.world import World

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3600)]

_REPORT = Path(__file__).resolve().parents[2] / ".cache" / "prove" / "days.txt"
_ONE, _TWO = "sql-a/one", "sql-a/two"
_DAYS, _FEW = 400, 24
#: The second database is dropped, and its points live on by their own ends; the catalog is lost and filled again.
_DROPPED, _LOST = 200, 100

#: About as many records, rows and objects as a day has that matters.
_MOMENTS = {"record": 60, "row": 150, "object": 40}

SCHEDULES = {
    "daily": {"at": ["03:00"], "keep_days": 7},
    "weekly": {"day": "sunday", "keep_weeks": 4},
    "monthly": {"day": 31, "keep_months": 7, "archive": True},
    "yearly": {"month": 2, "day": 1, "keep_years": 1},
}
POLICY: dict[str, Any] = {"schedules": SCHEDULES, "immutable": True, "start_date": "2026-01-24"}


class Watch:
    """Looks at the world after each day; keeps what locks were, so that a shorter one is seen."""

    def __init__(self, world: World) -> None:
        origin = {name: repository.description.created_at for name, repository in world.opened["writer"].items()}
        self.world = world
        self.expected = {name: Expected(dict(origin)) for name in (_ONE, _TWO)}
        self.locks: dict[tuple[str, str], datetime] = {}
        self.extensions: Counter[tuple[str, str, int]] = Counter()
        self.lengthened = self.deleted = self.most_bytes = 0

    def day(self, ran: date, failed: set[str], unarchived: set[str], dropped: set[str]) -> None:
        """After the session of that day."""
        moment = datetime.combine(ran, time(3), UTC)
        for source, one in self.expected.items():
            made = one.backed_up(ran) if source not in dropped | failed else None
            if source not in unarchived:
                one.archive_ran(made)
            one.retention_ran(moment)
        self.points_are_those_expected(ran)
        self.no_lock_is_shorter(ran)
        assert self.world.left_behind() == [], ran

    def points_are_those_expected(self, ran: date) -> None:
        catalog = self.world.catalog.points.list().points
        for repository, opened in self.world.opened["writer"].items():
            stored = opened.points()
            known = [point for point in catalog if point.repository == repository]
            assert {point.id for point in stored} == {point.id for point in known}, (ran, repository)
            for source, one in self.expected.items():
                days = [point.created_at.date() for point in stored if point.source == source]
                assert days == one.there(repository), (ran, repository, source)

    def no_lock_is_shorter(self, ran: date) -> None:
        for repository, store in self.world.stores.items():
            for info in store.list():
                before, now = self.locks.get((repository, info.name)), info.locked_until
                if info.name.startswith("locks/") or now is None:
                    continue
                assert before is None or now >= before, (ran, info.name, before, now)
                if before is not None and now > before:
                    self.lengthened += 1
                    # To the end of a generation; twice within one only where a point with a longer end came by.
                    assert (now - before) % timedelta(days=10) == timedelta(), (ran, info.name)
                    age = (ran - BEGAN).days // 10
                    self.extensions[repository, info.name, age] += 1
                self.locks[repository, info.name] = now
        self.most_bytes = max(self.most_bytes, self.bytes())

    def bytes(self) -> int:
        return sum(info.bytes for store in self.world.stores.values() for info in store.list())


def lose_the_catalog(world: World) -> None:
    """The configuration database is gone: it is filled again from the repositories alone (`catalog rebuild --adopt`)."""
    world.empty_catalog()
    world.put_policy(**POLICY)
    rebuilt = world.run_session("rebuild", adopt=True, worker_profile="standard")
    assert rebuilt.state is State.SUCCEEDED, world.catalog.log.read(rebuilt.id)


def storage_is_released(world: World) -> None:
    """Nothing is stored that no point needs and no lock keeps, once the grace is over."""
    for name, opened in world.opened["maintainer"].items():
        report = opened.check()
        assert report.problems == [], (name, report.problems)
        dry = opened.prune(PruneRules(dry_run=True, grace=timedelta()), owner="the test")
        dead = sum(amount.bytes for chain in dry.chains for amount in chain.freed.values())
        locked = sum(info.bytes for info in world.stores[name].list() if info.write_once(world.clock.now()))
        assert dead <= locked, (name, dead, locked)


@pytest.mark.parametrize(
    ("seed", "deadly"), [pytest.param(1, False, id="days-alive"), pytest.param(2, True, id="days-deaths")]
)
def test_every_day_that_exists_which_a_calendar_says(
    make_world: Callable[..., World], seed: int, deadly: bool, whole: bool
) -> None:
    """Some backups fail, one database is dropped, the catalog is lost once: what exists is the same as if it were not so.

    And the same where every day the host, the app within an activity and the worker die at some moment.
    """
    began, chance = clocks.monotonic(), random.Random(seed)
    world = make_world(datetime.combine(BEGAN, time(3), UTC))
    policy, watch = world.put_policy(**POLICY), Watch(world)
    days, lost = (_DAYS, _LOST) if whole else (_FEW, _FEW // 2)
    dropped = set()
    for number in range(days):
        if number == (_DROPPED if whole else _FEW * 2 // 3):
            world.servers.names.remove(_TWO)
            dropped.add(_TWO)
        if number == lost:
            lose_the_catalog(world)
        failed = {source for source in (_ONE, _TWO) if chance.random() < 0.06 and number}
        unarchived = {source for source in (_ONE, _TWO) if chance.random() < 0.3}
        world.office.failing, world.office.not_archiving = failed, unarchived
        if deadly:
            world.deaths.wanted = {place: chance.randrange(most) for place, most in _MOMENTS.items()}
        ran = world.clock.now().date()
        (session,) = world.run_day(policy)
        world.deaths.wanted.clear()
        assert session.retention is not None, (seed, ran)
        assert (session.retention.problems, session.retention.alarms) == ([], []), (seed, ran)
        good = not (failed - dropped | unarchived)
        assert session.state is State.SUCCEEDED or not good, (seed, ran, session)
        watch.deleted += session.retention.deleted
        watch.day(ran, failed, unarchived, dropped)
    storage_is_released(world)
    once = sum(1 for count in watch.extensions.values() if count == 1)
    assert max(watch.extensions.values(), default=0) <= 2, watch.extensions.most_common(3)
    kinds = {(kind, role) for kind, role in world.office.done}
    assert {role for kind, role in kinds if kind in ("lock", "retain")} == {"maintainer"}
    assert {role for kind, role in kinds if kind not in ("lock", "retain")} == {"writer"}
    figures = {
        "seed": seed,
        "deaths": len(world.deaths.happened),
        "days": days,
        "points_made": sum(len(one.made) for one in watch.expected.values()),
        "points_deleted": watch.deleted,
        "points_left": len(world.catalog.points.list().points),
        "lock_extensions": watch.lengthened,
        "once_a_generation": once,
        "most_bytes": watch.most_bytes,
        "bytes_left": watch.bytes(),
        "seconds": round(clocks.monotonic() - began, 1),
    }
    sys.stdout.write(f"\n{json.dumps(figures)}\n")
    if whole:
        _REPORT.parent.mkdir(parents=True, exist_ok=True)
        with _REPORT.open("a") as out:
            out.write(json.dumps(figures) + "\n")

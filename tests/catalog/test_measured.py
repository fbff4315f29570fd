"""What past sessions took, out of the catalog."""

from __future__ import annotations

from datetime import datetime, timedelta

from holdfast.catalog import Catalog, new_id
from holdfast.catalog.measured import past_measurements
from holdfast.model.costs.assumptions import Assumptions
from holdfast.model.costs.calibration import calibrated
from holdfast.model.point import RestorePoint, point_id
from holdfast.model.session import Session, State
from holdfast.model.source import Source, SourceKind

GB = 10**9
SHOP = Source(
    kind=SourceKind.SQL_DATABASE,
    resource_id="/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers/sql-a/databases/shop",
    server="sql-a",
    database="shop",
    region="westeurope",
    host="sql-a.test",
)


def ran(catalog: Catalog, at: datetime, *, full: bool, policy: str = "nightly", state: State = State.SUCCEEDED) -> str:
    """A session that exported the shop at 30 seconds a GB, and stored a full of 4 or an increment of 0.2 GB."""
    session = new_id(at, policy)
    catalog.sessions.create(Session(id=session, policy=policy, started_at=at, state=State.RUNNING))
    catalog.sessions.add_sources(session, [(SHOP.name, SHOP.key)])
    end = at + timedelta(seconds=300)
    catalog.sessions.set_step(session, SHOP.key, "export", State.RUNNING, at=at)
    catalog.sessions.set_step(session, SHOP.key, "export", State.SUCCEEDED, at=end)
    catalog.sessions.set_step(session, SHOP.key, "stage", State.SKIPPED, at=at)
    made = point_id(at, SHOP.chain, session)
    if state is State.SUCCEEDED:
        catalog.points.put(
            RestorePoint(
                id=made,
                source=SHOP.name,
                chain=SHOP.chain,
                repository="default",
                created_at=at,
                kind="full" if full else "increment",
                consistency="live",
                inflated_bytes=10 * GB,
                stored_bytes=4 * GB if full else GB // 5,
            )
        )
        catalog.sessions.set_source(session, SHOP.key, restore_point=made)
    catalog.sessions.set_source(session, SHOP.key, state)
    catalog.sessions.close(session)
    return session


def test_rates_and_shares_come_from_the_last_sessions_that_succeeded(catalog: Catalog, clock) -> None:
    now = clock.now()
    first = ran(catalog, now - timedelta(days=3), full=True)
    ran(catalog, now - timedelta(days=2), full=False, state=State.FAILED)
    last = ran(catalog, now - timedelta(days=1), full=False)
    found = past_measurements(catalog, "nightly", "default", [SHOP], 5, now)
    assert [(one.session, one.full) for one in found] == [(first, True), (last, False)]
    assert found[1].since_last == timedelta(days=2)
    assert found[0].copy_time is None
    made = calibrated(found, Assumptions())
    assert float(made.export_time.value.expected) == 30
    assert float(made.compression.value.expected) == 0.4
    assert first in made.compression.source
    assert made.copy_time.source == "default"


def test_only_so_many_sessions_are_looked_at_and_none_where_nobody_asks(catalog: Catalog, clock) -> None:
    now = clock.now()
    for days in (4, 3, 2):
        last = ran(catalog, now - timedelta(days=days), full=True)
    assert [one.session for one in past_measurements(catalog, "nightly", "default", [SHOP], 1, now)] == [last]
    assert past_measurements(catalog, "nightly", "default", [SHOP], 0, now) == []


def test_a_new_policy_learns_from_what_others_did(catalog: Catalog, clock) -> None:
    other = ran(catalog, clock.now() - timedelta(days=2), full=True, policy="other")
    found = past_measurements(catalog, "brand-new", "default", [SHOP], 5, clock.now())
    assert [one.session for one in found] == [other]


def test_what_lies_in_another_repository_is_no_measure(catalog: Catalog, clock) -> None:
    ran(catalog, clock.now() - timedelta(days=2), full=True)
    assert past_measurements(catalog, "nightly", "elsewhere", [SHOP], 5, clock.now()) == []

"""A catalog of an older version is brought forward: once, whoever dies on the way."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import ContainerClient

from holdfast.catalog import Catalog
from holdfast.catalog.migrations import LEASE, SCHEMA_VERSION
from holdfast.catalog.tables import Row, Table
from holdfast.model.errors import Unavailable
from holdfast.model.point import Entry, RestorePoint, point_id

AT = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
COUNT = 6


class Killed(BaseException):
    """The process died: nothing that would tidy up runs."""


def point(number: int) -> RestorePoint:
    at = AT + timedelta(days=number)
    return RestorePoint(
        id=point_id(at, "chain", f"session {number}"),
        source="sql-a/sales",
        chain="chain",
        repository="default",
        created_at=at,
        kind="full",
        consistency="live",
        entries=[Entry(name="model.xml", bytes=1, sha256="0" * 64)],
        sequence=number + 1,
    )


@pytest.fixture
def points() -> list[RestorePoint]:
    return [point(number) for number in range(COUNT)]


@pytest.fixture
def old(catalog: Catalog, points: list[RestorePoint]) -> Catalog:
    """As the first version left it: no state in the rows, a digest over every field that it knew, no installation."""
    for each in points:
        catalog.points.put(each)
        said = each.model_dump(
            mode="json", by_alias=True, exclude={"kept_because", "installation", "state", "state_since"}
        )
        digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
        for row in list(catalog.tables["holdfastpoints"].all_rows()):
            if row.text("id") == each.id:
                values = {**row.values, "digest": digest}
                values.pop("state")
                catalog.tables["holdfastpoints"].write(("replace", Row(row.partition, row.key, values, row.etag)))
    catalog.tables["holdfastmeta"].write(("create", Row("schema", "version", {"version": 1, "since": "then"})))
    return catalog


def everything(catalog: Catalog) -> list[tuple[str, str, dict[str, Any]]]:
    """Every row of the points, the blobs' names left out."""
    rows = catalog.tables["holdfastpoints"].all_rows()
    return [(row.partition, row.key, {k: v for k, v in row.values.items() if k != "details"}) for row in rows]


@pytest.fixture
def again(service: TableServiceClient, container: ContainerClient, clock: Any) -> Callable[[], Catalog]:
    """Another process on the same catalog."""
    return lambda: Catalog(service, container, clock)


def test_points_of_the_first_version_are_as_if_put_by_this_one(
    old: Catalog, points: list[RestorePoint], again: Callable[[], Catalog]
) -> None:
    """So that the next look into the repository finds no difference."""
    assert old.prepare() == SCHEMA_VERSION
    once = everything(old)
    assert all(values["state"] == "present" for _, _, values in once)
    assert [old.points.get(each.id) for each in points] == points
    assert not old.points.reconcile("default", "chain", points)
    assert again().prepare() == SCHEMA_VERSION
    assert everything(old) == once


@pytest.mark.parametrize("after", range(0, 2 * COUNT, 3))
def test_killed_half_way_the_next_one_finishes(
    old: Catalog,
    points: list[RestorePoint],
    again: Callable[[], Catalog],
    clock: Any,
    monkeypatch: pytest.MonkeyPatch,
    after: int,
) -> None:
    """At once where the lease has ended, not before: and an app that waits says so and is served later."""
    done, write, release = 0, Table.write, Catalog.prepare

    def dies(table: Table, *changes: Any) -> None:
        nonlocal done
        if done >= after + 1:  # the first write takes the lease
            raise Killed
        write(table, *changes)
        done += 1

    monkeypatch.setattr(Table, "write", dies)
    with pytest.raises(Killed):
        old.prepare()
    monkeypatch.undo()
    assert release is Catalog.prepare
    half = sum("state" in values for _, _, values in everything(old))
    assert half == after
    with pytest.raises(Unavailable, match="being brought"):
        again().prepare()
    clock.moment += LEASE
    heir = again()
    assert heir.prepare() == SCHEMA_VERSION
    assert not heir.points.reconcile("default", "chain", points)
    assert all("state" in values for _, _, values in everything(heir))


def test_two_that_start_together_come_to_the_same(
    old: Catalog, points: list[RestorePoint], again: Callable[[], Catalog]
) -> None:
    """One migrates; the other is told to wait or finds it done. Both know one installation."""
    told: list[object] = []

    def start(catalog: Catalog) -> None:
        try:
            told.append(catalog.prepare())
        except Unavailable as error:
            told.append(error)

    threads = [Thread(target=start, args=(again(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert SCHEMA_VERSION in told
    assert len({again().installation for _ in range(3)}) == 1
    assert again().prepare() == SCHEMA_VERSION
    assert not old.points.reconcile("default", "chain", points)

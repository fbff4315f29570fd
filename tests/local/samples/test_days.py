"""From day to day, samples change as real databases do, and no more."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from local.samples.chance import Chance
from local.samples.database import Moment, guid, guid_order
from local.samples.databases import SAMPLES
from local.samples.hr import hr
from local.samples.rows import encode_column, interleave
from local.samples.shop import shop
from local.samples.values import Ragged

from .conftest import Sample


def _rows(name: str, schema: str, table: str, day: int, scale: float = 1.0) -> dict[int, bytes]:
    """Each row of a table, by its key."""
    database = SAMPLES[name](Moment(day, scale, Chance(f"1\n{name}")))
    columns = database.schema.table(schema, table).stored
    found = database.rows[schema, table]
    values = found.build(found.keys)
    cells = [encode_column(column, values[column.name]) for column in columns]
    lengths = np.sum([c.lengths for c in cells], axis=0)
    rows = Ragged(np.frombuffer(interleave(cells), dtype=np.uint8), lengths)
    return dict(zip(found.keys.tolist(), rows.split(), strict=True))


def _between(name: str, schema: str, table: str, day: int) -> tuple[float, float, float]:
    """Shares of rows that were changed, added and removed on that day."""
    before, after = (_rows(name, schema, table, d) for d in (day - 1, day))
    both = before.keys() & after.keys()
    changed = sum(before[key] != after[key] for key in both)
    return (
        changed / len(before),
        len(after.keys() - before.keys()) / len(before),
        len(before.keys() - after.keys()) / len(before),
    )


def test_one_order_in_a_hundred_changes_and_new_ones_come() -> None:
    changed, added, removed = _between("series", "dbo", "Orders", 4)
    assert 0.007 < changed < 0.013
    assert 0.004 < added < 0.006
    assert removed == 0


def test_the_log_only_grows() -> None:
    changed, added, removed = _between("series", "dbo", "EventLog", 4)
    assert changed == removed == 0 < added


def test_few_documents_are_rewritten() -> None:
    changed, _, removed = _between("series", "dbo", "Document", 3)
    assert changed < 0.01
    assert removed == 0


def test_sessions_come_and_go_in_the_order_of_the_server() -> None:
    _, added, removed = _between("series", "dbo", "Session", 3)
    assert 0.005 < added < 0.015
    assert 0.005 < removed < 0.015
    chance = Chance("order")
    ids = np.arange(1, 500, dtype=np.int64)
    guids = guid(chance, "session", ids).data[guid_order(guid(chance, "session", ids))]
    last_groups = [bytes(row[10:16]) for row in guids]
    assert last_groups == sorted(last_groups)


def test_sessions_keep_their_place_when_others_go() -> None:
    earlier, later = (list(_rows("events", "dbo", "Session", day, 0.1)) for day in (5, 6))
    stayed = set(earlier) & set(later)
    assert [k for k in earlier if k in stayed] == [k for k in later if k in stayed]


def test_on_day_three_customers_get_a_column_that_old_rows_have_not_filled() -> None:
    before, after = (_rows("shop", "Sales", "Customer", day, 0.1) for day in (2, 3))
    longer = [after[key] == before[key] + b"\xff" for key in before]
    assert sum(longer) > 0.97 * len(before)


def test_on_day_five_the_oldest_orders_are_purged_with_their_lines() -> None:
    four, five = (shop(Moment(day, 0.5, Chance("x"))) for day in (4, 5))
    orders = [found.rows["Sales", "Orders"].keys for found in (four, five)]
    gone = orders[1][0] - orders[0][0]
    assert gone == 250
    assert five.rows["Sales", "OrderLine"].keys[0] // 8 == orders[1][0]


def test_every_line_belongs_to_an_order_and_a_product_that_exist() -> None:
    found = shop(Moment(9, 0.3, Chance("x")))
    lines = found.rows["Sales", "OrderLine"]
    values = lines.build(lines.keys)
    assert set(values["OrderID"].data.tolist()) == set(found.rows["Sales", "Orders"].keys.tolist())
    assert set(values["ProductID"].data.tolist()) <= set(found.rows["Catalog", "Product"].keys.tolist())
    orders = found.rows["Sales", "Orders"]
    buyers = orders.build(orders.keys)["CustomerID"].data
    assert set(buyers.tolist()) <= set(found.rows["Sales", "Customer"].keys.tolist())


def test_keys_stand_in_the_order_of_the_clustered_index() -> None:
    found = shop(Moment(6, 0.3, Chance("x")))
    for table in (("Sales", "Customer"), ("Sales", "Orders"), ("Catalog", "Product")):
        assert bool((np.diff(found.rows[table].keys) > 0).all())


@pytest.mark.parametrize(
    ("day", "present", "absent"),
    [(0, "Absence", "Review"), (4, "Review", "Leave"), (6, "Leave", "Absence"), (9, "Review", "Parking")],
)
def test_the_schema_of_hr_lives(day: int, present: str, absent: str) -> None:
    names = {table.name for table in hr(Moment(day, 0.1, Chance("x"))).schema.tables}
    assert present in names
    assert absent not in names


def test_a_renamed_table_keeps_its_rows(sample: Sample) -> None:
    before, after = (zipfile.ZipFile(sample("hr", day)) for day in (5, 6))
    with before, after:
        old = before.read("Data/hr.Absence/TableData-000-00000.BCP")
        assert after.read("Data/hr.Leave/TableData-000-00000.BCP").startswith(old[: len(old) // 2])


def test_an_export_of_the_same_day_has_its_own_ids_and_the_next_one_others(sample: Sample) -> None:
    origins = [_read(sample("empty", day), "Origin.xml") for day in (0, 1)]
    assert origins[0] != origins[1]


def _read(file: Path, name: str) -> bytes:
    with zipfile.ZipFile(file) as package:
        return package.read(name)

"""A purge takes the rows that it says, and a second export of the same rows changes none of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.days import entries_in
from bench.decoding import rows_of, table_bytes
from bench.variants import Purge, Rewriting, rewritten
from holdfast.bacpac.package import Bacpac
from local.samples.databases import write_sample


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("variants") / "day.bacpac"
    write_sample(path, "series", scale=0.5, level="fast")
    return path


def _rows(bacpac: Path) -> dict[str, list[bytes]]:
    with Bacpac.open(bacpac) as package:
        return {
            table.name: list(rows_of(table.columns or (), table_bytes(package, table))) for table in package.tables()
        }


@pytest.mark.parametrize(("first", "last"), [(0.0, 0.1), (0.45, 0.55)])
def test_a_tenth_of_one_table_is_gone_and_nothing_else(day: Path, tmp_path: Path, first: float, last: float) -> None:
    to = tmp_path / "purged.bacpac"
    rewritten(day, to, Rewriting("purge", Purge("Orders", first, last)), "fast")
    before, after = _rows(day), _rows(to)
    orders = before.pop("Orders")
    low, high = int(len(orders) * first), int(len(orders) * last)
    assert high - low == pytest.approx(len(orders) / 10, abs=1)
    assert after.pop("Orders") == orders[:low] + orders[high:]
    assert after == before


def test_a_second_export_has_the_same_rows_in_other_parts_and_other_ids(day: Path, tmp_path: Path) -> None:
    to = tmp_path / "again.bacpac"
    rewritten(day, to, Rewriting("again"), "fast")
    assert _rows(to) == _rows(day)
    before, after = entries_in(day), entries_in(to)
    assert before.keys() == after.keys()
    assert list(before) != list(after)
    changed = {name for name in before if before[name] != after[name]}
    assert {"Origin.xml", "_rels/.rels"} < changed
    assert "model.xml" not in changed

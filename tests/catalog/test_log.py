"""The log of a session."""

from __future__ import annotations

import threading
from typing import Any

from holdfast.catalog import Catalog


def test_lines_come_back_in_order_with_all_they_said(catalog: Catalog, clock: Any) -> None:
    """Those of one moment too, in the order of their writing."""
    for number in range(5):
        catalog.log.write("s1", "info", f"line {number}", source="sql-a/sales")
    clock.advance(seconds=1)
    catalog.log.write("s1", "error", "x" * 50_000)
    catalog.log.write("s2", "info", "another session's")
    lines = catalog.log.read("s1")
    assert [line.message for line in lines[:5]] == [f"line {n}" for n in range(5)]
    assert (lines[5].level, lines[5].message, lines[5].source) == ("error", "x" * 50_000, None)
    assert lines[5].at == clock.now()
    assert lines[0].source == "sql-a/sales"
    assert catalog.log.read("s3") == []


def test_a_page_goes_on_where_the_last_one_ended(catalog: Catalog) -> None:
    """For a watcher that asks again and again."""
    for number in range(5):
        catalog.log.write("s1", "info", str(number))
    first = catalog.log.page("s1", limit=2)
    rest = catalog.log.page("s1", after=first[-1][0])
    assert [line.message for _, line in first + rest] == list("01234")
    catalog.log.write("s1", "info", "5")
    assert [line.message for line in catalog.log.read("s1", after=rest[-1][0])] == ["5"]


def test_an_occasion_is_told_once(catalog: Catalog, clock: Any) -> None:
    """A step that runs twice says it once; another session may say it too."""
    for _ in range(2):
        catalog.log.write("s1", "warning", "direct export", once="direct a/b")
        clock.advance(minutes=1)
    catalog.log.write("s2", "warning", "direct export", once="direct a/b")
    assert len(catalog.log.read("s1")) == len(catalog.log.read("s2")) == 1


def test_lines_of_many_writers_at_once_all_arrive(catalog: Catalog) -> None:
    """None overwrites another of the same moment."""
    threads = [
        threading.Thread(target=lambda n=n: [catalog.log.write("s1", "info", f"{n}") for _ in range(5)])
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(catalog.log.read("s1")) == 40

"""Differences of two states of a table, judged by a plain comparison of dictionaries."""

from __future__ import annotations

import struct
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.bacpac.columns import Column
from holdfast.bacpac.values import comparing
from holdfast.bacpac.values.comparing import Difference, State, compare

COLUMNS = (Column("id", "int", nullable=False), Column("text", "nvarchar", nullable=True, length=10))
Rows = list[tuple[int, str | None]]

_TEXTS = st.none() | st.text("abä", max_size=3)
_TABLES = st.dictionaries(st.integers(-5, 5), _TEXTS, max_size=11).map(lambda found: list(found.items()))


def _data(rows: Rows) -> bytes:
    def text(value: str | None) -> bytes:
        raw = None if value is None else value.encode("utf-16-le")
        return b"\xff\xff" if raw is None else struct.pack("<H", len(raw)) + raw

    return b"".join(struct.pack("<i", number) + text(value) for number, value in rows)


def _compare(before: Rows, after: Rows, key: list[str]) -> list[Difference]:
    return list(compare(State(COLUMNS, [_data(before)]), State(COLUMNS, [_data(after)]), key))


@given(_TABLES, _TABLES)
def test_by_primary_key_all_that_differs_is_told_and_nothing_else(before: Rows, after: Rows) -> None:
    old, new = dict(before), dict(after)
    wanted = {
        **dict.fromkeys(old.keys() - new.keys(), "removed"),
        **dict.fromkeys(new.keys() - old.keys(), "added"),
        **{number: "changed" for number in old.keys() & new.keys() if old[number] != new[number]},
    }
    found = _compare(before, after, ["id"])
    assert {int(one.key["id"] or ""): one.kind for one in found} == wanted
    assert len(found) == len(wanted)
    for one in found:
        number = int(one.key["id"] or "")
        assert one.before == ({"id": str(number), "text": old[number]} if number in old else None)
        assert one.after == ({"id": str(number), "text": new[number]} if number in new else None)


_REPEATING = st.lists(st.tuples(st.integers(0, 2), _TEXTS), max_size=12)


@given(_REPEATING, _REPEATING)
def test_without_a_key_rows_are_counted(before: Rows, after: Rows) -> None:
    def counted(kind: str) -> Counter[tuple[str | None, ...]]:
        sides = [one.before or one.after for one in found if one.kind == kind]
        return Counter(tuple(side.values()) for side in sides if side)

    def texts(rows: Rows) -> Counter[tuple[str | None, ...]]:
        return Counter((str(number), text) for number, text in rows)

    found = _compare(before, after, [])
    assert counted("removed") == texts(before) - texts(after)
    assert counted("added") == texts(after) - texts(before)
    assert not counted("changed")


@given(_TABLES, _TABLES)
def test_rows_that_wait_in_the_file_are_found_there(before: Rows, after: Rows) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparing, "HELD", 0)
        filed = _compare(before, after, ["id"])
        filed_whole = _compare(before, after, [])
    told = Counter(map(repr, _compare(before, after, ["id"])))
    assert Counter(map(repr, filed)) == told
    assert Counter(map(repr, filed_whole)) == Counter(map(repr, _compare(before, after, [])))


def test_a_column_that_only_one_state_has_is_not_compared() -> None:
    more = (*COLUMNS, Column("extra", "tinyint", nullable=False))
    data = struct.pack("<i", 1) + b"\xff\xff" + b"\x07"
    assert not list(compare(State(COLUMNS, [_data([(1, None)])]), State(more, [data]), ["id"]))

"""The loader on a database that keeps what it is told: whole or not at all, never into what exists, safe to do again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from holdfast.bacpac.package import MODEL, Bacpac
from holdfast.bacpac.table_definition import read_definition
from holdfast.model.errors import NotFound
from holdfast.sql.table_load import load
from holdfast.sql.table_protocol import Load, LoadFailed, TableThere
from local.samples.databases import write_sample

_NAME = r"((?:\[(?:[^\]]|\]\])*\]\.?)+)"


_INSERT = r"(?:SET IDENTITY_INSERT .* ON;\n)?INSERT INTO " + _NAME + " WITH .*FROM " + _NAME


class FakeServer:
    """Tables by name with their rows; knows the loader's statements and refuses all others."""

    def __init__(self) -> None:
        self.tables: dict[str, int] = {}
        self.marks: dict[str, str] = {}
        self.schemas = {"dbo", "hr"}
        self.said: list[str] = []
        self.batches: list[Any] = []
        self.breaks: Callable[[str], bool] = lambda _: False
        self.loses = 0
        self.closed = False
        self._answer: list[tuple[Any, ...]] = []

    def cursor(self) -> FakeServer:
        return self

    def close(self) -> None:
        self.closed = True

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._answer

    def execute(self, statement: str) -> None:
        self.said.append(statement)
        if self.breaks(statement):
            raise RuntimeError("the server said no\nand more")
        for pattern, act in self._known().items():
            found = re.match(pattern, statement, re.DOTALL)
            if found:
                act(*found.groups())
                return
        raise AssertionError(f"an unknown statement: {statement}")

    def bulkcopy_arrow(self, table: str, source: Any, **options: Any) -> dict[str, Any]:
        assert options["keep_nulls"]
        assert options["timeout"] == 0
        for batch in source:
            self.batches.append(batch)
            self.tables[table] += batch.num_rows
        self.tables[table] -= self.loses
        return {"rows_copied": self.tables[table]}

    def _known(self) -> dict[str, Callable[..., None]]:
        return {
            rf"DROP TABLE IF EXISTS {_NAME}$": lambda name: self.tables.pop(name, None) and None,
            rf"DROP TABLE {_NAME}$": lambda name: self.tables.pop(name) and None,
            rf"CREATE TABLE {_NAME} \(": lambda name: self.tables.update({name: 0}),
            _INSERT: self._insert,
            rf"SELECT COUNT_BIG\(\*\) FROM {_NAME}$": lambda name: self._tell(self.tables[name]),
            r"SELECT SCHEMA_ID\(N'(.*?)'\).*?OBJECT_ID\(N'(.*?)'\)": self._look,
            rf"CREATE (?:UNIQUE )?(?:NON)?CLUSTERED INDEX .* ON {_NAME}": lambda name: self.tables[name] and None,
            r"EXEC sys.sp_addextendedproperty .*@value = N'(.*?)',.*@level0name = N'(.*?)',.*@level1name = N'(.*?)'": (
                lambda mark, schema, name: self.marks.update({f"[{schema}].[{name}]": mark})
            ),
            r"EXEC sys.sp_rename @objname = N'(.*?)', @newname = N'(.*?)'": self._rename,
        }

    def _insert(self, into: str, source: str) -> None:
        self.tables[into] = self.tables[source]

    def _tell(self, *values: Any) -> None:
        self._answer = [values]

    def _look(self, schema: str, table: str) -> None:
        there = 1 if table in self.tables else None
        self._tell(5 if schema in self.schemas else None, there, self.marks.get(table))

    def _rename(self, old: str, new: str) -> None:
        to = f"{old.split('.')[0]}.[{new}]"
        self.tables[to] = self.tables.pop(old)
        self.marks[to] = self.marks.pop(old)


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> Load:
    folder = tmp_path_factory.mktemp("load")
    write_sample(folder / "hr.bacpac", "hr", scale=0.1)
    with Bacpac.open(folder / "hr.bacpac") as bacpac:
        definition = read_definition(bacpac.pieces(MODEL), "hr", "Employee", indexes=True)
        table = next(one for one in bacpac.tables() if one.name == "Employee")
        parts = b"".join(b"".join(bacpac.pieces(part)) for part in table.parts)
        rows = bacpac.model().tables["hr", "Employee"]
    (folder / "rows").write_bytes(parts)
    from holdfast.bacpac.rows import RowCounter

    counter = RowCounter(rows.columns or ())
    counter.feed(parts)
    return Load(
        host="h",
        database="sales",
        schema_name="hr",
        table="EmployeeOfMay",
        mark="0123abcd",
        definition=definition,
        rows_file=str(folder / "rows"),
        rows=counter.finish(),
    )


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


def test_the_table_has_its_name_last_and_nothing_else_is_left(server: FakeServer, wanted: Load) -> None:
    assert load(server, wanted) == wanted.rows > 0
    assert server.tables == {"[hr].[EmployeeOfMay]": wanted.rows}
    assert server.said[-1].startswith("EXEC sys.sp_rename")
    (batch,) = server.batches
    assert batch.schema.names == [column.name for column in wanted.definition.columns]


def test_a_load_that_is_done_again_finds_its_table(server: FakeServer, wanted: Load) -> None:
    load(server, wanted)
    server.said.clear()
    assert load(server, wanted) == wanted.rows
    assert all(said.startswith("SELECT") for said in server.said)


def test_what_an_attempt_that_died_left_goes_first(server: FakeServer, wanted: Load) -> None:
    server.tables |= {"[hr].[hf-0123abcd-made]": 3, "[hr].[hf-0123abcd-loaded]": 9}
    load(server, wanted)
    assert server.tables == {"[hr].[EmployeeOfMay]": wanted.rows}


@pytest.mark.parametrize("mark", [None, "fedcba98"])
def test_a_table_that_exists_is_never_touched(server: FakeServer, wanted: Load, mark: str | None) -> None:
    server.tables["[hr].[EmployeeOfMay]"] = 7
    server.marks |= {"[hr].[EmployeeOfMay]": mark} if mark else {}
    with pytest.raises(TableThere, match=r"hr\.EmployeeOfMay in sales"):
        load(server, wanted)
    assert (server.tables, len(server.said)) == ({"[hr].[EmployeeOfMay]": 7}, 1)


def test_a_schema_that_is_missing_is_named(server: FakeServer, wanted: Load) -> None:
    with pytest.raises(NotFound, match="no schema archive"):
        load(server, wanted.model_copy(update={"schema_name": "archive"}))
    assert server.tables == {}


@pytest.mark.parametrize("number", range(9))
def test_whatever_fails_the_database_is_as_it_was(server: FakeServer, wanted: Load, number: int) -> None:
    """Every statement in turn; the last one gives the table its name."""
    usual = FakeServer()
    load(usual, wanted)
    told = [statement for statement in usual.said if not statement.startswith("SELECT")]
    assert len(told) == 9
    server.breaks = lambda statement: statement == told[number] and server.said.count(statement) == 1
    with pytest.raises(LoadFailed) as raised:
        load(server, wanted)
    assert "the server said no" in str(raised.value)
    assert "and more" not in str(raised.value)
    assert server.tables == {}


def test_rows_that_were_lost_on_the_way_are_noticed(server: FakeServer, wanted: Load) -> None:
    server.loses = 1
    with pytest.raises(LoadFailed, match="rows were loaded, and the point has"):
        load(server, wanted)
    assert server.tables == {}

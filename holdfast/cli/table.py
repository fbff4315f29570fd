"""`holdfast table`: the tables of a restore point, one by one: their rows, as files, and what differs between two points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.cli.direct import PasswordFileOption, RepositoryOption, needs_url, open_repository
from holdfast.cli.output import (
    Column,
    Output,
    OutputOption,
    field,
    print_list,
    print_object,
    print_table,
    say,
    size,
)
from holdfast.cli.targets import check_target

if TYPE_CHECKING:
    from holdfast.repository import PointTable, PointTables

app = typer.Typer(help="Tables of restore points.", no_args_is_help=True)

Point = Annotated[str, typer.Argument(metavar="POINT", help="The restore point.")]
Name = Annotated[
    str, typer.Argument(metavar="TABLE", help="schema.table, or [schema].[table]; the schema is dbo without.")
]

_COLUMNS = (
    Column("table", lambda item: f"{item['schema']}.{item['name']}"),
    field("rows", right=True),
    size("bytes"),
    field("decodable"),
    field("reason"),
)
#: Differences that the screen shows where nobody says how many.
_SHOWN = 20


@app.command("list")
def list_tables(
    point: Point,
    repository: RepositoryOption = None,
    password_file: PasswordFileOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Lists the tables of a point, with their rows and whether these can be decoded."""
    listed = _tables(repository, password_file, point, "table list").listed()
    print_list([_as_json(one) for one in listed], output, _COLUMNS)


@app.command()
def show(
    point: Point,
    table: Name,
    rows: Annotated[int, typer.Option("--rows", "-n", min=1, max=10_000, help="How many rows.")] = 20,
    repository: RepositoryOption = None,
    password_file: PasswordFileOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Shows a table's first rows, in the order of its clustered index. Values are text; NULL is null."""
    from holdfast.bacpac.values.table_files import first_rows

    tables = _tables(repository, password_file, point, "table show")
    found = tables.table(*_name(table))
    columns = found.decodable()
    shown = list(first_rows(columns, tables.pieces(found), rows))
    print_list(shown, output, [_value(column.name) for column in columns])


@app.command()
def export(
    point: Point,
    table: Name,
    to: Annotated[Path, typer.Option("--to", help="The file to write: NAME.parquet or NAME.csv.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there already.")] = False,
    repository: RepositoryOption = None,
    password_file: PasswordFileOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Writes a table's rows as Parquet (typed) or CSV (text): whole, or not at all. Reads no other table's data."""
    from holdfast.bacpac.values.table_files import write_table

    check_target(to, overwrite=overwrite)
    tables = _tables(repository, password_file, point, "table export")
    found = tables.table(*_name(table))
    written = write_table(found.decodable(), tables.pieces(found), to)
    told = {"point": point, "table": found.full_name, "file": str(to), "rows": written.rows, "bytes": written.bytes}
    print_object({**told, "losses": written.losses}, output, *told)
    for loss in written.losses:
        say(loss)


@app.command()
def diff(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="The earlier restore point.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="The later restore point.")],
    table: Name,
    rows: Annotated[int, typer.Option("--rows", "-n", min=0, help="How many differing rows to tell.")] = _SHOWN,
    repository: RepositoryOption = None,
    password_file: PasswordFileOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Tells which rows were added, removed and changed between two points, by primary key."""
    from holdfast.bacpac.values.comparing import State, compare

    opened = open_repository(needs_url(repository, "table diff"), password_file)
    read = [opened.tables(point) for point in (before, after)]
    old, new = (tables.table(*_name(table)) for tables in read)
    key = new.primary_key if new.primary_key == old.primary_key else ()
    first = State(old.decodable(), read[0].pieces(old))
    second = State(new.decodable(), read[1].pieces(new))
    counts: Counter[str] = Counter()
    told: list[dict[str, Any]] = []
    for difference in compare(first, second, key):
        counts[difference.kind] += 1
        if len(told) < rows:
            told.append(vars(difference))
    summary: dict[str, Any] = {
        "table": new.full_name,
        "before": before,
        "after": after,
        "primary_key": list(key),
        "added": counts["added"],
        "removed": counts["removed"],
        "changed": counts["changed"],
        "columns_not_compared": _not_compared(old, new),
    }
    print_object({**summary, "rows": told}, output, *summary)
    if output is Output.TABLE:
        print_table(told, _DIFFERENCE, f"the first {len(told)} rows that differ")
        if not key:
            say("the table has no primary key that both points share: a changed row is one removed and one added")


def _changes(item: Any) -> str:
    before, after = item["before"] or {}, item["after"] or {}
    if item["kind"] != "changed":
        return ", ".join(
            f"{name}={_null(value)}" for name, value in (after or before).items() if name not in item["key"]
        )
    differing = (name for name, value in after.items() if before[name] != value)
    return ", ".join(f"{name}: {_null(before[name])} → {_null(after[name])}" for name in differing)


def _null(value: str | None) -> str:
    return "NULL" if value is None else value


_DIFFERENCE = (
    field("kind", "what"),
    Column("key", lambda item: ", ".join(f"{name}={value}" for name, value in item["key"].items())),
    Column("values", _changes),
)


def _not_compared(old: PointTable, new: PointTable) -> list[str]:
    """Columns that only one of the points has, or that changed their type."""
    types = [{column.name: column.type for column in one.decodable()} for one in (old, new)]
    return sorted(name for name in types[0].keys() | types[1].keys() if types[0].get(name) != types[1].get(name))


def _tables(repository: str | None, password_file: Path | None, point: str, command: str) -> PointTables:
    return open_repository(needs_url(repository, command), password_file).tables(point)


def _name(table: str) -> Sequence[str]:
    from holdfast.bacpac.names import table_name

    return table_name(table)


def _value(name: str) -> Column:
    return Column(name, lambda item: _null(item[name]))


def _as_json(table: PointTable) -> dict[str, Any]:
    return {
        "schema": table.schema,
        "name": table.name,
        "rows": table.rows,
        "bytes": table.bytes,
        "decodable": table.columns is not None,
        "reason": table.reason,
    }

"""`holdfast table`: the tables of a restore point, one by one: their rows, as files, and what differs between two points."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from holdfast.bacpac.names import table_name
from holdfast.cli.app import App, StateOption
from holdfast.cli.direct import PasswordFileOption, RepositoryOption, is_url
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
from holdfast.cli.session_views import exit_code, print_session
from holdfast.cli.table_reading import TableReading
from holdfast.cli.targets import check_target
from holdfast.cli.watching import watch_session
from holdfast.model.errors import InvalidInput
from holdfast.model.table_ask import MOST_ROWS, TableAsk

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


@app.command("list")
def list_tables(
    point: Point,
    repository: RepositoryOption = None,
    password_file: PasswordFileOption = None,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Lists the tables of a point, with their rows and whether these can be decoded."""
    reading = TableReading(repository, password_file, state, output)
    print_list(reading.answer(point, TableAsk(act="list")), output, _COLUMNS)


@app.command()
def show(
    point: Point,
    table: Name,
    rows: Annotated[int, typer.Option("--rows", "-n", min=1, max=MOST_ROWS, help="How many rows.")] = 20,
    repository: RepositoryOption = None,
    password_file: PasswordFileOption = None,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Shows a table's first rows, in the order of its clustered index. Values are text; NULL is null."""
    table_name(table)
    reading = TableReading(repository, password_file, state, output)
    shown = reading.answer(point, TableAsk(act="show", table=table, rows=rows))
    if not shown:
        say(f"{table} has no rows")
    print_list(shown, output, [_value(name) for name in (shown[0] if shown else ())])


@app.command()
def export(
    point: Point,
    table: Name,
    to: Annotated[Path, typer.Option("--to", help="The file to write: NAME.parquet or NAME.csv.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there already.")] = False,
    repository: RepositoryOption = None,
    password_file: PasswordFileOption = None,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Writes a table's rows as Parquet (typed) or CSV (text): whole, or not at all. Reads no other table's data."""
    check_target(to, overwrite=overwrite)
    told = TableReading(repository, password_file, state, output).export(point, table, to)
    print_object(told, output, *(name for name in told if name != "losses"))
    for loss in told["losses"]:
        say(loss)


@app.command()
def diff(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="The earlier restore point.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="The later restore point.")],
    table: Name,
    rows: Annotated[
        int,
        typer.Option("--rows", "-n", min=0, max=MOST_ROWS, help="How many differing rows to tell; all are counted."),
    ] = 20,
    repository: RepositoryOption = None,
    password_file: PasswordFileOption = None,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Tells which rows were added, removed and changed between two points, by primary key."""
    table_name(table)
    reading = TableReading(repository, password_file, state, output)
    found = reading.answer(before, TableAsk(act="diff", table=table, other=after, rows=rows))
    told = found["rows"]
    print_object(found, output, *(name for name in found if name != "rows"))
    if output is Output.TABLE:
        print_table(told, _DIFFERENCE, f"the first {len(told)} rows that differ")
        if not found["primary_key"]:
            say("the table has no primary key that both points share: a changed row is one removed and one added")


@app.command()
def restore(
    point: Point,
    table: Name,
    to: Annotated[str, typer.Option("--to", metavar="SERVER/DATABASE", help="The database, which must exist.")],
    as_: Annotated[str, typer.Option("--as", metavar="TABLE", help="The table to make there: schema.table.")],
    with_indexes: Annotated[bool, typer.Option("--with-indexes", help="Row-store indexes, too.")] = False,
    repository: RepositoryOption = None,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Makes a table anew in a live database, under a new name: whole, or not at all. Never loads into one that exists.

    Columns, collations, NULL or not, identity and primary key come with it. What does not is said: foreign keys,
    triggers, defaults, checks, and indexes where --with-indexes is not.
    """
    if is_url(repository):
        raise InvalidInput(
            "`table restore` goes through the app: a worker beside the database loads the rows",
            help="Name a configured repository, or none; `table export` works on a URL.",
        )
    for name in (table, as_):
        table_name(name)
    server, slash, database = to.partition("/")
    if not (server and slash and database):
        raise InvalidInput(f"--to {to!r} must be server/database")
    address = App(state)
    body = {"table": table, "target": to, "new_name": as_, "with_indexes": with_indexes, "repository": repository}
    started = address.post(f"points/{quote(point)}/tables/restore", body)
    ended = watch_session(address, str(started["id"]))
    print_session(ended, output)
    if output is Output.TABLE:
        for line in address.get(f"sessions/{ended['id']}/log")["value"]:
            if line["level"] == "warning":
                say(line["message"])
    raise typer.Exit(exit_code(ended))


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


def _value(name: str) -> Column:
    return Column(name, lambda item: _null(item[name]))

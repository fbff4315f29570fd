"""What a command prints: data as a table for people or as JSON for scripts, on stdout; talk on stderr.

Lists are bare arrays, oldest first; anything else is one object. Colours follow the terminal and `NO_COLOR`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from holdfast.model.clock import parse_iso
from holdfast.model.errors import ErrorInfo


class Output(StrEnum):
    TABLE = "table"
    JSON = "json"


_chosen: ContextVar[Output] = ContextVar("output", default=Output.TABLE)


def _remember(value: Output) -> Output:
    # Errors end far from the command that knew the option.
    _chosen.set(value)
    return value


OutputOption = Annotated[
    Output,
    typer.Option("--output", "-o", help="How to print the result: a table, or JSON for scripts.", callback=_remember),
]


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, and how its cell is made of an item."""

    title: str
    cell: Callable[[Mapping[str, Any]], Any]
    right: bool = False


def field(name: str, title: str | None = None, *, right: bool = False) -> Column:
    """A column that shows a field as it is."""
    return Column(title or name.replace("_", " "), lambda item: item.get(name), right)


def size(name: str, title: str | None = None) -> Column:
    """A column of bytes."""
    return Column(title or name.removesuffix("_bytes"), lambda item: human_bytes(item.get(name)), right=True)


def when(name: str, title: str | None = None) -> Column:
    """A column of times, in the machine's own zone."""
    return Column(title or name.removesuffix("_at"), lambda item: human_time(item.get(name)))


def print_list(items: Sequence[Mapping[str, Any]], output: Output, columns: Sequence[Column]) -> None:
    """A list: a bare array, or a row an item."""
    if output is Output.JSON:
        _print_json(list(items))
        return
    if not items:
        say("nothing")
        return
    _stdout().print(table_of(items, columns))


def print_object(item: Mapping[str, Any], output: Output, *shown: str) -> None:
    """One thing: an object, or a line a field (of those that are `shown`; of all where none is named)."""
    if output is Output.JSON:
        _print_json(item)
        return
    grid = Table.grid(padding=(0, 2))
    for name in shown or item:
        grid.add_row(f"[bold]{escape(name.replace('_', ' '))}[/bold]", _cell(item.get(name)))
    _stdout().print(grid)


def print_text(text: str) -> None:
    """Plain text, as it is."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def print_table(items: Sequence[Mapping[str, Any]], columns: Sequence[Column], title: str) -> None:
    """A further table below an object; only for people."""
    if items:
        _stdout().print(f"\n[bold]{escape(title)}[/bold]")
        _stdout().print(table_of(items, columns))


def table_of(items: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> Table:
    """The items as a table."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(escape(column.title), justify="right" if column.right else "left", overflow="fold")
    for item in items:
        table.add_row(*(_cell(column.cell(item)) for column in columns))
    return table


def say(text: str) -> None:
    """Talk: to stderr, so that it never mixes with data."""
    stderr().print(escape(text), soft_wrap=True)


def say_error(info: ErrorInfo) -> None:
    """What happened, to which thing, what to do, and where to read more."""
    if _chosen.get() is Output.JSON:
        sys.stderr.write(json.dumps({"error": info.model_dump(mode="json", exclude={"http_status"})}) + "\n")
        return
    text = f"[bold red]{escape(info.title)}[/bold red]"
    if info.detail:
        text += f": {escape(info.detail)}"
    if info.help:
        text += f"\n{escape(info.help)}"
    stderr().print(f"{text}\n[dim]holdfast explain {escape(info.code)}[/dim]", soft_wrap=True)


def in_words(error: Mapping[str, Any] | None) -> str:
    """An error, where there is one, in the cell of a table."""
    return f"{error['title']}: {error['detail']}" if error else ""


def stderr() -> Console:
    """The console of talk and progress. Made when asked for, since tests and pipes replace the stream."""
    return Console(stderr=True, highlight=False)


def human_bytes(count: int | None) -> str:
    """`12.3 MB`: powers of 1,000."""
    if count is None:
        return ""
    number, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(number) < 1000 or unit == "TB":
            break
        number /= 1000
    return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"


def human_time(moment: str | datetime | None) -> str:
    """`2026-01-31 03:00:00` in the machine's own zone."""
    if not moment:
        return ""
    found = parse_iso(moment) if isinstance(moment, str) else moment
    return f"{found.astimezone():%Y-%m-%d %H:%M:%S}"


def _stdout() -> Console:
    # A pipe or file is as wide as the table needs: nothing is cut or folded for a screen that is not there.
    return Console(highlight=False, width=None if sys.stdout.isatty() else 10_000)


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return escape(", ".join(map(str, value)))
    return escape(f"{value:,}" if isinstance(value, int) else str(value))

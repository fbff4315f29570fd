"""`holdfast retention`: what a policy keeps, tried out on a history of backups. Needs no app and no repository."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from holdfast.cli.output import Column, Output, OutputOption, field, print_list, say
from holdfast.cli.policy import read_text
from holdfast.model.errors import InvalidInput
from holdfast.model.policy import parse_policy
from holdfast.model.replay import Event, as_object, parse_events, replay

app = typer.Typer(help="Retention: which points are kept, until when, and why.", no_args_is_help=True)


@app.callback()
def nouns() -> None:
    """Retention: which points are kept, until when, and why."""


@app.command()
def plan(
    file: Annotated[Path, typer.Option("--file", "-f", help="The policy as YAML.")],
    events: Annotated[Path, typer.Option("--events", help="The backups as JSON: a list of {id, day, ok}.")],
    on: Annotated[str, typer.Option("--on", metavar="DATE", help="The day to say it for, as 2026-01-31.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Replays a history of backups under a policy: every point with its flags, its end, and why it is kept or gone."""
    day = _day(on)
    policy = parse_policy(read_text(file), where=str(file))
    history = parse_events(read_text(events), where=str(events))
    found = replay(policy, history, day)
    _tell(history, day)
    rows = [as_object(one) for one in found]
    if output is Output.JSON:
        print_list(rows, output, ())
        return
    print_list(_with_copies(rows), output, _COLUMNS)


_COLUMNS = (
    field("id"),
    field("day"),
    field("tier"),
    field("flags"),
    field("until"),
    field("keep"),
    Column("why", lambda row: "; ".join(row["reasons"])),
)


def _with_copies(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """For people, an archive copy is a row of its own below its point."""
    found: list[dict[str, Any]] = []
    for row in rows:
        found.append(row)
        if row["archive_copy"]:
            found.append({"id": row["id"], **row["archive_copy"]})
    return found


def _tell(history: list[Event], day: date) -> None:
    """What of the history is no point: nothing is left out in silence."""
    left = Counter("later" if event.day > day else "failed" for event in history if event.day > day or not event.ok)
    if left["failed"]:
        say(f"{left['failed']} that failed made no point")
    if left["later"]:
        say(f"{left['later']} after {day} left out")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"--on: {text!r} is not a day such as 2026-01-31") from None

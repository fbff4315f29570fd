"""`holdfast point delete` and `holdfast repository prune`: directly on a repository's address, without the app."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

import typer

from holdfast.cli.direct import (
    PasswordFileOption,
    RepositoryOption,
    UrlArgument,
    UrlOption,
    needs_url,
    open_repository,
    owner,
    place_of,
)
from holdfast.cli.output import (
    Column,
    Output,
    OutputOption,
    field,
    human_bytes,
    human_time,
    print_list,
    print_object,
    print_table,
    say,
    stderr,
)
from holdfast.cli.partial import PARTIAL_EXIT_CODE
from holdfast.model.errors import InvalidInput

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def delete(
    points: Annotated[list[str], typer.Argument(metavar="ID…", help="The restore points.")],
    last_too: Annotated[
        bool, typer.Option("--last-too", help="Delete even the last point that a database has.")
    ] = False,
    repository: RepositoryOption = None,
    password_file: PasswordFileOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Deletes restore points. Their space is freed by `repository prune`. Ends with 3 where the storage keeps one."""
    opened = open_repository(needs_url(repository, "point delete"), password_file)
    done: list[dict[str, Any]] = []
    for chain in opened.delete_points(points, owner=owner(), last_too=last_too):
        done += [{"id": point, "chain": chain.chain, "state": "deleted", "why": None} for point in chain.deleted]
        done += [{"id": point, "chain": chain.chain, "state": "gone", "why": None} for point in chain.gone_before]
        done += [
            {"id": one.point, "chain": chain.chain, "state": "kept", "why": one.why}
            for one in chain.refused
            if one.point
        ]
    print_list(done, output, (field("id"), field("chain"), field("state"), field("why")))
    if any(one["state"] == "deleted" for one in done):
        say("`holdfast repository prune` frees what only they needed")
    if any(one["state"] == "kept" for one in done):
        raise typer.Exit(PARTIAL_EXIT_CODE)


def prune(
    url: UrlArgument = None,
    repository: UrlOption = None,
    password_file: PasswordFileOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be freed.")] = False,
    grace: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="How long what nothing needs stays for running restores: 90m, 24h, 2d; 0 if none is running.",
        ),
    ] = "24h",
    dead: Annotated[
        float,
        typer.Option(metavar="PERCENT", min=0, max=100, help="Rewrite packs of which more than this is dead."),
    ] = 30,
    output: OutputOption = Output.TABLE,
) -> None:
    """Frees what no restore point needs. Ends with 3 where a chain was left out or the storage kept something."""
    from holdfast.repository import PruneRules

    place = place_of(url, repository, "repository prune")
    rules = PruneRules(grace=duration(grace), dead_percent=dead, dry_run=dry_run)
    opened = open_repository(place, password_file)
    with stderr().status("pruning") as status:
        report = opened.prune(rules, owner=owner(), progress=lambda done: status.update(done.phase))
    print_report({"repository": place, **report.as_json()}, output)
    if not report.ok:
        raise typer.Exit(PARTIAL_EXIT_CODE)


def print_report(found: Mapping[str, Any], output: Output) -> None:
    """The report of a prune: as it is, or its sums and a row a chain and kind."""
    if output is Output.JSON:
        print_object(found, output)
        return
    word = "would be freed" if found["dry_run"] else "freed"
    chains = found["chains"]
    until = max((chain["waiting_until"] for chain in chains if chain["waiting_until"]), default=None)
    sums = {
        "repository": found["repository"],
        word: human_bytes(found["freed_bytes"]),
        "written anew": human_bytes(found["written_bytes"]),
        "waiting": human_bytes(found["waiting_bytes"]) + (f" until {human_time(until)}" if until else ""),
    }
    print_object(sums, output)
    rows = [
        {"chain": chain["chain"], "kind": kind, **{f: chain[f].get(kind) for f in ("freed", "waiting", "written")}}
        for chain in chains
        for kind in sorted({*chain["freed"], *chain["waiting"], *chain["written"]})
    ]
    columns = (field("chain"), field("kind"), _amount("freed", word), _amount("waiting"), _amount("written"))
    print_table(rows, columns, "by chain")
    kept = [one for chain in chains for one in chain["refused"]]
    print_table(kept, (field("object"), field("why"), _size("bytes")), "kept by the storage")
    for chain in chains:
        for note in chain["notes"]:
            say(f"note: {note}")
        if chain["error"]:
            say(f"left out: {chain['chain']}: {chain['error']}")


def duration(text: str) -> timedelta:
    """`90m`, `24h`, `2d`, `0`. Raises InvalidInput."""
    found = re.fullmatch(r"(\d+)([smhd])", text.strip()) or (re.fullmatch(r"(0)()", text.strip()))
    if found is None:
        raise InvalidInput(f"--grace {text!r} is not a time such as 90m, 24h or 2d")
    try:
        return timedelta(seconds=int(found[1]) * _UNITS.get(found[2], 1))
    except OverflowError:
        raise InvalidInput(f"--grace {text!r} is longer than time goes") from None


def _amount(name: str, title: str | None = None) -> Column:
    def cell(row: Mapping[str, Any]) -> str:
        amount = row[name]
        return f"{human_bytes(amount['bytes'])} in {amount['objects']}" if amount else ""

    return Column(title or name, cell, right=True)


def _size(name: str) -> Column:
    return Column(name, lambda row: human_bytes(row[name]), right=True)

"""`holdfast repository adopt`: an installation takes chains over from one that is gone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from holdfast.cli.app import App, StateOption
from holdfast.cli.direct import PasswordFileOption, is_url, open_repository, owner
from holdfast.cli.output import Output, OutputOption, field, print_list
from holdfast.cli.starting import WaitOption, follow
from holdfast.model.errors import InvalidInput
from holdfast.model.installation import Installation
from holdfast.model.selection import database_matches


def adopt(
    repository: Annotated[str, typer.Argument(metavar="NAME|URL", help="A configured repository, or its address.")],
    database: Annotated[list[str] | None, typer.Option(help="Only chains of databases that fit; repeatable.")] = None,
    installation: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="With an address: the installation that is to own them; an app adopts for itself."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be taken over, and from whom.")
    ] = False,
    worker: Annotated[str, typer.Option(help="Worker profile.")] = "standard",
    wait: WaitOption = False,
    password_file: PasswordFileOption = None,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Makes the app's installation the owner of chains: only the owner deletes points and prunes.

    For an installation that is gone: its configuration database was lost and not restored from an export. One that still
    runs goes on writing points, and cleans up nothing any more.
    """
    if is_url(repository):
        if not installation:
            raise InvalidInput("with an address, --installation ID says who is to own the chains")
        rows = _directly(repository, installation, database or [], password_file, dry_run=dry_run)
        print_list(
            rows, output, (field("chain"), field("source"), field("points", right=True), field("owner"), field("state"))
        )
        return
    called = App(state)
    asked = {"databases": database or None, "dry_run": dry_run, "worker": worker}
    started = called.post(f"repositories/{quote(repository)}/adopt", asked)
    follow(called, started, wait=wait, output=output)


def _directly(
    url: str, installation: str, databases: list[str], password_file: Path | None, *, dry_run: bool
) -> list[dict[str, Any]]:
    opened = open_repository(url, password_file)
    opened.installation = Installation(id=installation)
    found: list[dict[str, Any]] = []
    for chain in opened.chains():
        manifests, _ = opened.manifests(chain)
        source = manifests[-1].manifest.point.source if manifests else chain
        if databases and not any(database_matches(glob, source) for glob in databases):
            continue
        before = opened.owner(chain)
        state = "owned"
        if before is None or before.installation != installation:
            state = "would be adopted" if dry_run else "adopted"
            if not dry_run:
                opened.adopt(chain, owner=owner())
        who = str(before.who) if before else None
        found.append({"chain": chain, "source": source, "points": len(manifests), "owner": who, "state": state})
    return found

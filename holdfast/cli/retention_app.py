"""`holdfast retention show`, `run`, `alarms`, `approve`, `reapply`, `log`: retention as the app does it."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from holdfast.cli.app import App, StateOption
from holdfast.cli.output import Column, Output, OutputOption, field, print_list, print_object, say, when
from holdfast.cli.starting import WaitOption, follow
from holdfast.model.errors import InvalidInput

PolicyOption = Annotated[str, typer.Option("--policy", help="The policy.")]


def show(
    policy: Annotated[str | None, typer.Option(help="Only databases that this policy answers for.")] = None,
    database: Annotated[
        str | None, typer.Option(help="Glob over `database`, or over `server/database` with a slash.")
    ] = None,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Says of every restore point whether the next retention keeps it, and why. Changes nothing."""
    if policy is None and database is None:
        raise InvalidInput("say what to show: --policy NAME or --database GLOB")
    found = App(state).get("retention", policy=policy, database=database)["value"]
    columns = (
        field("id"),
        field("source"),
        field("tier"),
        field("flags"),
        field("until"),
        field("keep"),
        Column("why", lambda row: "; ".join(row["reasons"])),
    )
    print_list(found, output, columns)
    gone = sum(1 for row in found if not row["keep"])
    if output is Output.TABLE:
        say(f"{gone} of {len(found)} restore points would be deleted")


def run(
    policy: PolicyOption,
    wait: WaitOption = False,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Runs retention now, apart from a backup: locks what is new, deletes what has expired, frees what nothing needs."""
    called = App(state)
    started = called.post(f"policies/{quote(policy)}/retention", {})
    follow(called, started, wait=wait, output=output)


def alarms(policy: PolicyOption, state: StateOption = None, output: OutputOption = Output.TABLE) -> None:
    """Lists what stopped the policy's last retention from deleting anything."""
    found = App(state).get(f"policies/{quote(policy)}/alarms")["value"]
    print_list(found, output, (field("kind"), field("detail"), field("approval"), field("approved")))


def approve(
    approval: Annotated[str, typer.Argument(metavar="APPROVAL", help="As the session's log or `alarms` names it.")],
    policy: PolicyOption,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Approves one alarm, with exactly the deletions that it stands for. Look at `retention show` first."""
    found = App(state).post(f"policies/{quote(policy)}/approve", {"approval": approval})
    print_object(found, output)
    if output is Output.TABLE:
        say(f"the next retention deletes them: `holdfast retention run --policy {policy}`, or the next backup")


def reapply(
    policy: PolicyOption,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Lengthens the ends of restore points that exist to what the policy says now. Never shortens one."""
    found = App(state).post(f"policies/{quote(policy)}/reapply", {"dry_run": dry_run})["value"]
    columns = (
        field("id"),
        field("source"),
        field("repository"),
        field("changed"),
        Column("what", lambda row: "; ".join(row["notes"])),
    )
    print_list(found, output, columns)
    if output is Output.TABLE:
        changed = sum(1 for row in found if row["changed"])
        say(f"{changed} restore points {'would be' if dry_run else 'are'} kept longer")


def log(policy: PolicyOption, state: StateOption = None, output: OutputOption = Output.TABLE) -> None:
    """Lists the restore points that retention deleted, oldest first, and why it could."""
    found = list(App(state).pages(f"policies/{quote(policy)}/retention/log"))
    columns = (
        when("at"),
        field("point"),
        field("source"),
        field("repository"),
        Column("why", lambda row: "; ".join(row["reasons"])),
    )
    print_list(found, output, columns)


def add_to(app: typer.Typer) -> None:
    """Registers the commands at the noun."""
    for command in (show, run, alarms, approve, reapply, log):
        app.command()(command)

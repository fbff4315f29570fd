"""`holdfast policy`: what is backed up, when, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from holdfast.cli.app import App, StateOption
from holdfast.cli.output import (
    Column,
    Output,
    OutputOption,
    field,
    human_time,
    print_list,
    print_object,
    print_table,
    print_text,
    say,
)
from holdfast.model.errors import InvalidInput
from holdfast.model.policy import parse_policy
from holdfast.model.policy_advice import warnings_of

app = typer.Typer(help="Policies: what is backed up, when, and for how long.", no_args_is_help=True)

File = Annotated[Path, typer.Option("--file", "-f", help="The policy as YAML.")]
Name = Annotated[str, typer.Argument(help="Name of the policy.")]


@app.command()
def apply(file: File, state: StateOption = None, output: OutputOption = Output.TABLE) -> None:
    """Makes or replaces a policy."""
    text = read_text(file)
    policy = parse_policy(text, where=str(file))
    applied = App(state).put(f"policies/{quote(policy.name)}", text, "application/yaml")
    _warn(applied.get("warnings", []))
    print_object(applied, output, "name", "priority", "time_zone", "repository", "archive", "worker")


@app.command("list")
def list_policies(state: StateOption = None, output: OutputOption = Output.TABLE) -> None:
    """Lists the policies."""
    print_list(
        list(App(state).pages("policies")),
        output,
        (
            field("name"),
            field("priority", right=True),
            Column("schedules", lambda p: list(p.get("schedules") or {})),
            Column("staging", lambda p: "staging" in p),
            field("repository"),
            field("archive"),
        ),
    )


@app.command()
def show(name: Name, state: StateOption = None, output: OutputOption = Output.TABLE) -> None:
    """Shows a policy; as a table, it is the YAML that `apply` takes."""
    found = App(state).get(f"policies/{quote(name)}")
    if output is Output.JSON:
        print_object(found, output)
        return
    _warn(found.get("warnings", []))
    print_text(_as_yaml({k: v for k, v in found.items() if k not in ("etag", "warnings")}))


@app.command()
def validate(file: File, output: OutputOption = Output.TABLE) -> None:
    """Checks a policy without the app: every wrong field is named."""
    policy = parse_policy(read_text(file), where=str(file))
    warnings = warnings_of(policy)
    _warn(warnings)
    print_object({"name": policy.name, "valid": True, "warnings": warnings}, output)


@app.command()
def plan(name: Name, state: StateOption = None, output: OutputOption = Output.TABLE) -> None:
    """Says what a policy would do: its databases, and when it runs next."""
    found = App(state).post(f"policies/{quote(name)}/plan", {})
    if output is Output.JSON:
        print_object(found, output)
        return
    _warn(found.get("warnings", []))
    next_runs = [human_time(at) for at in found.get("next_runs", [])]
    print_object({"policy": found["policy"], "next runs": next_runs}, output)
    columns = (field("source"), field("region"), field("taken_by", "taken by"))
    print_table(found.get("sources", []), columns, "databases")
    if not found.get("sources"):
        say("the policy selects no database")


@app.command()
def delete(name: Name, state: StateOption = None, output: OutputOption = Output.TABLE) -> None:
    """Removes a policy. Its restore points stay."""
    App(state).delete(f"policies/{quote(name)}")
    print_object({"name": name, "deleted": True}, output)


def read_text(file: Path) -> str:
    """The text of a file that a person names. Raises InvalidInput that names it."""
    try:
        return file.read_text("utf-8")
    except OSError as error:
        raise InvalidInput(f"{file}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"{file} is not UTF-8 text") from None


def _warn(warnings: list[str]) -> None:
    for warning in warnings:
        say(f"note: {warning}")


def _as_yaml(policy: Mapping[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(dict(policy), sort_keys=False, allow_unicode=True)

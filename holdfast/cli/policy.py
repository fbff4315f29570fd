"""`holdfast policy`: what is backed up, when, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from pydantic import ValidationError

from holdfast.cli.app import App, StateOption
from holdfast.cli.cost_showing import tell_summary
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
from holdfast.model.costs import Estimate, estimate_given, parse_prices
from holdfast.model.costs.inputs import GivenSize, SizesFile, parse_sizes
from holdfast.model.errors import HoldfastError, InvalidInput
from holdfast.model.policy import Policy, parse_policy
from holdfast.model.policy_advice import warnings_of

app = typer.Typer(help="Policies: what is backed up, when, and for how long.", no_args_is_help=True)

File = Annotated[Path, typer.Option("--file", "-f", help="The policy as YAML.")]
#: What is shown where nobody says how large the databases are.
_EXAMPLE = SizesFile(databases=[GivenSize(name="one database of 100 GB", size_gb=100)])

Name = Annotated[str, typer.Argument(help="Name of the policy.")]


@app.command()
def apply(
    file: File,
    estimate: Annotated[bool, typer.Option(help="Say what it will cost before it is saved.")] = True,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Makes or replaces a policy, and says before what it will cost."""
    text = read_text(file)
    policy = parse_policy(text, where=str(file))
    client = App(state)
    cost = _cost_of(client, policy) if estimate else None
    applied = client.put(f"policies/{quote(policy.name)}", text, "application/yaml")
    if output is Output.JSON and cost is not None:
        applied = {**applied, "cost": cost.model_dump(mode="json")}
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
def validate(
    file: File,
    sizes: Annotated[
        Path | None, typer.Option("--sizes", help="Databases and their sizes; without it, one of 100 GB is taken.")
    ] = None,
    prices: Annotated[Path | None, typer.Option("--prices", help="A price list in place of the packaged one.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Checks a policy without the app: every wrong field is named, and what it would cost."""
    policy = parse_policy(read_text(file), where=str(file))
    warnings = warnings_of(policy)
    _warn(warnings)
    priced = parse_prices(read_text(prices), where=str(prices)) if prices is not None else None
    given = parse_sizes(read_text(sizes), where=str(sizes)) if sizes is not None else _EXAMPLE
    cost = estimate_given(policy, given, priced)
    shown: dict[str, Any] = {"name": policy.name, "valid": True, "warnings": warnings}
    if output is Output.JSON:
        shown["cost"] = cost.model_dump(mode="json")
    print_object(shown, output)
    if sizes is None:
        say("no sizes were given: the figures are for one database of 100 GB")
    tell_summary(cost)


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


def _cost_of(client: App, policy: Policy) -> Estimate | None:
    """The app's estimate, told. A policy is not kept from being saved by an estimate that cannot be made."""
    try:
        found = Estimate.model_validate(
            client.post("costs/estimate", {"policy": policy.model_dump(mode="json", exclude_unset=True)})
        )
    except HoldfastError as error:
        say(f"note: no cost estimate: {error.detail}")
        return None
    except ValidationError:
        say("note: no cost estimate: the app is of another version than this command")
        return None
    tell_summary(found)
    return found


def _warn(warnings: list[str]) -> None:
    for warning in warnings:
        say(f"note: {warning}")


def _as_yaml(policy: Mapping[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(dict(policy), sort_keys=False, allow_unicode=True)

"""`holdfast cost`: what a policy will cost, before it has cost anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from holdfast.cli.app import App, StateOption
from holdfast.cli.cost_showing import show_estimate
from holdfast.cli.output import Output, OutputOption, field, print_list, say
from holdfast.cli.policy import read_text
from holdfast.cli.price_refresh import refresh
from holdfast.model.costs import Estimate, PriceList, estimate_given, packaged_prices, parse_prices
from holdfast.model.costs.inputs import SizesFile, parse_sizes
from holdfast.model.costs.prices import unit_of
from holdfast.model.errors import InvalidInput
from holdfast.model.policy import Policy, parse_policy

app = typer.Typer(help="Costs: what a policy will store, move, run and pay.", no_args_is_help=True)
app.command("refresh")(refresh)

PricesOption = Annotated[
    Path | None, typer.Option("--prices", help="A price list in place of the packaged one or of the app's own.")
]
SizesOption = Annotated[
    Path | None, typer.Option("--sizes", help="Databases and their sizes (YAML or JSON), in place of the app's.")
]


@app.command("estimate")
def estimate_costs(
    file: Annotated[Path | None, typer.Option("--file", "-f", help="A policy as YAML.")] = None,
    name: Annotated[str | None, typer.Option("--policy", help="Name of a policy of the app.")] = None,
    sizes: SizesOption = None,
    prices: PricesOption = None,
    sessions: Annotated[
        int, typer.Option(min=0, max=50, help="The app measures rates in so many past sessions; 0: in none.")
    ] = 5,
    state: StateOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Says what a policy costs a month: low, expected, high. With a file of the policy and of sizes, no app is needed."""
    if (file is None) == (name is None):
        raise InvalidInput("name a policy with --policy, or a file with -f, and not both")
    given = parse_sizes(read_text(sizes), where=str(sizes)) if sizes is not None else None
    priced = parse_prices(read_text(prices), where=str(prices)) if prices is not None else None
    policy = parse_policy(read_text(file), where=str(file)) if file is not None else None
    if policy is not None and given is not None:
        show_estimate(estimate_given(policy, given, priced), output)
        return
    body = {"name": name, "sessions": sessions, **_as_body(policy, given, priced)}
    show_estimate(Estimate.model_validate(App(state).post("costs/estimate", body)), output)


@app.command("prices")
def show_prices(prices: PricesOption = None, output: OutputOption = Output.TABLE) -> None:
    """Shows the packaged prices, or those of a file: each with what it is for one of, and how sure it is."""
    found = parse_prices(read_text(prices), where=str(prices)) if prices is not None else packaged_prices()
    say(f"{found.about or 'prices'} ({found.currency}, {found.region}, {found.as_of})")
    rows = [
        {"price": key, "per": unit_of(key), **price.model_dump(mode="json")}
        for key, price in sorted(found.prices.items())
    ]
    columns = (field("price"), field("amount", right=True), field("per"), field("mark"), field("source"))
    print_list(rows, output, columns)


def _as_body(policy: Policy | None, sizes: SizesFile | None, prices: PriceList | None) -> dict[str, Any]:
    return {
        "policy": policy.model_dump(mode="json", exclude_unset=True) if policy is not None else None,
        "sizes": sizes.model_dump(mode="json", exclude_unset=True) if sizes is not None else None,
        "prices": prices.model_dump(mode="json", exclude_none=True) if prices is not None else None,
    }

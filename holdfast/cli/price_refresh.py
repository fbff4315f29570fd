"""`holdfast cost refresh`: a price list from the Azure Retail Prices API, or from answers of it that were saved."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import httpx
import typer
import yaml

from holdfast.cli.app import pause
from holdfast.cli.output import Output, OutputOption, print_object, say
from holdfast.cli.policy import read_text
from holdfast.model.costs import PriceList, packaged_prices, parse_prices
from holdfast.model.costs.retail import (
    API_VERSION,
    RETAIL_API,
    Redundancy,
    RetailItem,
    filters,
    parse_page,
    refreshed,
)
from holdfast.model.errors import InvalidInput, Unavailable

_TRIES = 6
_MOST_PAGES = 500


def new_price_client() -> httpx.Client:
    """A client of the public price list; tests put their own in its place."""
    return httpx.Client(timeout=httpx.Timeout(60, connect=10))


def refresh(
    region: Annotated[str, typer.Option(help="Region whose prices are wanted, such as `westeurope`.")],
    to: Annotated[Path, typer.Option(help="File to write the list to.")],
    currency: Annotated[str, typer.Option(help="Currency; Azure's own prices are in USD.")] = "USD",
    redundancy: Annotated[Redundancy, typer.Option(help="Redundancy of the storage accounts.")] = "LRS",
    vm: Annotated[list[str] | None, typer.Option(help="A VM size whose price is wanted as well.")] = None,
    prices: Annotated[
        Path | None, typer.Option("--prices", help="The list to start from: what is not found keeps its price.")
    ] = None,
    saved: Annotated[
        list[Path] | None, typer.Option("--from", help="A saved answer of the API; with it nothing is fetched.")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Writes a price list with Azure's present list prices. Needs no app, no key, no subscription."""
    if not re.fullmatch(r"[a-z0-9]{3,40}", region):
        raise InvalidInput(f"{region!r} is no region's name such as westeurope")
    sizes = vm or []
    for size in sizes:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{1,60}", size):
            raise InvalidInput(f"{size!r} is no VM size such as Standard_D4ds_v5")
    old = parse_prices(read_text(prices), where=str(prices)) if prices is not None else packaged_prices()
    if saved:
        items = [item for file in saved for item in parse_page(read_text(file), where=str(file)).items]
    else:
        known = {*sizes, *(key.removeprefix("vm.") for key in old.prices if key.startswith("vm.Standard_"))}
        items = list(_fetched(filters(region, sorted(known), redundancy), currency))
    made = refreshed(old, items, region=region, on=datetime.now(UTC).date(), vm_sizes=sizes, redundancy=redundancy)
    to.write_text(_as_yaml(made.prices), "utf-8")
    for key, why in made.kept.items():
        say(f"note: {key}: {why}; it keeps what it was")
    print_object(
        {
            "file": str(to),
            "region": region,
            "currency": made.prices.currency,
            "found": len(made.found),
            "kept": sorted(made.kept),
        },
        output,
    )


def _fetched(asked: list[str], currency: str) -> Iterator[RetailItem]:
    with new_price_client() as client:
        for one in asked:
            link: str | None = str(
                httpx.URL(
                    RETAIL_API, params={"api-version": API_VERSION, "currencyCode": f"'{currency}'", "$filter": one}
                )
            )
            for _ in range(_MOST_PAGES):
                page = parse_page(_get(client, link or ""), where=f"the answer to {one}")
                yield from page.items
                link = page.next_link
                if not link:
                    break
                if urlsplit(link).hostname != urlsplit(RETAIL_API).hostname:
                    raise Unavailable(f"the price list goes on at another host: {urlsplit(link).hostname}")


def _get(client: httpx.Client, link: str) -> bytes:
    for attempt in range(_TRIES):
        try:
            answer = client.get(link)
        except httpx.TransportError as error:
            said = f"{type(error).__name__}: {error}"
        else:
            if answer.is_success:
                return answer.content
            said = f"it answered {answer.status_code}"
            if answer.status_code not in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE):
                break
        if attempt < _TRIES - 1:
            pause(2 * (attempt + 1))
    raise Unavailable(
        f"{RETAIL_API}: {said}",
        help="Try again later, or save its answers elsewhere and give them with --from.",
    )


def _as_yaml(prices: PriceList) -> str:
    # Through JSON, so that a decimal is written as the number that it is.
    plain = json.loads(prices.model_dump_json(exclude_none=True))
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120)

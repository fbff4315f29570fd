"""Reads what the Azure Retail Prices API answers, and makes a price list of it. Fetches nothing itself.

The API is public and wants no key. The shape of its answers is documented ("Azure Retail Prices overview"); the names of
products and meters are those that public programs ask it for. Never run against the API: what it does not name as expected
keeps the price that it had, and is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from holdfast.model.costs.money import Amount
from holdfast.model.costs.prices import Price, PriceList
from holdfast.model.errors import InvalidInput
from holdfast.model.policy import explain_validation

RETAIL_API = "https://prices.azure.com/api/retail/prices"
API_VERSION = "2023-01-01-preview"
Redundancy = Literal["LRS", "ZRS", "GRS", "RA-GRS"]

_BLOB = "General Block Blob v2"
_GEN5 = "Compute Gen5"
_DAY = 24


class RetailItem(BaseModel):
    """One price of the answer; fields that are not needed are left out."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    service: str = Field(alias="serviceName")
    product: str = Field(alias="productName")
    sku: str = Field(alias="skuName")
    arm_sku: str = Field(default="", alias="armSkuName")
    meter: str = Field(alias="meterName")
    region: str = Field(alias="armRegionName")
    unit: str = Field(alias="unitOfMeasure")
    price: Amount = Field(alias="retailPrice", ge=0, allow_inf_nan=False)
    currency: str = Field(alias="currencyCode")
    kind: str = Field(default="Consumption", alias="type")
    from_units: float = Field(default=0, alias="tierMinimumUnits")


class RetailPage(BaseModel):
    """One answer of the API."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    items: list[RetailItem] = Field(alias="Items")
    next_link: str | None = Field(default=None, alias="NextPageLink")


@dataclass(frozen=True)
class Meter:
    """Where a price is found: any of `skus` and `meters` (empty: any), and by what the figure is divided."""

    key: str
    service: str
    product: str
    unit: str
    skus: Mapping[str, int]
    meters: tuple[str, ...] = ()
    divided: int = 1


def _blob(tier: str, redundancy: str) -> list[Meter]:
    name, sku = tier.capitalize(), {f"{tier.capitalize()} {redundancy}": 1}

    def meter(key: str, unit: str, *meters: str) -> Meter:
        return Meter(f"blob.{tier}.{key}", "Storage", _BLOB, unit, sku, meters)

    found = [
        meter("stored", "1 GB/Month", f"{name} {redundancy} Data Stored"),
        meter("write", "10K", f"{name} {redundancy} Write Operations"),
        meter("read", "10K", f"{name} Read Operations", f"{name} {redundancy} Read Operations"),
    ]
    if tier != "hot":
        found.append(meter("retrieval", "1 GB", f"{name} Data Retrieval", f"{name} {redundancy} Data Retrieval"))
    if tier == "archive":
        found.append(meter("retrieval_high", "1 GB", "Archive Priority Data Retrieval"))
    return found


def meters(redundancy: Redundancy = "LRS") -> list[Meter]:
    """Every price but those of VMs, with where it is found."""
    cores = {"vCore": 1, "1 vCore": 1, "2 vCore": 2}
    sql = "SQL Database"
    lists = tuple(f"{prefix} List and Create Container Operations" for prefix in (f"Hot {redundancy}", "Hot"))
    return [
        *(meter for tier in ("hot", "cool", "cold", "archive") for meter in _blob(tier, redundancy)),
        Meter("blob.list", "Storage", _BLOB, "10K", {f"Hot {redundancy}": 1}, lists),
        Meter("disk.os", "Storage", "Standard SSD Managed Disks", "1/Month", {"E4 LRS": 1}, ("E4 LRS Disk",)),
        Meter("sql.dtu", sql, "SQL Database Single Standard", "1/Day", {"S0": 10}, divided=_DAY),
        Meter("sql.dtu_premium", sql, "SQL Database Single Premium", "1/Day", {"P1": 125}, divided=_DAY),
        Meter(
            "sql.general_purpose",
            sql,
            f"SQL Database Single/Elastic Pool General Purpose - {_GEN5}",
            "1 Hour",
            cores,
            ("vCore",),
        ),
        Meter(
            "sql.serverless",
            sql,
            f"SQL Database Single General Purpose - Serverless - {_GEN5}",
            "1 Hour",
            cores,
            ("vCore",),
        ),
        Meter(
            "sql.business_critical",
            sql,
            f"SQL Database Single/Elastic Pool Business Critical - {_GEN5}",
            "1 Hour",
            cores,
            ("vCore",),
        ),
        Meter("sql.hyperscale", sql, f"SQL Database SingleDB Hyperscale - {_GEN5}", "1 Hour", cores, ("vCore",)),
        Meter(
            "sql.stored",
            sql,
            "SQL Database Single/Elastic Pool General Purpose - Storage",
            "1 GB/Month",
            {},
            ("General Purpose Data Stored",),
        ),
        Meter(
            "sql.stored_business_critical",
            sql,
            "SQL Database Single/Elastic Pool Business Critical - Storage",
            "1 GB/Month",
            {},
            ("Business Critical Data Stored",),
        ),
        Meter("sql.long_term_retention", sql, "SQL Database - LTR Backup Storage", "1 GB/Month", {}),
        Meter(
            "transfer.regions",
            "Bandwidth",
            "Rtn Preference: MGN",
            "1 GB",
            {},
            ("Standard Inter-Region Data Transfer", "Standard Inter-Region Data Transfer Out"),
        ),
    ]


def filters(region: str, vm_sizes: Iterable[str], redundancy: Redundancy = "LRS") -> list[str]:
    """The `$filter`s to ask the API with. Its values are told apart by case."""
    base = f"armRegionName eq '{region}' and priceType eq 'Consumption'"
    products = sorted({(meter.service, meter.product) for meter in meters(redundancy)})
    return [
        *(f"serviceName eq '{service}' and productName eq '{product}' and {base}" for service, product in products),
        *(f"serviceName eq 'Virtual Machines' and armSkuName eq '{size}' and {base}" for size in vm_sizes),
    ]


def parse_page(text: str | bytes, *, where: str = "the answer") -> RetailPage:
    """One answer of the API. Raises InvalidInput where it is none."""
    try:
        return RetailPage.model_validate_json(text)
    except ValidationError as error:
        raise InvalidInput(
            f"{where} is no answer of the Azure Retail Prices API: {explain_validation(error)[:300]}"
        ) from None


@dataclass(frozen=True)
class Refreshed:
    """A new list, and what was not found or not told apart: those keep the price that they had."""

    prices: PriceList
    found: tuple[str, ...]
    kept: Mapping[str, str]


def refreshed(
    old: PriceList,
    items: Sequence[RetailItem],
    *,
    region: str,
    on: date,
    vm_sizes: Iterable[str] = (),
    redundancy: Redundancy = "LRS",
) -> Refreshed:
    """The old list with the prices that the items name. Raises InvalidInput where they are of two currencies or of none."""
    mine = [item for item in items if item.region == region and item.kind == "Consumption"]
    currencies = {item.currency for item in mine}
    if len(currencies) != 1:
        raise InvalidInput(
            f"the answers hold {len(mine)} prices of {region}, in {', '.join(sorted(currencies)) or 'no currency'}",
            help="Check the region's name (`westeurope`), and ask for one currency.",
        )
    (currency,) = currencies
    found: dict[str, Price] = {}
    kept: dict[str, str] = {}
    wanted: dict[str, list[tuple[RetailItem, int]]] = {m.key: _of_meter(m, mine) for m in meters(redundancy)}
    sizes = {*vm_sizes, *(key.removeprefix("vm.") for key in old.prices if key.startswith("vm.Standard_"))}
    wanted |= {f"vm.{size}": [(item, 1) for item in mine if _is_vm(item, size)] for size in sorted(sizes)}
    for key, hits in wanted.items():
        price = _one_price(hits, on)
        if isinstance(price, Price):
            found[key] = price
        else:
            kept[key] = price
    base = found.get("vm.Standard_D4ds_v5")
    if base is not None:
        found["vm.core"] = base.model_copy(update={"amount": base.amount / 4, "source": f"{base.source}, by core"})
    if currency != old.currency and (kept or "vm.core" not in found):
        missing = sorted({*kept, *({"vm.core"} - found.keys())})
        raise InvalidInput(
            f"the old list is in {old.currency}, the new one in {currency}, and these were not found: {', '.join(missing)}",
            help=f"Prices cannot be kept in another currency: start from a list in {currency} with --prices.",
        )
    whole: dict[str, Any] = {
        "currency": currency,
        "region": region,
        "as_of": on,
        "about": f"Azure Retail Prices API, {redundancy}, pay as you go; without discount and tax.",
        "prices": {key: price for key, price in {**old.prices, **found}.items() if key in old.prices or key in found},
    }
    return Refreshed(PriceList.model_validate(whole), tuple(sorted(found)), dict(sorted(kept.items())))


def _of_meter(meter: Meter, items: Iterable[RetailItem]) -> list[tuple[RetailItem, int]]:
    return [
        (item, meter.skus.get(item.sku, 1) * meter.divided)
        for item in items
        if (item.service, item.product, item.unit) == (meter.service, meter.product, meter.unit)
        and (not meter.skus or item.sku in meter.skus)
        and (not meter.meters or item.meter in meter.meters)
    ]


def _is_vm(item: RetailItem, size: str) -> bool:
    cheaper = ("Spot", "Low Priority")
    return (
        item.service == "Virtual Machines"
        and item.arm_sku.lower() == size.lower()
        and item.unit == "1 Hour"
        and "Windows" not in item.product
        and not any(word in item.meter or word in item.sku for word in cheaper)
    )


def _one_price(hits: Sequence[tuple[RetailItem, int]], on: date) -> Price | str:
    """The price of the first priced volume band; or why there is none."""
    priced = [(item, divided) for item, divided in hits if item.price > 0]
    if not priced:
        return "not found"
    first = min(item.from_units for item, _ in priced)
    named = {item.price / Decimal(divided): item for item, divided in priced if item.from_units == first}
    if len(named) > 1:
        return f"several prices: {', '.join(str(amount) for amount in sorted(named))}"
    ((amount, item),) = named.items()
    source = f"Azure Retail Prices API, {on}, {item.product}: {item.meter}"
    return Price(amount=amount.quantize(Decimal("0.00000001")), mark="list", source=source)

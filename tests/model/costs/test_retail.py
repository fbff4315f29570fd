"""Answers of the Azure Retail Prices API become a price list. The answers here have the documented shape; they were
written down after what public programs publish of them, not recorded by us."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from holdfast.model.costs import packaged_prices
from holdfast.model.costs.prices import UNITS
from holdfast.model.costs.retail import RetailItem, filters, meters, parse_page, refreshed
from holdfast.model.errors import InvalidInput

FOLDER = Path(__file__).parent / "retail"
ON = date(2026, 11, 26)


def items(*names: str) -> list[RetailItem]:
    return [item for name in names for item in parse_page((FOLDER / f"{name}.json").read_bytes()).items]


ALL = items("blob-1", "blob-2", "vm", "sql")


def made(found: list[RetailItem] = ALL, **more: object):
    return refreshed(packaged_prices(), found, **{"region": "eastus", "on": ON, **more})


def test_a_page_names_the_next() -> None:
    assert parse_page((FOLDER / "blob-1.json").read_bytes()).next_link.endswith("$skip=100")
    assert parse_page((FOLDER / "blob-2.json").read_bytes()).next_link is None


def test_every_price_that_an_estimate_needs_has_a_meter() -> None:
    assert {meter.key for meter in meters()} | {"vm.core"} == UNITS.keys()


@pytest.mark.parametrize(
    ("key", "amount"),
    [
        ("blob.hot.stored", "0.0208"),  # of the first volume band
        ("blob.cold.read", "0.1"),
        ("blob.archive.stored", "0.00099"),
        ("blob.archive.retrieval", "0.02"),  # not the one of high priority
        ("blob.archive.retrieval_high", "0.1"),
        ("vm.Standard_D4ds_v5", "0.226"),  # neither Windows, nor spot, nor reserved
        ("vm.core", "0.0565"),
        ("sql.general_purpose", "0.252202"),  # half of two vCores, and no surcharge for zones
        ("sql.dtu", "0.00201625"),  # a day of ten DTUs
    ],
)
def test_the_right_one_of_many_prices_is_taken(key: str, amount: str) -> None:
    price = made().prices.prices[key]
    assert price.amount == Decimal(amount)
    assert price.mark == "list"
    assert "2026-11-26" in price.source


def test_what_is_not_found_or_not_told_apart_keeps_its_price_and_is_told() -> None:
    found = made()
    old = packaged_prices()
    assert found.kept["sql.stored"] == "not found"
    assert found.kept["sql.stored_business_critical"] == "several prices: 0.25, 0.3"
    for key in found.kept:
        assert found.prices.prices[key] == old.prices[key]
    assert not found.kept.keys() & set(found.found)


def test_another_redundancy_has_prices_of_its_own() -> None:
    found = made(redundancy="GRS")
    assert found.prices.prices["blob.hot.stored"].amount == Decimal("0.0458")
    assert found.kept["blob.hot.write"] == "not found"


def test_answers_for_another_region_make_no_list() -> None:
    with pytest.raises(InvalidInput, match="0 prices of westeurope"):
        made(region="westeurope")


def test_prices_of_two_currencies_are_never_mixed() -> None:
    euros = [item.model_copy(update={"currency": "EUR"}) for item in ALL]
    with pytest.raises(InvalidInput, match="EUR, USD"):
        made([*ALL, *euros])
    with pytest.raises(InvalidInput, match=r"sql\.stored"):
        made(euros)


def test_the_api_is_asked_once_a_product_and_once_a_machine() -> None:
    asked = filters("eastus", ["Standard_D4ds_v5"])
    assert len(asked) == len(set(asked))
    assert sum("General Block Blob v2" in one for one in asked) == 1
    assert any("armSkuName eq 'Standard_D4ds_v5'" in one for one in asked)
    assert all("armRegionName eq 'eastus'" in one for one in asked)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"Items": [{}]}', '{"Items": 7}', "<html>"])
def test_what_is_no_answer_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="no answer of the Azure Retail Prices API"):
        parse_page(text)

"""A price list is whole and sure of itself, or is refused with the name of what is wrong."""

from decimal import Decimal

import pytest
import yaml

from holdfast.model.costs import packaged_prices, parse_prices
from holdfast.model.costs.inputs import parse_sizes
from holdfast.model.costs.prices import UNITS, PriceList
from holdfast.model.costs.storing import ARCHIVE_PACK_BYTES, PACK_BYTES
from holdfast.model.errors import InvalidInput


def written(**changes: object) -> str:
    plain = yaml.safe_load(packaged_prices().model_dump_json(exclude_none=True))
    plain["prices"].update(changes.pop("prices", {}))
    return yaml.safe_dump({**plain, **changes})


def refused(text: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_prices(text, where="mine.yaml")
    assert caught.value.exit_code == 2
    return caught.value.detail


def test_the_packaged_list_has_every_price_with_date_and_source() -> None:
    found = packaged_prices()
    assert found.prices.keys() >= UNITS.keys()
    assert all(price.source for price in found.prices.values())
    assert {price.mark for price in found.prices.values()} <= {"cited", "unverified"}  # nobody read Azure's list yet


def test_numbers_are_what_was_written_and_not_a_binary_neighbour() -> None:
    assert packaged_prices().prices["blob.archive.stored"].amount == Decimal("0.002")
    assert packaged_prices().prices["blob.hot.stored"].band.high == Decimal("0.0208")


def test_a_list_comes_back_as_it_was_written() -> None:
    assert parse_prices(written()) == packaged_prices()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"prices": {"blob.hot.stored": {"amount": -1, "mark": "own", "source": "x"}}}, "blob.hot.stored.amount"),
        ({"prices": {"blob.hot.stored": {"amount": 1, "mark": "sure", "source": "x"}}}, "blob.hot.stored.mark"),
        ({"prices": {"blob.hot.stored": {"amount": 1, "mark": "own"}}}, "blob.hot.stored.source"),
        ({"prices": {"blob.hot.stored": {"amount": 1, "low": 2, "mark": "own", "source": "x"}}}, "not between"),
        ({"prices": {"blob.hot.stord": {"amount": 1, "mark": "own", "source": "x"}}}, "no such price: blob.hot.stord"),
        ({"currency": "dollars"}, "currency"),
        ({"as_of": "yesterday"}, "as_of"),
        ({"discount": 3}, "discount"),
    ],
)
def test_what_is_wrong_is_named(changes: dict, named: str) -> None:
    assert named in refused(written(**changes))


def test_a_missing_price_is_named() -> None:
    plain = yaml.safe_load(written())
    del plain["prices"]["blob.cold.write"]
    assert "no price for blob.cold.write" in refused(yaml.safe_dump(plain))


@pytest.mark.parametrize("text", ["", "[]", "a: [", "7"])
def test_what_is_no_list_is_refused(text: str) -> None:
    assert "mine.yaml" in refused(text)


def test_own_prices_of_machines_and_objectives_may_be_added() -> None:
    extra = {"amount": 9, "mark": "own", "source": "our contract"}
    found = parse_prices(written(prices={"vm.Standard_D96s_v5": extra, "sql.BC_Gen5_80": extra}))
    assert found.find("vm.standard_d96S_v5") == "vm.Standard_D96s_v5"
    assert isinstance(found, PriceList)


def test_packs_are_as_large_as_the_repository_makes_them() -> None:
    from holdfast.repository.points import writing

    assert (PACK_BYTES, ARCHIVE_PACK_BYTES) == (writing.PACK_BYTES, writing.ARCHIVE_PACK_BYTES)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("- {name: a}", "size_gb or size_bytes"),
        ("- {name: a, size_gb: 1, size_bytes: 1}", "not both"),
        ("- {name: a, size_gb: -1}", "databases.0.size_gb"),
        ("- {name: s/a, size_gb: 1}\n- {name: S/A, size_gb: 2}", "S/A is named twice"),
        ("- {name: a, size_gb: 1, colour: red}", "colour"),
        ("[]", "databases"),
        ("7", "must be a list"),
        ("databases: [{name: a, size_gb: 1}]\nassumptions: {change: -1}", "negative"),
        ("databases: [{name: a, size_gb: 1}]\nassumptions: {change: {low: 3, expected: 2, high: 1}}", "out of order"),
        ("databases: [{name: a, size_gb: 1}]\nplaces: {tier: archive}", "places.tier"),
    ],
)
def test_a_wrong_sizes_file_is_named_by_field(text: str, named: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_sizes(text, where="sizes.yaml")
    assert named in caught.value.detail
    assert "sizes.yaml" in caught.value.detail


def test_sizes_are_given_in_gb_or_bytes() -> None:
    found = parse_sizes("- {name: a, size_gb: 1.5}\n- {name: b, size_bytes: 7}")
    assert [int(d.sized().size.expected) for d in found.databases] == [1_500_000_000, 7]

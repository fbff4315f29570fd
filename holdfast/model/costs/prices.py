"""What Azure asks for, as a list that people can read, replace and refresh. Nothing here is fetched."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from holdfast.model.costs.money import Amount, Band
from holdfast.model.errors import InvalidInput
from holdfast.model.policy import explain_validation

#: Every price that an estimate may need, with its unit. `vm.<size>` and `sql.<objective>` may be added, per hour.
UNITS: dict[str, str] = {
    **{f"blob.{tier}.stored": "GB and month" for tier in ("hot", "cool", "cold", "archive")},
    **{f"blob.{tier}.write": "10,000 writes" for tier in ("hot", "cool", "cold", "archive")},
    **{f"blob.{tier}.read": "10,000 reads" for tier in ("hot", "cool", "cold", "archive")},
    "blob.list": "10,000 lists",
    "blob.cool.retrieval": "GB",
    "blob.cold.retrieval": "GB",
    "blob.archive.retrieval": "GB",
    "blob.archive.retrieval_high": "GB",
    "vm.core": "core and hour",
    "disk.os": "month",
    "sql.dtu": "DTU and hour",
    "sql.dtu_premium": "DTU and hour",
    "sql.general_purpose": "vCore and hour",
    "sql.serverless": "vCore and hour",
    "sql.business_critical": "vCore and hour",
    "sql.hyperscale": "vCore and hour",
    "sql.stored": "GB and month",
    "sql.stored_business_critical": "GB and month",
    "sql.long_term_retention": "GB and month",
    "transfer.regions": "GB",
}
_MORE = re.compile(r"(vm|sql)\.[A-Za-z][A-Za-z0-9_]{1,60}")

Mark = Literal["list", "cited", "unverified", "own"]


class Price(BaseModel):
    """One price, and how sure it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount: Amount = Field(ge=0, lt=100_000, allow_inf_nan=False)
    low: Amount | None = Field(default=None, ge=0, allow_inf_nan=False, description="where only a range is known")
    high: Amount | None = Field(default=None, ge=0, lt=100_000, allow_inf_nan=False)
    mark: Mark = Field(description="list: read from Azure's price list; cited: from a page; unverified; own: yours")
    source: str = Field(min_length=1, description="where it was read")

    @model_validator(mode="after")
    def _in_order(self) -> Price:
        low = self.amount if self.low is None else self.low
        high = self.amount if self.high is None else self.high
        if not low <= self.amount <= high:
            raise ValueError(f"amount {self.amount} is not between low {low} and high {high}")
        return self

    @property
    def band(self) -> Band:
        """Low, expected, high."""
        low = self.amount if self.low is None else self.low
        return Band(low, self.amount, self.amount if self.high is None else self.high)


class PriceList(BaseModel):
    """Prices of one region in one currency."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    currency: str = Field(pattern="^[A-Z]{3}$")
    region: str = Field(pattern="^[a-z0-9]+$")
    as_of: date
    about: str = ""
    prices: dict[str, Price]

    @model_validator(mode="after")
    def _whole(self) -> PriceList:
        missing = sorted(UNITS.keys() - self.prices.keys())
        if missing:
            raise ValueError(f"no price for {', '.join(missing)}")
        unknown = sorted(key for key in self.prices.keys() - UNITS.keys() if not _MORE.fullmatch(key))
        if unknown:
            raise ValueError(f"no such price: {', '.join(unknown)}")
        return self

    def band(self, key: str) -> Band:
        """A price. Raises KeyError for one that is not in the list."""
        return self.prices[key].band

    def find(self, key: str) -> str | None:
        """The key as the list writes it, without regard to case; None where there is no such price."""
        wanted = key.lower()
        return next((known for known in self.prices if known.lower() == wanted), None)


def unit_of(key: str) -> str:
    """What a price is for one of."""
    return UNITS.get(key, "hour")


def parse_prices(text: str, *, where: str = "prices") -> PriceList:
    """Reads a price list from YAML (or JSON). Raises InvalidInput that names each wrong field."""
    try:
        data: Any = yaml.load(text, Loader=_ExactLoader)  # noqa: S506 (a SafeLoader that keeps numbers as written)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        raise InvalidInput(f"{where} is not YAML{place}: {getattr(error, 'problem', None) or error}") from None
    if not isinstance(data, dict):
        raise InvalidInput(f"{where} must be a mapping of fields, not {type(data).__name__}")
    try:
        return PriceList.model_validate(data)
    except ValidationError as error:
        raise InvalidInput(
            f"{where}: {explain_validation(error)}", help="`holdfast cost prices` prints a list that is whole."
        ) from None


class _ExactLoader(yaml.SafeLoader):
    """Numbers stay text until they become decimals: 0.1 is 0.1."""


_ExactLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in ("tag:yaml.org,2002:float",)]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@cache
def packaged_prices() -> PriceList:
    """The list that comes with the program."""
    text = files("holdfast.model.costs").joinpath("prices.yaml").read_text("utf-8")
    return parse_prices(text, where="the packaged prices")

"""Which price a VM size or a service objective has, and how many of it an hour takes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from holdfast.model.costs.ledger import Ledger
from holdfast.model.costs.money import ONE, Band

_DTUS = {
    "BASIC": 5,
    "S0": 10,
    "S1": 20,
    "S2": 50,
    "S3": 100,
    "S4": 200,
    "S6": 400,
    "S7": 800,
    "S9": 1600,
    "S12": 3000,
    "P1": 125,
    "P2": 250,
    "P4": 500,
    "P6": 1000,
    "P11": 1750,
    "P15": 4000,
}
_FAMILIES = {
    "GP_S": ("sql.serverless", "sql.stored"),
    "GP": ("sql.general_purpose", "sql.stored"),
    "BC": ("sql.business_critical", "sql.stored_business_critical"),
    "HS_S": ("sql.serverless", "sql.stored"),
    "HS": ("sql.hyperscale", "sql.stored"),
}
#: The smallest number of vCores that holds so many GiB, for databases that a drill or a copy of a pooled one makes.
_HOLDS = ((2, 1024), (6, 1536), (8, 2048), (14, 3072), (24, 4096))
_GIB = 1024**3


@dataclass(frozen=True)
class Hourly:
    """A price an hour: its key, by how much it is multiplied, and the price of its storage (empty: included)."""

    price: str
    factor: Band
    storage: str


def machine(ledger: Ledger, size: str) -> Hourly:
    """What a VM of that size costs an hour."""
    known = ledger.prices.find(f"vm.{size}")
    if known:
        return Hourly(known, ONE, "")
    match = re.search(r"_[A-Za-z]+(\d+)", size)
    cores = int(match[1]) if match else 4
    ledger.note(f"no price for a VM of size {size}: reckoned as {cores} cores")
    return Hourly("vm.core", Band.of(cores), "")


def database_hour(ledger: Ledger, objective: str | None, size: Band) -> Hourly:
    """What a SQL database costs an hour. One in an elastic pool, or of an objective that is not known, counts as the
    smallest General Purpose one that holds it."""
    text = (objective or "").upper()
    known = ledger.prices.find(f"sql.{text}") if text else None
    if known:
        return Hourly(known, ONE, "" if text in _DTUS else "sql.stored")
    if text in _DTUS:
        return Hourly("sql.dtu_premium" if text.startswith("P") else "sql.dtu", Band.of(_DTUS[text]), "")
    match = re.fullmatch(r"(GP_S|GP|BC|HS_S|HS)_[A-Z0-9]+_(\d+)", text)
    if match:
        price, storage = _FAMILIES[match[1]]
        return Hourly(price, Band.of(int(match[2])), storage)
    if text not in ("", "ELASTICPOOL"):
        ledger.note(f"no price for the service objective {objective}: reckoned as General Purpose")
    return smallest(size)


def smallest(size: Band) -> Hourly:
    """The smallest General Purpose database that holds so many bytes."""
    fitting = [cores for cores, gib in _HOLDS if gib * _GIB >= size.high]
    return Hourly("sql.general_purpose", Band.of(fitting[0] if fitting else _HOLDS[-1][0]), "sql.stored")

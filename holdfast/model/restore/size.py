"""Which size a restored database is made with, and whether that holds it. Pure.

Limits: docs "Resource limits" of the DTU and vCore purchasing models. A package's rows are usually larger than the
database's own pages (text is UTF-16 there), so what fits by its package fits.
"""

from __future__ import annotations

import re

from holdfast.model.errors import InvalidInput

_GIB = 1 << 30
_VCORE = re.compile(r"(?P<name>(?P<tier>GP|BC|HS)(?:_S)?_[A-Za-z0-9]+)_(?P<cores>\d+)", re.IGNORECASE)
_TIERS = {"GP": "GeneralPurpose", "BC": "BusinessCritical", "HS": "Hyperscale"}
_STANDARD = re.compile(r"S(?P<step>\d{1,2})", re.IGNORECASE)
_PREMIUM = re.compile(r"P(?P<step>\d{1,2})", re.IGNORECASE)
#: Data and its indexes: what a package does not hold.
_ROOM = 1.5
#: What Azure makes a database with that does not say how large it may become.
_DEFAULT_BYTES = 32 * _GIB
#: The largest data size by cores, in GiB; from docs, rounded down.
_MOST_GENERAL = ((2, 1024), (4, 1024), (6, 1536), (8, 2048), (14, 3072))
_MOST_VCORE_GIB = 4096


def sku_of(objective: str) -> dict[str, str | int]:
    """The `sku` of a request from a service objective such as S3 or GP_Gen5_2. Raises InvalidInput."""
    if match := _VCORE.fullmatch(objective):
        family = match["name"].split("_")[-1]
        tier = _TIERS[match["tier"].upper()]
        return {"name": match["name"], "tier": tier, "family": family, "capacity": int(match["cores"])}
    if objective.lower() == "basic":
        return {"name": "Basic", "tier": "Basic", "capacity": 5}
    for pattern, tier in ((_STANDARD, "Standard"), (_PREMIUM, "Premium")):
        if pattern.fullmatch(objective):
            return {"name": objective.upper(), "tier": tier}
    raise InvalidInput(
        f"{objective!r} is no service objective",
        help="Name one such as Basic, S3, P1, GP_Gen5_2, GP_S_Gen5_2, BC_Gen5_4 or HS_Gen5_2.",
    )


def most_bytes(objective: str) -> int | None:
    """The largest data size of an objective; None where it is not bounded by what anybody restores (Hyperscale)."""
    sku = sku_of(objective)
    if sku["tier"] == "Hyperscale":
        return None
    if sku["tier"] == "Basic":
        return 2 * _GIB
    if sku["tier"] == "Standard":
        step = int(str(sku["name"])[1:])
        return (1024 if step >= 3 else 250) * _GIB
    if sku["tier"] == "Premium":
        return (4096 if int(str(sku["name"])[1:]) >= 11 else 1024) * _GIB
    gib = next((most for cores, most in _MOST_GENERAL if int(sku["capacity"]) <= cores), _MOST_VCORE_GIB)
    return gib * _GIB


def size_for(inflated_bytes: int, objective: str, wanted: int | None) -> int | None:
    """The maximum size to ask for; None leaves it to Azure (Hyperscale). Never more than the objective takes."""
    most = most_bytes(objective)
    if most is None:
        return None
    needed = int(inflated_bytes * _ROOM)
    whole = -(-max(needed, wanted or 0, min(_DEFAULT_BYTES, most)) // _GIB) * _GIB
    return min(whole, most)


def too_small(inflated_bytes: int, max_size_bytes: int | None) -> bool:
    """Whether the package itself is larger than the database may become."""
    return max_size_bytes is not None and inflated_bytes > max_size_bytes

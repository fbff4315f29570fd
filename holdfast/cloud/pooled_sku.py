"""The size of a copy whose original lives in an elastic pool: a pool of that server takes no copy on another one.

A copy stays in the service tier of its original; within the tier it is the smallest size that holds the data. Limits:
docs "Resource limits for single databases using the vCore (DTU) purchasing model". Not observed on Azure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure.mgmt.sql.models import Database

_GIB = 1024**3
#: vCores and the largest data size of that many, in GiB.
_GENERAL_PURPOSE = ((2, 1024), (6, 1536), (8, 2048), (14, 3072), (24, 4096))
_BUSINESS_CRITICAL = ((2, 1024), (6, 1536), (8, 2048), (12, 3072), (18, 4096))
_DTU_TIERS: dict[str, dict[str, str | int]] = {
    "basic": {"name": "Basic", "tier": "Basic", "capacity": 5},
    "standard": {"name": "S3", "tier": "Standard", "capacity": 100},
    "premium": {"name": "P1", "tier": "Premium", "capacity": 125},
}


def standalone_sku(original: Database) -> dict[str, str | int] | None:
    """The size to ask for, or None where the copy simply takes that of its original."""
    properties, sku = original.properties, original.sku
    if properties is None or not properties.elastic_pool_id or sku is None:
        return None
    tier = (sku.tier or "").lower()
    if tier in _DTU_TIERS:
        return dict(_DTU_TIERS[tier])
    if tier == "hyperscale":
        return {"name": "HS_Gen5", "tier": "Hyperscale", "family": "Gen5", "capacity": 2}
    if tier == "businesscritical":
        return _vcore("BC_Gen5", "BusinessCritical", _BUSINESS_CRITICAL, properties.max_size_bytes)
    return _vcore("GP_Gen5", "GeneralPurpose", _GENERAL_PURPOSE, properties.max_size_bytes)


def _vcore(name: str, tier: str, sizes: tuple[tuple[int, int], ...], size: int | None) -> dict[str, str | int]:
    fitting = [cores for cores, gib in sizes if gib * _GIB >= (size or 0)]
    return {"name": name, "tier": tier, "family": "Gen5", "capacity": fitting[0] if fitting else sizes[-1][0]}

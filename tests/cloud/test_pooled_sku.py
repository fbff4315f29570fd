"""The size of a copy from a pool."""

from __future__ import annotations

import pytest
from azure.mgmt.sql.models import Database

from holdfast.cloud.pooled_sku import standalone_sku

GIB = 1024**3


def database(tier: str, gib: int = 32, pool: str | None = "pool", name: str = "ElasticPool") -> Database:
    """What Azure shows of a database."""
    properties = {"maxSizeBytes": gib * GIB, **({"elasticPoolId": pool} if pool else {})}
    return Database({"location": "x", "sku": {"name": name, "tier": tier}, "properties": properties})


def test_a_database_outside_a_pool_keeps_its_size() -> None:
    """The copy takes it over by itself."""
    assert standalone_sku(database("GeneralPurpose", pool=None, name="GP_Gen5")) is None


@pytest.mark.parametrize(
    ("tier", "gib", "name", "capacity"),
    [
        ("GeneralPurpose", 32, "GP_Gen5", 2),
        ("GeneralPurpose", 1024, "GP_Gen5", 2),
        ("GeneralPurpose", 1025, "GP_Gen5", 6),
        ("GeneralPurpose", 9000, "GP_Gen5", 24),
        ("BusinessCritical", 3000, "BC_Gen5", 12),
        ("Hyperscale", 3000, "HS_Gen5", 2),
        ("Standard", 500, "S3", 100),
        ("Premium", 500, "P1", 125),
        ("Basic", 2, "Basic", 5),
    ],
)
def test_a_pooled_one_gets_the_smallest_of_its_tier_that_holds_it(
    tier: str, gib: int, name: str, capacity: int
) -> None:
    """A copy cannot change tiers on its way."""
    found = standalone_sku(database(tier, gib))
    assert found is not None
    assert (found["name"], found["capacity"]) == (name, capacity)

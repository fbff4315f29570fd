"""Microsoft.Sql/servers/elasticPools: read only; pools are put into the world."""

from __future__ import annotations

from local.azure.evidence import RECORDED
from local.azure.listing import page, readable
from local.azure.refusals import front_404, provider_404
from local.azure.replies import Reply
from local.azure.sql_servers import shown
from local.azure.world import Ask, World, route

POOLS = "Microsoft.Sql/servers/elasticPools"

_POOL = RECORDED(
    "elastic pool: GET", "azure-cli sql/test_sql_db_copy.yaml@f66c4d45", guessed="that a list has the same items"
)


@route("GET", f"{POOLS}/*")
def list_pools(world: World, ask: Ask) -> Reply:
    """Pools of a server."""
    if world.store.get(ask.address.parent.path) is None:
        raise front_404(ask.address.parent)
    found = readable(world, ask, world.store.find(POOLS, ask.address.parent.path))
    return page(world, ask, [shown(r) for r in found], one_page=_POOL)


@route("GET", POOLS)
def get_pool(world: World, ask: Ask) -> Reply:
    """One pool."""
    found = world.store.get(ask.path)
    if found is None:
        raise (
            front_404(ask.address)
            if world.store.get(ask.address.parent.path) is None
            else provider_404(POOLS, ask.address.name)
        )
    return Reply(_POOL, 200, shown(found))

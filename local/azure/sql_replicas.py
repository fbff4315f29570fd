"""Microsoft.Sql: what is linked to what: replication links of databases, failover groups of instances.

Nothing here replicates; links and groups are put into the world, and read. `secondaryType` is a property of the database.
"""

from __future__ import annotations

from local.azure.evidence import RECORDED
from local.azure.listing import page, readable
from local.azure.refusals import front_404
from local.azure.replies import Reply
from local.azure.sql_servers import shown
from local.azure.world import Ask, World, route

LINKS = "Microsoft.Sql/servers/databases/replicationLinks"
GROUPS = "Microsoft.Sql/locations/instanceFailoverGroups"

_LINKS = RECORDED(
    "replication links of a database: list",
    "azure-cli sql/test_sql_db_replica_mgmt.yaml@218a18b7",
    guessed="that the list of a server has the same items",
)
_GROUP = RECORDED(
    "failover group of instances: GET",
    "azure-cli sql/test_sql_instance_failover_group_mgmt.yaml@0eaf0d82",
    guessed="that a list has the same items",
)


@route("GET", "Microsoft.Sql/servers/replicationLinks/*")
def list_links_of_server(world: World, ask: Ask) -> Reply:
    """Links of all databases of a server."""
    if world.store.get(ask.address.parent.path) is None:
        raise front_404(ask.address.parent)
    found = readable(world, ask, world.store.find(LINKS, ask.address.parent.path))
    return page(world, ask, [shown(r) for r in found], one_page=_LINKS)


@route("GET", f"{LINKS}/*")
def list_links(world: World, ask: Ask) -> Reply:
    """Links of one database."""
    if world.store.get(ask.address.parent.path) is None:
        raise front_404(ask.address.parent)
    found = readable(world, ask, world.store.find(LINKS, ask.address.parent.path))
    return page(world, ask, [shown(r) for r in found], one_page=_LINKS)


@route("GET", f"{GROUPS}/*")
def list_groups(world: World, ask: Ask) -> Reply:
    """Failover groups as one region sees them."""
    found = readable(world, ask, world.store.find(GROUPS, ask.address.parent.path))
    return page(world, ask, [shown(r) for r in found], one_page=_GROUP)

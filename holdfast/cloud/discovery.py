"""Which databases there are: every server and instance of the subscriptions, one after the other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from holdfast.cloud.clients import Clients
from holdfast.cloud.failures import azure_errors
from holdfast.cloud.ownership import found_or_none
from holdfast.cloud.sdk_words import word
from holdfast.model.source import ResourceId, Source, SourceKind

if TYPE_CHECKING:
    from azure.mgmt.sql.models import Database, InstanceFailoverGroup, ManagedDatabase, ManagedInstance, Server

SERVERS = "Microsoft.Sql/servers"
INSTANCES = "Microsoft.Sql/managedInstances"
#: Databases that belong to the server and not to anybody.
SYSTEM_DATABASES = frozenset({"master", "model", "msdb", "tempdb"})
#: What `Source.secondary` says of the databases of an instance that is the secondary of a failover group.
_GROUP_SECONDARY = "Failover group"


class Discovery:
    """Reads the lists. Raises rather than to leave anything out in silence."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def all(self) -> Iterator[Source]:
        """Every database but those of the system; staging copies and what can never be exported too."""
        for subscription in self._clients.settings.subscriptions:
            for server in self.servers(subscription):
                for database in self._of_server(server):
                    if not _is_system(database.name):
                        yield sql_source(server, database)
            instances = self.instances(subscription)
            groups = self._failover_groups(instances)
            for instance in instances:
                for mine in self._of_instance(instance):
                    if not _is_system(mine.name):
                        yield managed_source(instance, mine, secondary=_is_secondary(instance, groups))

    def partners(self, sources: Iterable[Source]) -> dict[str, set[str]]:
        """`server/database` of what each source is linked to, by identity: geo-replication and failover groups.

        One question a server, and one a region for instances.
        """
        found: dict[str, set[str]] = {}
        for parent, mine in _by_parent(sources).items():
            place = ResourceId.parse(parent)
            if place.is_type(INSTANCES):
                other = self._partner_instances(place, mine[0].region)
                for source in mine:
                    found[source.identity] = {f"{name}/{source.database}" for name in other}
                continue
            links = self._links(place)
            for source in mine:
                found[source.identity] = links.get(source.database.lower(), set())
        return found

    def is_secondary(self, instance: ManagedInstance) -> bool:
        """Whether an instance is the secondary of a failover group."""
        return _is_secondary(instance, self._failover_groups([instance]))

    def _links(self, server: ResourceId) -> dict[str, set[str]]:
        """Partners of the databases of one server, by the database's name."""
        client = self._clients.sql(server.subscription).replication_links
        with azure_errors(f"listing the replication links of {server.name}"):
            listed = found_or_none(lambda: list(client.list_by_server(server.resource_group, server.name))) or []
        links: dict[str, set[str]] = {}
        for link in listed:
            if link.properties is not None and link.id:
                name = ResourceId.parse(link.id).names[1].lower()
                partner = f"{link.properties.partner_server}/{link.properties.partner_database}"
                links.setdefault(name, set()).add(partner)
        return links

    def _partner_instances(self, instance: ResourceId, region: str) -> set[str]:
        """Names of the instances that share a failover group with this one."""
        names: set[str] = set()
        for group in self._groups_in(instance.subscription, instance.resource_group, region):
            pair = _pair(group)
            if str(instance).lower() in pair:
                names |= {ResourceId.parse(other).name for other in pair - {str(instance).lower()}}
        return names

    def _failover_groups(self, instances: Iterable[ManagedInstance]) -> list[InstanceFailoverGroup]:
        places = {
            (place.subscription, place.resource_group, plain_region(instance.location))
            for instance in instances
            for place in [ResourceId.parse(instance.id or "")]
        }
        return [group for place in sorted(places) for group in self._groups_in(*place)]

    def _groups_in(self, subscription: str, resource_group: str, region: str) -> list[InstanceFailoverGroup]:
        client = self._clients.sql(subscription).instance_failover_groups
        with azure_errors(f"listing the failover groups of instances of {resource_group} in {region}"):
            return found_or_none(lambda: list(client.list_by_location(resource_group, region))) or []

    def servers_named(self, name: str) -> Iterator[str]:
        """Ids of the servers and instances of that name, without regard to case."""
        for subscription in self._clients.settings.subscriptions:
            for server in [*self.servers(subscription), *self.instances(subscription)]:
                if server.id and (server.name or "").lower() == name.lower():
                    yield server.id

    def servers(self, subscription: str) -> list[Server]:
        """Logical servers."""
        with azure_errors(f"listing the SQL servers of subscription {subscription}"):
            return list(self._clients.sql(subscription).servers.list())

    def instances(self, subscription: str) -> list[ManagedInstance]:
        """Managed instances."""
        with azure_errors(f"listing the managed instances of subscription {subscription}"):
            return list(self._clients.sql(subscription).managed_instances.list())

    def _of_server(self, server: Server) -> list[Database]:
        place = ResourceId.parse(server.id or "")
        client = self._clients.sql(place.subscription).databases
        with azure_errors(f"listing the databases of {place.name}"):
            # A server that went between the two lists has no databases.
            return found_or_none(lambda: list(client.list_by_server(place.resource_group, place.name))) or []

    def _of_instance(self, instance: ManagedInstance) -> list[ManagedDatabase]:
        place = ResourceId.parse(instance.id or "")
        client = self._clients.sql(place.subscription).managed_databases
        with azure_errors(f"listing the databases of {place.name}"):
            return found_or_none(lambda: list(client.list_by_instance(place.resource_group, place.name))) or []


def sql_source(server: Server, database: Database) -> Source:
    """A SQL database as a source."""
    shown = database.properties
    return Source(
        kind=SourceKind.SQL_DATABASE,
        resource_id=database.id or "",
        server=server.name or "",
        database=database.name or "",
        region=plain_region(database.location),
        host=(server.properties.fully_qualified_domain_name if server.properties else None) or "",
        status=word(shown.status) if shown else "",
        database_guid=shown.database_id if shown else None,
        secondary=word(shown.secondary_type) if shown and shown.secondary_type else None,
        made_at=shown.creation_date if shown else None,
        elastic_pool=shown.elastic_pool_id if shown else None,
        unfit="a dedicated SQL pool: no BACPAC can be made of it"
        if "datawarehouse" in (database.kind or "").lower()
        else None,
        sku=database.sku.name if database.sku else None,
        objective=shown.current_service_objective_name if shown else None,
        max_size_bytes=shown.max_size_bytes if shown else None,
        tags=dict(database.tags or {}),
    )


def managed_source(instance: ManagedInstance, database: ManagedDatabase, *, secondary: bool) -> Source:
    """An instance database as a source."""
    shown = database.properties
    return Source(
        kind=SourceKind.MANAGED_DATABASE,
        resource_id=database.id or "",
        server=instance.name or "",
        database=database.name or "",
        region=plain_region(database.location),
        host=(instance.properties.fully_qualified_domain_name if instance.properties else None) or "",
        status=word(shown.status) if shown else "",
        secondary=_GROUP_SECONDARY if secondary else None,
        made_at=shown.creation_date if shown else None,
        tags=dict(database.tags or {}),
    )


def plain_region(location: str) -> str:
    """`westeurope`, also where Azure writes `West Europe`."""
    return location.replace(" ", "").lower()


def _is_system(name: str | None) -> bool:
    return (name or "").lower() in SYSTEM_DATABASES


def _by_parent(sources: Iterable[Source]) -> dict[str, list[Source]]:
    parents: dict[str, list[Source]] = {}
    for source in sources:
        parents.setdefault(source.resource_id.rpartition("/databases/")[0], []).append(source)
    return parents


def _pair(group: InstanceFailoverGroup) -> set[str]:
    pairs = (group.properties.managed_instance_pairs if group.properties else None) or []
    sides = [side for p in pairs for side in (p.primary_managed_instance_id, p.partner_managed_instance_id)]
    return {side.lower() for side in sides if side}


def _is_secondary(instance: ManagedInstance, groups: Collection[InstanceFailoverGroup]) -> bool:
    """Whether the instance is on the secondary side: each region shows a group with the role of its own side."""
    return any(
        word(group.properties.replication_role if group.properties else "").lower() == "secondary"
        and plain_region(ResourceId.parse(group.id or "").names[0]) == plain_region(instance.location)
        and (instance.id or "").lower() in _pair(group)
        for group in groups
    )

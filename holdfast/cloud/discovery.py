"""Which databases there are: every server and instance of the subscriptions, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from holdfast.cloud.clients import Clients
from holdfast.cloud.failures import azure_errors
from holdfast.cloud.ownership import found_or_none
from holdfast.cloud.sdk_words import word
from holdfast.model.source import ResourceId, Source, SourceKind

if TYPE_CHECKING:
    from azure.mgmt.sql.models import Database, ManagedDatabase, ManagedInstance, Server

SERVERS = "Microsoft.Sql/servers"
INSTANCES = "Microsoft.Sql/managedInstances"
#: Databases that belong to the server and not to anybody.
SYSTEM_DATABASES = frozenset({"master", "model", "msdb", "tempdb"})


class Discovery:
    """Reads the lists. Raises rather than to leave anything out in silence."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def all(self) -> Iterator[Source]:
        """Every database but those of the system and dedicated SQL pools; staging copies too."""
        for subscription in self._clients.settings.subscriptions:
            for server in self.servers(subscription):
                for database in self._of_server(server):
                    if not _is_system(database.name) and "datawarehouse" not in (database.kind or "").lower():
                        yield sql_source(server, database)
            for instance in self.instances(subscription):
                for mine in self._of_instance(instance):
                    if not _is_system(mine.name):
                        yield managed_source(instance, mine)

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
        secondary=str(shown.secondary_type) if shown and shown.secondary_type else None,
        sku=database.sku.name if database.sku else None,
        max_size_bytes=shown.max_size_bytes if shown else None,
        tags=dict(database.tags or {}),
    )


def managed_source(instance: ManagedInstance, database: ManagedDatabase) -> Source:
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
        tags=dict(database.tags or {}),
    )


def plain_region(location: str) -> str:
    """`westeurope`, also where Azure writes `West Europe`."""
    return location.replace(" ", "").lower()


def _is_system(name: str | None) -> bool:
    return (name or "").lower() in SYSTEM_DATABASES

"""SQL servers and managed instances: which databases there are, and staging copies of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from holdfast.clock_file import clock_from
from holdfast.cloud import tags as marks
from holdfast.cloud.clients import Clients
from holdfast.cloud.copies import DatabaseCopies
from holdfast.cloud.copy_state import Copy, CopyState, StartedCopy
from holdfast.cloud.database_size import used_bytes
from holdfast.cloud.discovery import INSTANCES, SERVERS, Discovery, managed_source, plain_region, sql_source
from holdfast.cloud.failures import azure_errors
from holdfast.cloud.managed_copies import ManagedCopies
from holdfast.cloud.ownership import found_or_none
from holdfast.model.clock import Clock
from holdfast.model.drill import DRILL_PREFIX
from holdfast.model.errors import InvalidInput, NoSuchSource, StagingServerUnusable
from holdfast.model.plan import StagingServer
from holdfast.model.source import ResourceId, Source, SourceKind

if TYPE_CHECKING:
    from azure.mgmt.sql.models import ManagedInstance, Server


#: What Holdfast made, or keeps for a person to decide on, is nobody's to back up.
_NOT_THEIRS: tuple[marks.Kind, ...] = ("copy", "restore", "restore-differs", "replaced")


class SqlServers:
    """Databases in the subscriptions of the settings."""

    def __init__(self, clients: Clients, clock: Clock | None = None) -> None:
        self._clients = clients
        self._discovery = Discovery(clients)
        self._copies = DatabaseCopies(clients)
        self._managed = ManagedCopies(clients, clock or clock_from(clients.settings.clock_file))

    def list_sources(self) -> Iterator[Source]:
        """Every database of every server and instance that the app may read.

        Left out: system databases, and what any installation copies, restores or keeps aside, known by tags. Raises
        Forbidden or Unavailable rather than to leave anything out in silence.
        """
        for source in self._discovery.all():
            drilled = source.database.startswith(DRILL_PREFIX) and marks.SESSION in source.tags
            if not drilled and not any(marks.is_marked(source.tags, kind) for kind in _NOT_THEIRS):
                yield source

    def partners(self, sources: Iterable[Source]) -> dict[str, set[str]]:
        """`server/database` of what each source is or was linked to (geo-replication, failover groups), by identity.

        Only the identities of the given sources. Raises Forbidden or Unavailable.
        """
        return self._discovery.partners(sources)

    def get_source(self, resource_id: str) -> Source:
        """One database by its id. Raises NoSuchSource, or InvalidInput for an id of something else."""
        target = self._parsed(resource_id)
        parent = str(_parent(target))
        client = self._clients.sql(target.subscription)
        place = (target.resource_group, target.names[0])
        with azure_errors(f"reading {target.names[0]}/{target.name}"):
            if _is_managed(target):
                instance = found_or_none(lambda: client.managed_instances.get(*place))
                mine = found_or_none(lambda: client.managed_databases.get(*place, target.name))
                if instance is not None and mine is not None:
                    return managed_source(instance, mine, secondary=self._discovery.is_secondary(instance))
            else:
                server = found_or_none(lambda: client.servers.get(*place))
                found = found_or_none(lambda: client.databases.get(*place, target.name))
                if server is not None and found is not None:
                    return sql_source(server, found)
        raise NoSuchSource(f"there is no database {target.name} on {parent}")

    def find_source(self, name: str) -> Source:
        """One database by `server/database` or `instance/database`, without regard to case. Raises NoSuchSource."""
        host, _, database = name.partition("/")
        named = self._discovery.servers_named(host) if database and "/" not in database else ()
        for server_id in named:
            try:
                return self.get_source(f"{server_id}/databases/{database}")
            except NoSuchSource:
                continue  # a server and an instance may have one name
        raise NoSuchSource(f"there is no database {name} in the subscriptions of this installation")

    def used_bytes(self, source: Source) -> int | None:
        """How much data a database holds; None where Azure does not say. Raises Forbidden, Unavailable."""
        return used_bytes(self._clients, source)

    def staging_server(self, resource_id: str) -> StagingServer:
        """The server or instance that copies go to. Raises StagingServerUnusable where it cannot take any."""
        try:
            target = ResourceId.parse(resource_id)
        except ValueError as error:
            raise StagingServerUnusable(str(error)) from None
        client = self._clients.sql(target.subscription)
        place = (target.resource_group, target.name)
        managed = target.is_type(INSTANCES)
        if not managed and not target.is_type(SERVERS):
            raise StagingServerUnusable(f"{resource_id} is neither a SQL server nor a managed instance")
        found: Server | ManagedInstance | None
        with azure_errors(f"reading the staging server {target.name}"):
            if managed:
                found = found_or_none(lambda: client.managed_instances.get(*place))
            else:
                found = found_or_none(lambda: client.servers.get(*place))
        if found is None:
            raise StagingServerUnusable(f"there is no staging server {resource_id}")
        state, host = (
            (found.properties.state, found.properties.fully_qualified_domain_name) if found.properties else ("", "")
        )
        if str(state or "").lower() != "ready" or not host:
            raise StagingServerUnusable(f"the staging server {target.name} is {state or 'not there yet'}, not Ready")
        return StagingServer(
            kind=SourceKind.MANAGED_DATABASE if managed else SourceKind.SQL_DATABASE,
            resource_id=str(target),
            name=target.name,
            region=plain_region(found.location),
            host=host,
        )

    def start_copy(self, source: Source, staging: StagingServer, name: str, tags: Mapping[str, str]) -> StartedCopy:
        """Asks Azure for a staging copy and does not wait for it.

        Repeated, the copy that carries these tags is taken as the one that was asked for, whatever state it is in.
        Raises NameTaken where something else has the name, StagingServerUnusable for a server of the other kind, and
        what `failures` makes of Azure's refusals. StagingFailed where an instance has no backup to restore from yet.
        """
        if staging.kind is not source.kind:
            raise StagingServerUnusable(f"{staging.name} cannot take a copy of {source.name}: it is of another kind")
        if not name.startswith(marks.PREFIX):
            raise InvalidInput(f"the name of a copy begins with {marks.PREFIX}, {name!r} does not")
        kind = self._managed if source.kind is SourceKind.MANAGED_DATABASE else self._copies
        return kind.start(source, staging, name, tags)

    def copy_state(self, resource_id: str, operation: str = "") -> CopyState:
        """How far a copy is, by looking at the copy itself. `absent` is also what it is for the first half minute.

        `operation`, from `start_copy`, is asked for the reason where the copy is not ready: a copy that failed late may
        be gone, and then nothing else says so.
        """
        target = self._parsed(resource_id)
        return self._of(target).state(target, operation)

    def drop_copy(self, resource_id: str, must: Mapping[str, str]) -> bool:
        """Asks Azure to drop a copy; False where there is none. Look at `copy_state` until it is absent.

        `must` are the tags that it has to carry; when it expires is not compared. Raises NameTaken, and drops nothing,
        unless name prefix, recorded id and tags all say that it is ours.
        """
        target = self._parsed(resource_id)
        return self._of(target).drop(target, must)

    def list_copies(self, installation: str | None = None) -> Iterator[Copy]:
        """Every staging copy of this installation, by its tags, on whatever server."""
        wanted = installation or self._clients.settings.installation
        for source in self._discovery.all():
            if marks.is_marked(source.tags, "copy", wanted):
                yield Copy(
                    resource_id=source.resource_id,
                    kind=source.kind,
                    server=source.server,
                    name=source.database,
                    region=source.region,
                    status=source.status,
                    tags=source.tags,
                    session=source.tags.get(marks.SESSION, ""),
                    source_key=source.tags.get(marks.SOURCE, ""),
                    expires_at=marks.expiry(source.tags),
                )

    def _of(self, target: ResourceId) -> DatabaseCopies | ManagedCopies:
        return self._managed if _is_managed(target) else self._copies

    def _parsed(self, resource_id: str) -> ResourceId:
        try:
            target = ResourceId.parse(resource_id)
        except ValueError as error:
            raise InvalidInput(str(error)) from None
        if not target.is_type(f"{SERVERS}/databases") and not target.is_type(f"{INSTANCES}/databases"):
            raise InvalidInput(f"{resource_id} is not the id of a database")
        return target


def _is_managed(target: ResourceId) -> bool:
    return target.is_type(f"{INSTANCES}/databases")


def _parent(target: ResourceId) -> ResourceId:
    return target.model_copy(update={"types": target.types[:-1], "names": target.names[:-1]})

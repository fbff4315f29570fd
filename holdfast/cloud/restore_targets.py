"""The databases that restores make: empty under a temporary name, then under their own; and what makes room for them.

Found again by their tags. Nothing is overwritten: a name that something else has is refused, a database that makes room is
renamed and never deleted without a person's word. Evidence for the shapes: docs/never-run-on-azure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from holdfast.cloud import tags as marks
from holdfast.cloud.clients import Clients
from holdfast.cloud.discovery import INSTANCES, SERVERS, Discovery
from holdfast.cloud.failures import FailureKind, azure_errors, failure_of, to_error
from holdfast.cloud.operations import OperationAddress
from holdfast.cloud.ownership import found_or_none, start_or_find
from holdfast.cloud.permissions import Permissions
from holdfast.cloud.sdk_words import word
from holdfast.model.errors import Conflict, InvalidInput, NameTaken
from holdfast.model.plan import StagingServer
from holdfast.model.restore.plan import RestorePlan, is_temporary
from holdfast.model.restore.size import sku_of
from holdfast.model.rights import missing
from holdfast.model.source import ResourceId, Source, SourceKind

_LOCKS = "2016-09-01"
_LOCK_MARK = "/providers/microsoft.authorization/locks/"


@dataclass(frozen=True)
class Found:
    """A database as it is at this moment. `guid` stays when it is renamed; an instance database has none."""

    resource_id: str
    status: str
    guid: str = ""
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Kept:
    """A database that a restore left for a person to decide on."""

    resource_id: str
    name: str
    kind: str
    session: str
    expires_at: datetime | None
    tags: dict[str, str] = field(default_factory=dict)


class RestoreTargets:
    """Databases on servers and instances, by their resource ids."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._discovery = Discovery(clients)

    def servers_named(self, name: str) -> list[str]:
        """Ids of servers and instances of that name. Raises Forbidden, Unavailable."""
        return list(self._discovery.servers_named(name))

    def find(self, resource_id: str) -> Found | None:
        """The database; None where there is none, or where its server is gone."""
        place = _parsed(resource_id)
        with azure_errors(f"looking at {place.names[0]}/{place.name}"):
            shown: Any = found_or_none(lambda: self._databases(place).get(place.resource_group, *place.names))
        if shown is None:
            return None
        properties = shown.properties
        guid = str(getattr(properties, "database_id", None) or "") if properties else ""
        status = word(properties.status) if properties and properties.status else ""
        return Found(shown.id or resource_id, status, guid, dict(shown.tags or {}))

    def lacking(self, server: StagingServer) -> list[str]:
        """Actions that a restore needs there and that the app does not have. Raises Forbidden, Unavailable."""
        managed = server.kind is SourceKind.MANAGED_DATABASE
        databases = f"{INSTANCES if managed else SERVERS}/databases"
        verbs = ("write", "delete") if managed else ("write", "delete", "move/action")
        return missing(
            Permissions(self._clients).own_at(ResourceId.parse(server.resource_id)),
            [f"{databases}/{verb}" for verb in verbs],
        )

    def pool_exists(self, resource_id: str) -> bool:
        """Whether an elastic pool is there."""
        place = ResourceId.parse(resource_id)
        pools = self._clients.sql(place.subscription).elastic_pools
        with azure_errors(f"reading the elastic pool {place.name}"):
            return found_or_none(lambda: pools.get(place.resource_group, *place.names)) is not None

    def settings_of(self, source: Source) -> dict[str, str]:
        """`collation` and `redundancy` of a database that is there; empty where Azure does not say."""
        place = _parsed(source.resource_id)
        with azure_errors(f"reading {source.name}"):
            shown: Any = found_or_none(lambda: self._databases(place).get(place.resource_group, *place.names))
        told = shown.properties if shown is not None else None
        redundancy = getattr(told, "requested_backup_storage_redundancy", None)
        return {
            "collation": str(getattr(told, "collation", None) or ""),
            "redundancy": word(redundancy) if redundancy else "",
        }

    def hindrances(self, source: Source) -> list[str]:
        """Why a database cannot be renamed: replicas, failover groups, locks. Raises Forbidden, Unavailable."""
        place = _parsed(source.resource_id)
        found = []
        if source.secondary:
            found.append(f"it is a replica ({source.secondary}) of another database")
        if partners := self._discovery.partners([source]).get(source.identity):
            found.append(f"it is linked to {', '.join(sorted(partners))} (geo-replication or a failover group)")
        found += [f"a lock forbids it: {lock}" for lock in self._locks(place)]
        return found

    def _locks(self, place: ResourceId) -> list[str]:
        """Locks at the database or above it, as `name (level) at scope`."""
        from azure.core.rest import HttpRequest

        url = f"/subscriptions/{place.subscription}/providers/Microsoft.Authorization/locks?api-version={_LOCKS}"
        client = self._clients.sql(place.subscription)
        listed: list[dict[str, Any]] = []
        with azure_errors(f"listing the locks of subscription {place.subscription}"):
            while url:
                response = client.send_request(HttpRequest("GET", url))
                response.raise_for_status()
                page = response.json()
                listed += page.get("value") or []
                url = page.get("nextLink") or ""
        target, found = f"{str(place).lower()}/", []
        for lock in listed:
            scope = str(lock.get("id", ""))[: str(lock.get("id", "")).lower().rfind(_LOCK_MARK)]
            if scope and target.startswith(f"{scope.lower()}/"):
                level = (lock.get("properties") or {}).get("level", "")
                found.append(f"{lock.get('name')} ({level}) at {scope}")
        return found

    def create(self, plan: RestorePlan, tags: Mapping[str, str], people_s: Mapping[str, str]) -> str:
        """Asks for the empty database, with our tags and those of people; the address of the operation, empty where it is
        there already.

        Repeated, the one that carries our tags is the one that was asked for. Raises NameTaken where something else
        has the name, and what Azure refuses.
        """
        place = _parsed(plan.temporary_id)

        def is_there() -> bool:
            found = self.find(plan.temporary_id)
            if found is not None and not marks.carries(found.tags, tags):
                raise NameTaken(
                    f"{plan.target.name}/{plan.temporary} exists and does not carry the tags of this session"
                )
            return found is not None

        if is_there():
            return ""
        operation = OperationAddress()
        databases = self._databases(place)
        start_or_find(
            lambda: databases.begin_create_or_update(
                place.resource_group,
                *place.names,
                _body(plan, {**people_s, **tags}),
                polling=False,
                raw_response_hook=operation,
            ),
            is_there,
            f"making {plan.target.name}/{plan.temporary}",
        )
        return operation.url

    def drop(self, resource_id: str, must: Mapping[str, str]) -> bool:
        """Asks Azure to drop a database that a restore made; False where there is none.

        Raises NameTaken, and drops nothing, unless its name is a temporary one and its tags are those of `must`.
        """
        place, found = _parsed(resource_id), self.find(resource_id)
        if found is None:
            return False
        ours = marks.is_marked(found.tags, "restore") and must and marks.carries(found.tags, must)
        if not ours or not is_temporary(place.name, found.tags.get(marks.SESSION, "")):
            raise NameTaken(f"{resource_id} is not dropped: it is not the database that this restore made")
        self._delete(place)
        return True

    def discard(self, resource_id: str) -> bool:
        """Deletes what a restore kept, on a person's word; False where there is none. Raises NameTaken for anything else."""
        place, found = _parsed(resource_id), self.find(resource_id)
        if found is None:
            return False
        if not any(marks.is_marked(found.tags, kind, self._clients.settings.installation) for kind in _KEPT):
            raise NameTaken(f"{resource_id} is not deleted: no restore of this installation left it")
        self._delete(place)
        return True

    def rename(self, resource_id: str, name: str) -> None:
        """Gives a SQL database another name on its server. Raises NameTaken for a taken name, Conflict while it is busy."""
        from azure.core.exceptions import AzureError
        from azure.mgmt.sql.models import ResourceMoveDefinition

        place = _parsed(resource_id)
        target = f"{resource_id.rpartition('/')[0]}/{name}"
        try:
            self._clients.sql(place.subscription).databases.rename(
                place.resource_group, place.names[0], place.name, ResourceMoveDefinition(id=target)
            )
        except AzureError as error:
            failure = failure_of(error)
            doing = f"renaming {place.names[0]}/{place.name} to {name}"
            if failure.kind is FailureKind.NAME_TAKEN and self.find(target) is None:
                raise Conflict(f"{doing}: the name is not free yet") from None
            raise to_error(failure, doing) from None

    def tag(self, resource_id: str, tags: Mapping[str, str]) -> None:
        """Replaces the tags of a database."""
        place = _parsed(resource_id)
        with azure_errors(f"tagging {place.names[0]}/{place.name}"):
            self._databases(place).begin_update(place.resource_group, *place.names, {"tags": dict(tags)}, polling=False)

    def made(self) -> Iterator[Kept]:
        """Everything that restores of this installation made or moved and that still carries their mark."""
        for source in self._discovery.all():
            kind = next(
                (k for k in _KEPT if marks.is_marked(source.tags, k, self._clients.settings.installation)), None
            )
            if kind is not None:
                yield Kept(
                    resource_id=source.resource_id,
                    name=source.name,
                    kind=kind,
                    session=source.tags.get(marks.SESSION, ""),
                    expires_at=marks.expiry(source.tags),
                    tags=source.tags,
                )

    def _delete(self, place: ResourceId) -> None:
        with azure_errors(f"dropping {place.names[0]}/{place.name}"):
            self._databases(place).begin_delete(place.resource_group, *place.names, polling=False)

    def _databases(self, of: ResourceId) -> Any:
        client = self._clients.sql(of.subscription)
        return client.managed_databases if of.is_type(f"{INSTANCES}/databases") else client.databases


_KEPT: tuple[marks.Kind, ...] = ("restore", "restore-differs", "replaced")


def _body(plan: RestorePlan, tags: Mapping[str, str]) -> dict[str, object]:
    properties: dict[str, object] = {}
    body: dict[str, object] = {"location": plan.target.region, "tags": dict(tags), "properties": properties}
    if plan.collation:
        properties["collation"] = plan.collation
    if plan.managed:
        return body
    if plan.pool:
        properties["elasticPoolId"] = plan.pool
    elif plan.sku:
        body["sku"] = sku_of(plan.sku)
    if plan.max_size_bytes is not None:
        properties["maxSizeBytes"] = plan.max_size_bytes
    if plan.redundancy:
        properties["requestedBackupStorageRedundancy"] = plan.redundancy
    return body


def _parsed(resource_id: str) -> ResourceId:
    try:
        place = ResourceId.parse(resource_id)
    except ValueError as error:
        raise InvalidInput(str(error)) from None
    if not place.is_type(f"{SERVERS}/databases") and not place.is_type(f"{INSTANCES}/databases"):
        raise InvalidInput(f"{resource_id} is not the id of a database")
    return place

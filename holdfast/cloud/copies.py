"""Staging copies of SQL databases: create mode Copy to the staging server, watched by looking at the copy itself.

Nothing waits for the long-running operation: an activity may die at any moment, and the resource says all that the
operation would. Evidence for the shapes: recorded exchanges of azure-cli and azure-powershell (docs/never-run-on-azure).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from holdfast.cloud.clients import Clients
from holdfast.cloud.copy_state import CopyState, StartedCopy
from holdfast.cloud.failures import FailureKind, azure_errors, failure_of, to_error
from holdfast.cloud.ownership import check_ours, found_or_none, ours_or_taken, start_or_find
from holdfast.cloud.pooled_sku import standalone_sku
from holdfast.model.plan import StagingServer
from holdfast.model.source import ResourceId, Source

if TYPE_CHECKING:
    from azure.mgmt.sql.models import Database
    from azure.mgmt.sql.operations import DatabasesOperations

_READY = {"online", "paused", "pausing", "resuming", "autoclosed", "scaling"}
_BROKEN = {
    "suspect",
    "offline",
    "inaccessible",
    "emergencymode",
    "disabled",
    "shutdown",
    "recoverypending",
    "offlinesecondary",
    "stopped",
}


def _status(database: Database) -> str:
    return str(database.properties.status or "") if database.properties else ""


class DatabaseCopies:
    """Copies on logical servers."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def start(self, source: Source, staging: StagingServer, name: str, tags: Mapping[str, str]) -> StartedCopy:
        """Asks for a copy; see `SqlServers.start_copy`."""
        target = ResourceId.parse(f"{staging.resource_id}/databases/{name}")
        if self._is_there(target, tags):
            return StartedCopy(str(target))
        origin = ResourceId.parse(source.resource_id)
        with azure_errors(f"reading {source.name}"):
            original = self._databases(origin).get(origin.resource_group, origin.names[0], origin.name)
        body: dict[str, object] = {
            "location": staging.region,
            "tags": dict(tags),
            "properties": {"createMode": "Copy", "sourceDatabaseId": source.resource_id},
        }
        sku = standalone_sku(original)
        if sku is not None:
            body["sku"] = sku
        start_or_find(
            lambda: self._databases(target).begin_create_or_update(
                target.resource_group, target.names[0], target.name, body, polling=False
            ),
            lambda: self._is_there(target, tags),
            f"copying {source.name} to {staging.name}/{name}",
        )
        return StartedCopy(str(target))

    def state(self, copy: ResourceId) -> CopyState:
        """How far the copy is."""
        found = self.find(copy)
        reason = self._reason(copy) if found is None or _status(found).lower() not in _READY else ""
        if found is None:
            return CopyState("absent", reason)
        status, tags = _status(found), dict(found.tags or {})
        if status.lower() in _READY:
            return CopyState("ready", status, copy.name, tags)
        if status.lower() in _BROKEN or reason:
            return CopyState("failed", reason or f"its status is {status}", copy.name, tags)
        return CopyState("creating", status, copy.name, tags)

    def find(self, copy: ResourceId) -> Database | None:
        """The database, or None."""
        with azure_errors(f"looking at {copy.names[0]}/{copy.name}"):
            return found_or_none(lambda: self._databases(copy).get(copy.resource_group, copy.names[0], copy.name))

    def drop(self, copy: ResourceId, must: Mapping[str, str]) -> bool:
        """Drops the copy if it is the one; see `SqlServers.drop_copy`."""
        found = self.find(copy)
        if found is None:
            return False
        check_ours(copy, found.id, found.tags, must)
        with azure_errors(f"dropping {copy.names[0]}/{copy.name}"):
            self._databases(copy).begin_delete(copy.resource_group, copy.names[0], copy.name, polling=False)
        return True

    def _is_there(self, target: ResourceId, tags: Mapping[str, str]) -> bool:
        found = self.find(target)
        return found is not None and ours_or_taken(target, found.tags, tags)

    def _reason(self, copy: ResourceId) -> str:
        """Why the last operation on the copy failed, or "". Azure lists operations only while it knows the database."""
        from azure.core.exceptions import AzureError

        client = self._clients.sql(copy.subscription).database_operations
        try:
            listed = list(client.list_by_database(copy.resource_group, copy.names[0], copy.name))
        except AzureError as error:
            failure = failure_of(error)
            if failure.kind in (FailureKind.NOT_FOUND, FailureKind.RIGHTS, FailureKind.INVALID):
                return ""  # the state of the copy itself is known; this would only have said more
            raise to_error(failure, f"reading the operations on {copy.names[0]}/{copy.name}") from None
        ended = [o.properties for o in listed if o.properties is not None]
        failed = [p for p in ended if str(p.state or "").lower() in ("failed", "cancelled")]
        if not failed:
            return ""
        last = failed[-1]
        return ": ".join(str(part) for part in (last.error_code, last.error_description) if part) or "it failed"

    def _databases(self, of: ResourceId) -> DatabasesOperations:
        return self._clients.sql(of.subscription).databases

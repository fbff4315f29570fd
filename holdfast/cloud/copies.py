"""Staging copies of SQL databases: create mode Copy to the staging server, watched by looking at the copy itself.

Nothing waits for the long-running operation: an activity may die at any moment, and the resource says all that the
operation would. Evidence for the shapes: recorded exchanges of azure-cli and azure-powershell (docs/never-run-on-azure).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from holdfast.cloud.clients import Clients
from holdfast.cloud.copy_state import CopyState, StartedCopy, unready
from holdfast.cloud.failures import Failure, azure_errors, kind_of
from holdfast.cloud.operations import OperationAddress, failure_behind
from holdfast.cloud.ownership import check_ours, found_or_none, ours_or_taken, start_or_find
from holdfast.cloud.pooled_sku import standalone_sku
from holdfast.cloud.sdk_words import word
from holdfast.model.plan import StagingServer
from holdfast.model.source import ResourceId, Source

if TYPE_CHECKING:
    from azure.mgmt.sql.models import Database
    from azure.mgmt.sql.operations import DatabasesOperations

_READY = {"online", "paused", "pausing", "resuming", "autoclosed", "scaling"}


def _status(database: Database) -> str:
    return word(database.properties.status) if database.properties else ""


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
        operation = OperationAddress()
        start_or_find(
            lambda: self._databases(target).begin_create_or_update(
                target.resource_group, target.names[0], target.name, body, polling=False, raw_response_hook=operation
            ),
            lambda: self._is_there(target, tags),
            f"copying {source.name} to {staging.name}/{name}",
        )
        return StartedCopy(str(target), operation.url)

    def state(self, copy: ResourceId, operation: str) -> CopyState:
        """How far the copy is; see `SqlServers.copy_state`."""
        found = self.find(copy)
        status = _status(found) if found is not None else ""
        if found is not None and status.lower() in _READY:
            return CopyState("ready", status, copy.name, dict(found.tags or {}))
        client = self._clients.sql(copy.subscription)
        failure = failure_behind(client, operation, self._clients.settings.arm_endpoint)
        if found is not None and failure is None:
            failure = self._failed_operation(copy)
        return unready(found is not None, status, failure, copy, found and found.tags)

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

    def _failed_operation(self, copy: ResourceId) -> Failure | None:
        """How the last operation on the copy failed, from Azure's list of them; None where none did."""
        from azure.core.exceptions import AzureError

        client = self._clients.sql(copy.subscription).database_operations
        try:
            listed = list(client.list_by_database(copy.resource_group, copy.names[0], copy.name))
        except AzureError:
            return None  # the state of the copy itself is known; this would only have said more
        ended = [o.properties for o in listed if o.properties is not None]
        failed = [p for p in ended if str(p.state or "").lower() in ("failed", "cancelled")]
        if not failed:
            return None
        code, message = str(failed[-1].error_code or ""), failed[-1].error_description or "the operation failed"
        return Failure(kind_of(code, message), code, message, 200)

    def _databases(self, of: ResourceId) -> DatabasesOperations:
        return self._clients.sql(of.subscription).databases

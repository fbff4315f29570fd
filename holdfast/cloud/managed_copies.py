"""Staging copies of instance databases: a point-in-time restore, as near to now as there is, to the staging instance.

The copy stands beside databases of people, so a drop asks for name, recorded id and mark (`ownership.check_ours`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from holdfast.cloud.clients import Clients
from holdfast.cloud.copy_state import CopyState, StartedCopy, unready
from holdfast.cloud.failures import azure_errors
from holdfast.cloud.operations import OperationAddress, failure_behind
from holdfast.cloud.ownership import check_ours, found_or_none, ours_or_taken, start_or_find
from holdfast.cloud.sdk_words import word
from holdfast.model.clock import Clock, iso
from holdfast.model.errors import StagingFailed, StagingServerUnusable
from holdfast.model.plan import StagingServer
from holdfast.model.source import ResourceId, Source

if TYPE_CHECKING:
    from azure.mgmt.sql.models import ManagedDatabase
    from azure.mgmt.sql.operations import ManagedDatabasesOperations

#: How far behind our clock the restored moment lies: Azure refuses one that is in its own future, and clocks differ a
#: little. Recorded restores asked for a moment 6 s before the request, and Azure waited for the log by itself.
MARGIN = timedelta(seconds=1)

_READY = {"online"}


class ManagedCopies:
    """Restored copies on managed instances."""

    def __init__(self, clients: Clients, clock: Clock) -> None:
        self._clients, self._clock = clients, clock

    def start(self, source: Source, staging: StagingServer, name: str, tags: Mapping[str, str]) -> StartedCopy:
        """Asks for a restore; see `SqlServers.start_copy`."""
        target = ResourceId.parse(f"{staging.resource_id}/databases/{name}")
        origin = ResourceId.parse(source.resource_id)
        if origin.subscription.lower() != target.subscription.lower() or source.region != staging.region:
            raise StagingServerUnusable(
                f"{source.name} cannot be restored to {staging.name}: Azure restores within one subscription and region",
                help="Name a staging instance in the subscription and region of the source in the policy.",
            )
        if self._is_there(target, tags):
            return StartedCopy(str(target))
        moment = self._moment(source, origin)
        body: dict[str, object] = {
            "location": staging.region,
            "tags": dict(tags),
            "properties": {
                "createMode": "PointInTimeRestore",
                "sourceDatabaseId": source.resource_id,
                "restorePointInTime": iso(moment),
            },
        }
        operation = OperationAddress()
        start_or_find(
            lambda: self._databases(target).begin_create_or_update(
                target.resource_group, target.names[0], target.name, body, polling=False, raw_response_hook=operation
            ),
            lambda: self._is_there(target, tags),
            f"restoring {source.name} to {staging.name}/{name}",
        )
        return StartedCopy(str(target), operation.url, moment)

    def state(self, copy: ResourceId, operation: str) -> CopyState:
        """How far the restore is; see `SqlServers.copy_state`."""
        found = self.find(copy)
        status = _status(found) if found is not None else ""
        if found is not None and status.lower() in _READY:
            return CopyState("ready", status, copy.name, dict(found.tags or {}))
        client = self._clients.sql(copy.subscription)
        failure = failure_behind(client, operation, self._clients.settings.arm_endpoint)
        return unready(found is not None, status, failure, copy, found and found.tags)

    def find(self, copy: ResourceId) -> ManagedDatabase | None:
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

    def _moment(self, source: Source, origin: ResourceId) -> datetime:
        """The latest moment that can be restored: just before now, and not before the first backup."""
        with azure_errors(f"reading {source.name}"):
            original = self._databases(origin).get(origin.resource_group, origin.names[0], origin.name)
        earliest = original.properties.earliest_restore_point if original.properties else None
        now = self._clock.now()
        if earliest is None or earliest.astimezone(UTC) > now:
            raise StagingFailed(
                f"{source.name} has no backup on its instance yet, so it cannot be restored from",
                help="A new database is first backed up some minutes after it was made; the step is tried again.",
            )
        return max(now - MARGIN, earliest.astimezone(UTC))

    def _is_there(self, target: ResourceId, tags: Mapping[str, str]) -> bool:
        found = self.find(target)
        return found is not None and ours_or_taken(target, found.tags, tags)

    def _databases(self, of: ResourceId) -> ManagedDatabasesOperations:
        return self._clients.sql(of.subscription).managed_databases


def _status(database: ManagedDatabase) -> str:
    return word(database.properties.status) if database.properties else ""

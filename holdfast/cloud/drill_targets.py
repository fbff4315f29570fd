"""The databases that drills leave when they are done: dropped by name and session, and nothing else ever."""

from __future__ import annotations

from typing import Any

from holdfast.cloud import tags as marks
from holdfast.cloud.clients import Clients
from holdfast.cloud.discovery import INSTANCES, SERVERS
from holdfast.cloud.failures import azure_errors
from holdfast.cloud.ownership import found_or_none
from holdfast.model.drill import DRILL_PREFIX
from holdfast.model.errors import InvalidInput, NameTaken
from holdfast.model.source import ResourceId


class DrillTargets:
    """Databases on servers and instances, by their resource ids."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def remove(self, resource_id: str, restore: str) -> bool:
        """Asks Azure to drop what the restore of that session made for a drill; False where there is nothing.

        Called again until it is gone. Raises NameTaken, and drops nothing, unless the name is a drill's and the tags name
        that session; Forbidden, Unavailable.
        """
        place = ResourceId.parse(resource_id)
        if not any(place.is_type(f"{kind}/databases") for kind in (SERVERS, INSTANCES)):
            raise InvalidInput(f"{resource_id} is not the id of a database")
        with azure_errors(f"looking at {place.names[0]}/{place.name}"):
            shown: Any = found_or_none(lambda: self._databases(place).get(place.resource_group, *place.names))
        if shown is None:
            return False
        tags = dict(shown.tags or {})
        if not place.name.startswith(DRILL_PREFIX) or not restore or tags.get(marks.SESSION) != restore:
            raise NameTaken(f"{place.names[0]}/{place.name} is not dropped: it is not what the drill restored")
        with azure_errors(f"dropping {place.names[0]}/{place.name}"):
            self._databases(place).begin_delete(place.resource_group, *place.names, polling=False)
        return True

    def _databases(self, of: ResourceId) -> Any:
        client = self._clients.sql(of.subscription)
        return client.managed_databases if of.is_type(f"{INSTANCES}/databases") else client.databases

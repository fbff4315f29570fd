"""How much data a SQL database holds, as the control plane measures it. Managed Instance has no such list."""

from __future__ import annotations

from holdfast.cloud.clients import Clients
from holdfast.cloud.failures import azure_errors
from holdfast.cloud.ownership import found_or_none
from holdfast.model.source import ResourceId, Source, SourceKind

_USED = "database_size"


def used_bytes(clients: Clients, source: Source) -> int | None:
    """Bytes of data, or None where Azure does not say. Raises Forbidden and Unavailable."""
    if source.kind is not SourceKind.SQL_DATABASE:
        return None
    place = ResourceId.parse(source.resource_id)
    usages = clients.sql(place.subscription).database_usages
    with azure_errors(f"reading the size of {source.name}"):
        found = found_or_none(lambda: list(usages.list_by_database(place.resource_group, place.names[0], place.name)))
    for usage in found or ():
        if usage.name == _USED and usage.properties is not None and usage.properties.current_value is not None:
            return int(usage.properties.current_value)
    return None

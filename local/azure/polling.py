"""Addresses of long-running operations: Azure-AsyncOperation and Location."""

from __future__ import annotations

from local.azure import managed_databases, sql_databases, sql_servers
from local.azure.operation_kinds import KINDS
from local.azure.operations import Operation
from local.azure.refusals import missing_right
from local.azure.replies import Reply
from local.azure.store import Json
from local.azure.world import Ask, World, action_of, route


def poll(world: World, ask: Ask) -> Reply:
    """Progress of an operation, or its result where the address is Location's."""
    operation = world.operations.found_by(ask.address.name, ask.path, dict(ask.query))
    if operation.kind.style == "sql":
        # Rights below `locations` are asked for: a role that lacks them can start a copy and never watch it.
        action = action_of("GET", ask.address)
        if not world.rights.allowed(ask.claims.principal_id, action, ask.path):
            raise missing_right(ask.claims.principal_id, action, ask.path)
    word = ask.address.words[-2].lower()
    if "monitor" in ask.query or word != operation.kind.poll_word.lower():
        return world.operations.result(operation, world.now(), ask.origin, _result(world, operation))
    return world.operations.poll(operation, world.now())


def _result(world: World, operation: Operation) -> Json | None:
    found = world.store.get(operation.target)
    if found is None:
        return None
    if found.type == managed_databases.DATABASES:
        return managed_databases.shown(world, found)
    return sql_databases.shown(found) if found.type == sql_databases.DATABASES else sql_servers.shown(found)


_PROVIDERS = {
    "sql": "Microsoft.Sql",
    "vm": "Microsoft.Compute",
    "disk": "Microsoft.Compute",
    "nic": "Microsoft.Network",
}
for _kind in KINDS.values():
    for _word in (_kind.poll_word, _kind.result_word):
        if _word not in ("", "monitor"):
            route("GET", f"{_PROVIDERS[_kind.style]}/locations/{_word}")(poll)

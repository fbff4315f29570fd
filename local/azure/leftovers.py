"""What of ours lies about: the rules behind `holdfast local resources`.

A copy, machine, disk or card that carries our tags (or was made by something that carried them) is a leftover as soon as
its session does not run any more. A pooled worker, deallocated, with its disk and card, is none until its idle time ends.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from local.azure.managed_databases import DATABASES as MANAGED_DATABASES
from local.azure.sql_databases import DATABASES as SQL_DATABASES
from local.azure.store import Json, Resource
from local.azure.virtual_machines import VMS
from local.azure.vm_parts import CARDS, DISKS
from local.azure.world import World

_SESSION = "holdfast-session"
_MARK = "holdfast"


def resources(world: World, running: Collection[str], in_use: Collection[str], idle: timedelta) -> list[Json]:
    """All copies, machines, disks and cards, oldest first.

    `running` are the ids of sessions that run, `in_use` the names of workers that a running session has been lent,
    `idle` how long a deallocated worker may stay.
    """
    machines = {vm.id.lower(): vm for vm in world.store.find(VMS)}
    pooled = {key for key, vm in machines.items() if _is_pooled(world, vm, in_use, idle)}
    found = []
    copies = [
        database
        for type_ in (SQL_DATABASES, MANAGED_DATABASES)
        for database in world.store.find(type_)
        if database.private.get("copy") or database.tags.get("holdfast-kind") in ("copy", "restore")
    ]
    for resource in (*copies, *machines.values(), *world.store.find(DISKS), *world.store.find(CARDS)):
        tags = resource.tags if _MARK in resource.tags else resource.private.get("session_tags") or {}
        owner = resource.id if resource.type == VMS else _owner(resource)
        session = tags.get(_SESSION)
        kept = session in running or owner.lower() in pooled
        found.append(
            {
                "id": resource.id,
                "type": resource.type,
                "name": resource.name,
                "region": resource.location,
                "power_state": resource.private.get("power") if resource.type == VMS else None,
                "session": session,
                "leftover": _MARK in tags and not kept,
            }
        )
    return found


def _owner(resource: Resource) -> str:
    """The machine that has this disk or card now; empty if none has."""
    card = (resource.document.get("properties") or {}).get("virtualMachine") or {}
    return str(resource.document.get("managedBy") or card.get("id") or "")


def _is_pooled(world: World, vm: Resource, in_use: Collection[str], idle: timedelta) -> bool:
    if vm.name in in_use:
        return True
    since = float(vm.private.get("power_since", 0))
    waiting = vm.private.get("power") in ("deallocated", "deallocating")
    return waiting and vm.properties["provisioningState"] != "Deleting" and world.now() - since <= idle.total_seconds()

"""Puts things into the world at once that Azure would take minutes or hours for, or that nobody may create there."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from holdfast.model.errors import InvalidInput
from local.azure import contents, disks_and_network, managed_databases, sql_databases, sql_servers
from local.azure.addresses import Address, parse_resource
from local.azure.sql_data import new_database
from local.azure.sql_servers import INSTANCES, SERVERS
from local.azure.store import Json, Resource
from local.azure.subscriptions import ensure_group
from local.azure.vm_requests import IDENTITIES
from local.azure.world import World

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
"""The subscription of everything that does not name another."""

_AGE = timedelta(days=1)
"""How old a loaded database claims to be: an instance's must have a backup before it can be restored."""
_SINCE = timedelta(minutes=15)
"""From when on a loaded content counts: restoring to a moment shortly before the load still finds it."""


class Load(BaseModel):
    """A database to make or replace."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Path
    server: str = Field(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9-]+$")
    database: str = Field(min_length=1, max_length=128)
    managed: bool = False
    region: str = "westeurope"
    subscription: str = SUBSCRIPTION
    resource_group: str = "holdfast"
    tags: dict[str, str] | None = None
    created_at: AwareDatetime | None = Field(default=None, description="default: a day ago; kept when replaced")
    effective_at: AwareDatetime | None = Field(default=None, description="default: a quarter of an hour ago")


class Placement(BaseModel):
    """Any resource, put there as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    location: str = "westeurope"
    tags: dict[str, str] = Field(default_factory=dict)
    sku: Json | None = None
    properties: Json = Field(default_factory=dict)


class Identity(BaseModel):
    """A user-assigned identity and its roles."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    subscription: str = SUBSCRIPTION
    resource_group: str = "holdfast"
    region: str = "westeurope"
    app: bool = Field(default=False, description="assigned to the Functions app: its identity endpoint grants it")
    roles: list[tuple[str, str]] = Field(default_factory=list, description="[role, scope] pairs; `/` is everything")


async def load(world: World, given: Load) -> Json:
    """Makes or replaces an emulated database. Raises BadBacpac, InvalidInput."""
    if not await asyncio.to_thread(given.file.is_file):
        raise InvalidInput(f"there is no file {given.file}")
    # On a thread: requests of everybody else go on while a large file is read.
    sha256 = await asyncio.to_thread(contents.take_in, world.folder, given.file)
    now = world.now()
    with world.store.transaction():
        server = _server(world, given)
        created = given.created_at.timestamp() if given.created_at else now - _AGE.total_seconds()
        found = world.store.get(f"{server.id}/databases/{given.database}")
        if found is None:
            try:
                found = new_database(server, given.database, created)
            except ValueError as error:
                raise InvalidInput(str(error)) from error
        if given.tags is not None:
            found.document["tags"] = given.tags
        since = given.effective_at.timestamp() if given.effective_at else now - _SINCE.total_seconds()
        contents.set_content(found, sha256, since)
        world.store.put(found)
        world.store.forget("dropped", found.id)
    return {"id": found.id, "sha256": sha256, "host": server.properties["fullyQualifiedDomainName"]}


def _server(world: World, given: Load) -> Resource:
    """The server or instance of that name, wherever it is; names of servers are unique in Azure."""
    for type_ in (SERVERS, INSTANCES):
        for known in world.store.find(type_):
            if known.name.lower() == given.server.lower():
                if (type_ == INSTANCES) != given.managed:
                    found, other = ("managed instance", "with") if type_ == INSTANCES else ("server", "without")
                    raise InvalidInput(
                        f"{given.server} is a {found}", help=f"Load the database {other} --managed-instance."
                    )
                return known
    ensure_group(world, given.subscription, given.resource_group, given.region)
    group = f"/subscriptions/{given.subscription}/resourceGroups/{given.resource_group}"
    return place(
        world,
        Placement(
            id=f"{group}/providers/{INSTANCES if given.managed else SERVERS}/{given.server}", location=given.region
        ),
    )


def place(world: World, given: Placement) -> Resource:
    """Puts a resource into the world, ready. One that exists is changed. Raises InvalidInput."""
    address = parse_resource(given.id)
    if address is None or not address.group:
        raise InvalidInput(f"{given.id} is not a resource id in a resource group")
    ensure_group(world, address.subscription, address.group, given.location)
    known = world.store.get(given.id)
    if known is not None:
        if given.tags:
            known.document["tags"] = given.tags
        known.properties.update(given.properties)
        world.store.put(known)
        return known
    body: Json = {"location": given.location, "tags": given.tags, "sku": given.sku, "properties": given.properties}
    made = _make(world, address, given.location, {key: value for key, value in body.items() if value})
    world.store.put(made)
    return made


def _make(world: World, address: Address, location: str, body: Json) -> Resource:
    kind, now = address.type, world.now()
    if kind == SERVERS.lower():
        return sql_servers.add_server(world, address, location, body)
    if kind == INSTANCES.lower():
        return sql_servers.make_instance(address, location, body, now)
    if kind in (sql_databases.DATABASES.lower(), managed_databases.DATABASES.lower()):
        if world.store.get(address.parent.path) is None:
            raise InvalidInput(f"there is no {address.parent.path}")
        if kind == sql_databases.DATABASES.lower():
            return sql_databases.make_database(address, location, body, now)
        return managed_databases.make_database(address, location, body, now)
    if kind == disks_and_network.NETWORKS.lower():
        return disks_and_network.add_network(world, address, location, body)
    document = {"location": location, **body}
    document["properties"] = {"provisioningState": "Succeeded", **(body.get("properties") or {})}
    return Resource(address.path, "/".join((address.provider, *address.words[0::2])), document)


def add_identity(world: World, given: Identity) -> Json:
    """Makes an identity (or finds it) and gives it its roles. Raises InvalidInput for a role that is not defined."""
    group = f"/subscriptions/{given.subscription}/resourceGroups/{given.resource_group}"
    ensure_group(world, given.subscription, given.resource_group, given.region)
    identity_id = f"{group}/providers/{IDENTITIES}/{given.name}"
    found = world.store.get(identity_id)
    if found is None:
        properties = {"principalId": str(uuid.uuid4()), "clientId": str(uuid.uuid4())}
        found = Resource(identity_id, IDENTITIES, {"location": given.region, "properties": properties})
    found.private["app"] = given.app
    world.store.put(found)
    for role, scope in given.roles:
        assign(world, found.properties["principalId"], role, scope)
    return {
        "id": found.id,
        "principal_id": found.properties["principalId"],
        "client_id": found.properties["clientId"],
        "app": given.app,
    }


def assign(world: World, principal_id: str, role: str, scope: str) -> str:
    """Gives a role; returns the assignment's id. Raises InvalidInput for a role that is not defined."""
    try:
        return world.rights.assign(principal_id, role, scope).id
    except KeyError as error:
        raise InvalidInput(f"there is no role {role!r}") from error

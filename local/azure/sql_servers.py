"""Microsoft.Sql: logical servers and managed instances."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from local.azure import operation_kinds as kinds
from local.azure.addresses import Address
from local.azure.evidence import RECORDED
from local.azure.listing import page, readable
from local.azure.operations import Operation
from local.azure.refusals import front_404, invalid
from local.azure.replies import Reply, sql_time
from local.azure.store import Json, Resource
from local.azure.world import Ask, World, effect, route

SERVERS = "Microsoft.Sql/servers"
INSTANCES = "Microsoft.Sql/managedInstances"

_SERVER = RECORDED("SQL server: GET", "azure-cli sql/test_sql_db_copy.yaml@f66c4d45")
_MI_GET = "azure-cli sql/test_sql_midb_cross_subscription_move_copy.yaml@f26362c3"
_INSTANCE = RECORDED(
    "managed instance: GET",
    _MI_GET,
    guessed="a few fields are left out",
)


def make_server(address: Address, location: str, body: Json) -> Resource:
    """A new logical server, ready."""
    given = body.get("properties") or {}
    document: Json = {
        "kind": "v12.0",
        "properties": {
            "administratorLogin": given.get("administratorLogin", "cloudadmin"),
            "version": "12.0",
            "state": "Ready",
            "fullyQualifiedDomainName": f"{address.name.lower()}.database.windows.net",
            "privateEndpointConnections": [],
            "publicNetworkAccess": given.get("publicNetworkAccess", "Enabled"),
            "restrictOutboundNetworkAccess": "Disabled",
        },
        "location": location,
    }
    if body.get("tags"):
        document["tags"] = body["tags"]
    return Resource(address.path, SERVERS, document)


def make_master(server: Resource, now: float) -> Resource:
    """The system database that every logical server has."""
    sku = {"name": "System", "tier": "System", "capacity": 0}
    document: Json = {
        "sku": sku,
        "kind": "v12.0,system",
        "properties": {
            "collation": "SQL_Latin1_General_CP1_CI_AS",
            "maxSizeBytes": 32212254720,
            "status": "Online",
            "databaseId": str(uuid.uuid4()),
            "creationDate": sql_time(now),
            "currentServiceObjectiveName": "System0",
            "requestedServiceObjectiveName": "System0",
            "currentSku": sku,
        },
        "location": server.location,
    }
    return Resource(f"{server.id}/databases/master", "Microsoft.Sql/servers/databases", document, {"system": True})


def make_instance(address: Address, location: str, body: Json, now: float) -> Resource:
    """A new managed instance, ready."""
    given = body.get("properties") or {}
    zone = hashlib.sha256(address.path.lower().encode()).hexdigest()[:12]
    properties: dict[str, Any] = {
        "provisioningState": "Succeeded",
        "fullyQualifiedDomainName": f"{address.name.lower()}.{zone}.database.windows.net",
        "isGeneralPurposeV2": False,
        "administratorLogin": given.get("administratorLogin", "cloudadmin"),
        "subnetId": given.get("subnetId", ""),
        "state": "Ready",
        "licenseType": "LicenseIncluded",
        "vCores": given.get("vCores", 8),
        "storageSizeInGB": given.get("storageSizeInGB", 256),
        "collation": given.get("collation", "SQL_Latin1_General_CP1_CI_AS"),
        "dnsZone": zone,
        "publicDataEndpointEnabled": False,
        "proxyOverride": "Redirect",
        "timezoneId": "UTC",
        "privateEndpointConnections": [],
        "minimalTlsVersion": "1.2",
        "currentBackupStorageRedundancy": "Geo",
        "requestedBackupStorageRedundancy": "Geo",
        "zoneRedundant": False,
        "createTime": sql_time(now),
        "databaseFormat": "SQLServer2022",
    }
    document = {
        "sku": body.get("sku") or {"name": "GP_Gen5", "tier": "GeneralPurpose", "family": "Gen5", "capacity": 8},
        "properties": properties,
        "location": location,
        "tags": body.get("tags") or {},
    }
    return Resource(address.path, INSTANCES, document)


def shown(resource: Resource) -> Json:
    """What GET shows."""
    return {**resource.document, "id": resource.id, "name": resource.name, "type": resource.type}


def _list(world: World, ask: Ask, type_: str) -> Reply:
    found = world.store.find(type_, ask.address.scope)
    return page(world, ask, [shown(r) for r in readable(world, ask, found)])


@route("GET", f"{SERVERS}/*")
def list_servers(world: World, ask: Ask) -> Reply:
    """Servers of a subscription or a resource group."""
    return _list(world, ask, SERVERS)


@route("GET", f"{INSTANCES}/*")
def list_instances(world: World, ask: Ask) -> Reply:
    """Managed instances of a subscription or a resource group."""
    return _list(world, ask, INSTANCES)


@route("GET", SERVERS)
def get_server(world: World, ask: Ask) -> Reply:
    """One server."""
    found = world.store.get(ask.path)
    if found is None:
        raise front_404(ask.address)
    return Reply(_SERVER, 200, shown(found))


@route("GET", INSTANCES)
def get_instance(world: World, ask: Ask) -> Reply:
    """One managed instance."""
    found = world.store.get(ask.path)
    if found is None:
        raise front_404(ask.address)
    return Reply(_INSTANCE, 200, shown(found))


@route("PUT", SERVERS)
def put_server(world: World, ask: Ask) -> Reply:
    """Makes or changes a server."""
    found = world.store.get(ask.path)
    region = ask.body.get("location") or (found.location if found else "")
    if not region:
        raise invalid("LocationRequired", "The location property is required for this definition.")
    if found:
        found.document["tags"] = ask.body.get("tags") or found.tags
        world.store.put(found)
    operation = world.begin(ask, kinds.SERVER_PUT, ask.path, region, "server-ready", arguments={"body": ask.body})
    return world.accepted(ask, operation)


@effect("server-ready")
def server_ready(world: World, operation: Operation) -> None:
    """The server and its master database exist from now on."""
    address = Address.parse(operation.target)
    if operation.error or address is None or world.store.get(operation.target):
        return
    body = operation.arguments["body"]
    add_server(world, address, body["location"], body)


def add_server(world: World, address: Address, location: str, body: Json) -> Resource:
    """Puts a ready server and its master database into the world at once."""
    server = make_server(address, location, body)
    world.store.put(server)
    world.store.put(make_master(server, world.now()))
    return server


@route("PUT", INSTANCES)
def put_instance(world: World, ask: Ask) -> Reply:
    """Makes or changes a managed instance."""
    region = ask.body.get("location", "")
    if not region:
        raise invalid("LocationRequired", "The location property is required for this definition.")
    found = world.store.get(ask.path)
    if found is None:
        found = make_instance(ask.address, region, ask.body, world.now())
        found.properties.update(provisioningState="Creating", state="Creating")
        seconds = None
    else:
        found.document["tags"] = ask.body.get("tags") or found.tags
        seconds = 60.0
    world.store.put(found)
    operation = world.begin(ask, kinds.INSTANCE_PUT, ask.path, region, "instance-ready", seconds=seconds)
    return world.accepted(ask, operation)


@effect("instance-ready")
def instance_ready(world: World, operation: Operation) -> None:
    """The instance is ready, or failed."""
    if found := world.store.get(operation.target):
        state = ("Failed", "Failed") if operation.error else ("Succeeded", "Ready")
        found.properties.update(provisioningState=state[0], state=state[1])
        world.store.put(found)

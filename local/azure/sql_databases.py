"""Microsoft.Sql/servers/databases: list, get, create, copy, update, rename, delete."""

from __future__ import annotations

import uuid

from local.azure import contents
from local.azure import operation_kinds as kinds
from local.azure.addresses import Address, parse_resource
from local.azure.evidence import GUESS, RECORDED
from local.azure.listing import page, readable
from local.azure.operations import Operation
from local.azure.refusals import conflict, front_404, invalid, missing_linked_right, parent_404, provider_404
from local.azure.replies import Refusal, Reply, sql_time
from local.azure.store import Json, Resource
from local.azure.world import Ask, World, effect, route

DATABASES = "Microsoft.Sql/servers/databases"

_GET = RECORDED("SQL database: GET", "azure-cli sql/test_sql_db_copy.yaml@f66c4d45")
_LIST = GUESS(
    "SQL database: list with master of kind v12.0,system", "common knowledge; lists of servers were not recorded"
)
_COPYING = GUESS(
    "SQL database: a copy that is under way",
    "its creationDate is 36 s after the accept (recorded), so GET answers 404 until then and status Copying after it",
)
_GONE = GUESS(
    "SQL database: deletion of one that never was", "204 is what the SDK takes; only a second DELETE is recorded"
)
_MOVED = RECORDED("SQL database: rename answers 200 and nothing else", "azure-cli sql/test_sql_db_mgmt.yaml@9a17e519")
_NO_SOURCE = GUESS("SQL database: copy of a source that is missing", "no recording")

_NO_POOL = GUESS("SQL database: creation in a pool that is missing", "code of public issues; no recording")
_TOO_LARGE = GUESS("SQL database: a size that its tier does not hold", "code of public issues; no recording")
_REPLICATED = GUESS(
    "SQL database: rename of one with a replication link", "documentation of sp_renamedb: not possible; code is ours"
)
_MOST_BYTES = {"basic": 2 << 30, "standard": 1 << 40, "premium": 4 << 40, "generalpurpose": 4 << 40}

GUESSED_BEHAVIOUR = (
    GUESS(
        "SQL database behaviour: a copy holds the source as of the accept",
        "documentation: consistent as of a point in time after the request is initiated",
    ),
    GUESS(
        "SQL database behaviour: a copy that fails late vanishes, or stays with status Suspect",
        "not recorded; a fault chooses",
    ),
    GUESS("SQL database behaviour: copying asks for read on the source", "which right Azure asks for was not observed"),
    GUESS("SQL database behaviour: GET shows it unchanged until its deletion is through", "not recorded"),
)
"""What no reply shows and a client sees all the same; listed with the guesses."""

_APPEARS = 36.0
"""Seconds after which a copy appears (recordings.md 2.1)."""


def make_database(address: Address, location: str, body: Json, now: float) -> Resource:
    """A new database, online."""
    given = body.get("properties") or {}
    pool = given.get("elasticPoolId")
    sku = body.get("sku") or {"name": "GP_Gen5", "tier": "GeneralPurpose", "family": "Gen5", "capacity": 2}
    if pool:
        sku = {"name": "ElasticPool", "tier": sku.get("tier", "GeneralPurpose"), "capacity": 0}
    vcore = "_Gen5" in sku["name"] and "capacity" in sku
    objective = f"{sku['name']}_{sku['capacity']}" if vcore else sku["name"]
    redundancy = given.get("requestedBackupStorageRedundancy", "Geo")
    document: Json = {
        "sku": sku,
        "kind": "v12.0,user,vcore,pool" if pool else _kind(sku),
        "properties": {
            "collation": given.get("collation", "SQL_Latin1_General_CP1_CI_AS"),
            "maxSizeBytes": given.get("maxSizeBytes", 34359738368),
            **({"elasticPoolId": pool} if pool else {}),
            "status": "Online",
            "databaseId": str(uuid.uuid4()),
            "creationDate": sql_time(now),
            "currentServiceObjectiveName": objective,
            "requestedServiceObjectiveName": objective,
            "defaultSecondaryLocation": "northeurope",
            "catalogCollation": "SQL_Latin1_General_CP1_CI_AS",
            "zoneRedundant": False,
            "maxLogSizeBytes": 193273528320,
            "readScale": "Disabled",
            "currentSku": sku,
            "currentBackupStorageRedundancy": redundancy,
            "requestedBackupStorageRedundancy": redundancy,
            "isLedgerOn": False,
            "isInfraEncryptionEnabled": False,
        },
        "location": location,
    }
    if body.get("tags"):
        document["tags"] = body["tags"]
    return Resource(address.path, DATABASES, document, {"history": []})


def _kind(sku: Json) -> str:
    if sku.get("tier") == "DataWarehouse":
        return "v12.0,user,datawarehouse"
    return "v12.0,user,vcore" if "Gen5" in sku["name"] else "v12.0,user"


def shown(resource: Resource) -> Json:
    """What GET shows."""
    return {**resource.document, "id": resource.id, "name": resource.name, "type": resource.type}


def visible(world: World, resource: Resource) -> bool:
    """Whether a copy has appeared already."""
    return float(resource.private.get("appears", 0)) <= world.now()


def find(world: World, address: Address) -> Resource:
    """The database. Raises the 404 that fits."""
    found = world.store.get(address.path)
    if found is not None and visible(world, found):
        return found
    if world.store.get(address.parent.path) is None:
        raise front_404(address)
    raise provider_404(DATABASES, address.name)


@route("GET", f"{DATABASES}/*")
def list_databases(world: World, ask: Ask) -> Reply:
    """Databases of a server, `master` too."""
    if world.store.get(ask.address.parent.path) is None:
        raise front_404(ask.address.parent)
    found = [r for r in world.store.find(DATABASES, ask.address.parent.path) if visible(world, r)]
    return page(world, ask, [shown(r) for r in readable(world, ask, found)], one_page=_LIST)


@route("GET", DATABASES)
def get_database(world: World, ask: Ask) -> Reply:
    """One database."""
    found = find(world, ask.address)
    return Reply(_COPYING if found.properties["status"] == "Copying" else _GET, 200, shown(found))


@route("PUT", DATABASES)
def put_database(world: World, ask: Ask) -> Reply:
    """Creates, copies or updates, as `createMode` says."""
    server = world.store.get(ask.address.parent.path)
    if server is None:
        raise parent_404(ask.address)
    mode = (ask.body.get("properties") or {}).get("createMode", "Default")
    found = world.store.get(ask.path)
    if mode == "Copy":
        if found is not None:
            raise conflict("DatabaseAlreadyExists", f"Database '{ask.address.name}' already exists.")
        return _copy(world, ask, server)
    if mode != "Default":
        raise invalid("InvalidCreateMode", f"The emulator knows no create mode '{mode}' for a database of a server.")
    if found is not None:
        return _update(world, ask, found)
    _check_place(world, ask.body, server)
    database = make_database(ask.address, server.location, ask.body, world.now())
    database.properties["status"] = "Creating"
    world.store.put(database)
    return world.accepted(ask, world.begin(ask, kinds.DATABASE_CREATE, database.id, server.location, "database-online"))


def _check_place(world: World, body: Json, server: Resource) -> None:
    """The pool, if one is named, is there and of this server; the tier holds the size that is asked for."""
    given, sku = body.get("properties") or {}, body.get("sku") or {}
    pool = given.get("elasticPoolId")
    if pool:
        found = world.store.get(pool)
        if found is None or not pool.lower().startswith(f"{server.id}/elasticpools/".lower()):
            raise Refusal(_NO_POOL, 400, "TargetElasticPoolDoesNotExist", f"The elastic pool '{pool}' does not exist.")
    most = _MOST_BYTES.get(str(sku.get("tier", "")).lower())
    if most is not None and (given.get("maxSizeBytes") or 0) > most:
        text = f"The tier '{sku['tier']}' does not support the database max size '{given['maxSizeBytes']}'."
        raise Refusal(_TOO_LARGE, 400, "InvalidMaxSizeTierCombination", text)


def _copy(world: World, ask: Ask, server: Resource) -> Reply:
    source_id = (ask.body.get("properties") or {}).get("sourceDatabaseId") or ""
    source = world.store.get(source_id) if parse_resource(source_id) else None
    if source is None or not visible(world, source) or source.private.get("system"):
        raise Refusal(_NO_SOURCE, 404, "SourceDatabaseNotFound", "The source database does not exist.")
    if not world.rights.allowed(ask.claims.principal_id, f"{DATABASES}/read", source.id):
        raise missing_linked_right(ask.claims.principal_id, f"{DATABASES}/read", source.id)
    if source.properties["status"] != "Online":
        raise conflict("SourceDatabaseNotOnline", f"The source is {source.properties['status']}.")
    appears = world.later(_APPEARS)
    copy = make_database(ask.address, server.location, ask.body, appears)
    if "sku" not in ask.body and not copy.properties.get("elasticPoolId"):
        for key in ("sku", "kind"):
            copy.document[key] = source.document[key]
    copy.properties.update(status="Copying", collation=source.properties["collation"])
    # The copy holds what the source holds now, whatever is loaded into the source while it is under way.
    copy.private = {"appears": appears, "copy": True, "history": [[appears, contents.now_of(source)]]}
    world.store.put(copy)
    return world.accepted(ask, world.begin(ask, kinds.DATABASE_COPY, copy.id, server.location, "database-online"))


@effect("database-online")
def database_online(world: World, operation: Operation) -> None:
    """A created or copied database goes online; one that failed is gone, or stays broken if the fault says so."""
    found = world.store.get(operation.target)
    if found is None:
        return
    if operation.error and operation.arguments.get("leaves") != "broken":
        world.store.remove(found.id)
        return
    found.properties["status"] = "Suspect" if operation.error else "Online"
    world.store.put(found)


@route("PATCH", DATABASES)
def patch_database(world: World, ask: Ask) -> Reply:
    """Changes tags, size or limits of a database."""
    return _update(world, ask, find(world, ask.address))


def _update(world: World, ask: Ask, found: Resource) -> Reply:
    if "tags" in ask.body:
        found.document["tags"] = ask.body["tags"] or {}
    if ask.body.get("sku"):
        found.document["sku"] = found.properties["currentSku"] = ask.body["sku"]
    if size := (ask.body.get("properties") or {}).get("maxSizeBytes"):
        found.properties["maxSizeBytes"] = size
    world.store.put(found)
    return world.accepted(ask, world.begin(ask, kinds.DATABASE_UPDATE, found.id, found.location, "nothing"))


@effect("nothing")
def nothing(world: World, operation: Operation) -> None:
    """An operation whose change was made at its start."""


@route("POST", f"{DATABASES}/:move")
def rename_database(world: World, ask: Ask) -> Reply:
    """Renames: the database keeps its databaseId and its creation date."""
    found = find(world, ask.address.parent)
    target = parse_resource(str(ask.body.get("id", "")))
    if target is None or target.parent.path.lower() != ask.address.parent.parent.path.lower():
        raise invalid("InvalidMoveTarget", "The target must be a database of the same server.")
    if world.store.get(target.path):
        raise conflict("DatabaseAlreadyExists", f"Database '{target.name}' already exists.")
    if world.store.find(f"{DATABASES}/replicationLinks", found.id):
        text = f"Database '{found.name}' takes part in geo-replication and cannot be renamed."
        raise Refusal(_REPLICATED, 409, "DatabaseInGeoReplication", text)
    if found.properties["status"] != "Online":
        raise conflict("DatabaseNotOnline", f"Database '{found.name}' is {found.properties['status']}.")
    world.store.remove(found.id)
    world.store.put(Resource(target.path, DATABASES, found.document, found.private))
    return Reply(_MOVED, 200)


@route("DELETE", DATABASES)
def delete_database(world: World, ask: Ask) -> Reply:
    """Deletes; a second time is accepted again, as recorded."""
    found = world.store.get(ask.path)
    server = world.store.get(ask.address.parent.path)
    if server is None or (found is None and world.store.fact("dropped", ask.path) is None):
        return Reply(_GONE, 204)
    if found and found.private.get("system"):
        raise invalid("CannotDropSystemDatabase", "The database is a system database.")
    world.store.keep("dropped", ask.path, {"id": ask.path})
    operation = world.begin_deletion(
        ask,
        kinds.DATABASE_DROP,
        ask.path,
        server.location,
        "resource-gone",
        code="OperationCancelled",
        why="The database was dropped.",
    )
    return world.accepted(ask, operation)


@effect("resource-gone")
def resource_gone(world: World, operation: Operation) -> None:
    """What was deleted is no more; a deletion that failed leaves it."""
    if not operation.error:
        world.store.remove(operation.target)

"""Microsoft.Sql/managedInstances/databases: list, get, create, point-in-time restore, update, delete."""

from __future__ import annotations

from datetime import timedelta

from holdfast.model.clock import parse_iso
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

DATABASES = "Microsoft.Sql/managedInstances/databases"

_GET = RECORDED("managed database: GET", "azure-cli sql/test_sql_managed_db_mgmt.yaml@06b523ce")
_EARLIEST = RECORDED(
    "managed database: earliestRestorePoint is absent at first",
    "azure-cli sql/test_sql_managed_deleted_db_restore.yaml@01665218 and test_sql_managed_db_mgmt.yaml@06b523ce",
    guessed="116 s, between the recorded 110 and 122; that it follows seven days behind",
)
_UNDER_WAY = GUESS("managed database: status Restoring or Creating until the operation ends", "states named in the SDK")
_MISSING = GUESS("managed database: deletion of one that is missing", "204 is what the SDK takes")
_BAD_TIME = GUESS("managed database: a restore point outside what can be restored", "no recording; 400")
_NO_SOURCE = GUESS("managed database: restore of a source that is missing", "no recording; 404")

_FIRST_BACKUP = 116.0
"""Seconds until a database can be restored from (recordings.md 1.6: 110 and 122)."""
_RETENTION = timedelta(days=7).total_seconds()
"""Default short-term retention of backups."""


def make_database(address: Address, location: str, body: Json, now: float, status: str = "Online") -> Resource:
    """A new database of an instance."""
    given = body.get("properties") or {}
    document: Json = {
        "properties": {
            "collation": given.get("collation", "SQL_Latin1_General_CP1_CI_AS"),
            "status": status,
            "creationDate": sql_time(now),
            "defaultSecondaryLocation": "westus2",
        },
        "location": location,
    }
    if body.get("tags"):
        document["tags"] = body["tags"]
    return Resource(address.path, DATABASES, document, {"created": now, "history": []})


def earliest(world: World, database: Resource) -> float | None:
    """The earliest moment that can be restored; None while there is no backup yet."""
    first = world.later(_FIRST_BACKUP, since=float(database.private["created"]))
    return max(first, world.now() - _RETENTION) if first <= world.now() else None


def shown(world: World, resource: Resource) -> Json:
    """What GET shows."""
    properties = dict(resource.properties)
    moment = earliest(world, resource)
    if moment is not None and properties["status"] == "Online":
        properties["earliestRestorePoint"] = sql_time(moment)
    return {
        **resource.document,
        "properties": properties,
        "id": resource.id,
        "name": resource.name,
        "type": resource.type,
    }


def find(world: World, address: Address) -> Resource:
    """The database. Raises the 404 that fits."""
    found = world.store.get(address.path)
    if found is not None:
        return found
    if world.store.get(address.parent.path) is None:
        raise front_404(address)
    raise provider_404(DATABASES, address.name)


@route("GET", f"{DATABASES}/*")
def list_databases(world: World, ask: Ask) -> Reply:
    """Databases of an instance, newest first, no system databases (recordings.md 1.5)."""
    if world.store.get(ask.address.parent.path) is None:
        raise front_404(ask.address.parent)
    found = readable(world, ask, world.store.find(DATABASES, ask.address.parent.path))
    return page(world, ask, [shown(world, r) for r in reversed(found)])


@route("GET", DATABASES)
def get_database(world: World, ask: Ask) -> Reply:
    """One database."""
    found = find(world, ask.address)
    if found.properties["status"] != "Online":
        return Reply(_UNDER_WAY, 200, shown(world, found))
    return Reply(_GET if earliest(world, found) else _EARLIEST, 200, shown(world, found))


@route("PUT", DATABASES)
def put_database(world: World, ask: Ask) -> Reply:
    """Creates, restores or updates, as `createMode` says."""
    instance = world.store.get(ask.address.parent.path)
    if instance is None:
        raise parent_404(ask.address)
    mode = (ask.body.get("properties") or {}).get("createMode", "Default")
    found = world.store.get(ask.path)
    if mode == "PointInTimeRestore":
        if found is not None:
            raise conflict("ManagedDatabaseAlreadyExists", f"Database '{ask.address.name}' already exists.")
        return _restore(world, ask, instance)
    if mode != "Default":
        raise invalid("InvalidCreateMode", f"The emulator knows no create mode '{mode}' for a managed database.")
    if found is not None:
        found.document["tags"] = ask.body.get("tags") or {}
        world.store.put(found)
        return world.accepted(ask, world.begin(ask, kinds.MANAGED_UPDATE, found.id, instance.location, "nothing"))
    database = make_database(ask.address, instance.location, ask.body, world.now(), "Creating")
    world.store.put(database)
    operation = world.begin(ask, kinds.MANAGED_CREATE, database.id, instance.location, "database-online")
    return world.accepted(ask, operation)


@route("PATCH", DATABASES)
def patch_database(world: World, ask: Ask) -> Reply:
    """Changes tags."""
    found = find(world, ask.address)
    if "tags" in ask.body:
        found.document["tags"] = ask.body["tags"] or {}
        world.store.put(found)
    return world.accepted(ask, world.begin(ask, kinds.MANAGED_UPDATE, found.id, found.location, "nothing"))


def _restore(world: World, ask: Ask, instance: Resource) -> Reply:
    given = ask.body.get("properties") or {}
    source_id = given.get("sourceDatabaseId") or ""
    source = world.store.get(source_id) if parse_resource(source_id) else None
    if source is None or source.type != DATABASES:
        raise Refusal(_NO_SOURCE, 404, "SourceDatabaseNotFound", "The source database does not exist.")
    if not world.rights.allowed(ask.claims.principal_id, f"{DATABASES}/read", source.id):
        raise missing_linked_right(ask.claims.principal_id, f"{DATABASES}/read", source.id)
    if source.location.lower() != instance.location.lower():
        raise invalid("CrossRegionRestoreNotSupported", "Source and target must be in one region.")
    try:
        wanted = parse_iso(str(given.get("restorePointInTime", ""))).timestamp()
    except ValueError as error:
        raise invalid("MissingRestorePointInTime", "restorePointInTime is required and must be a time.") from error
    first = earliest(world, source)
    if first is None or wanted < first - 0.001 or wanted > world.now() + 1:
        text = f"The restore point in time must lie between the earliest restore point and now: '{sql_time(wanted)}'."
        raise Refusal(_BAD_TIME, 400, "InvalidRestorePointInTime", text)
    now = world.now()
    copy = make_database(ask.address, instance.location, ask.body, now, "Restoring")
    copy.properties["collation"] = source.properties["collation"]
    copy.private |= {"copy": True, "history": [[now, contents.at(source, wanted)]]}
    world.store.put(copy)
    return world.accepted(ask, world.begin(ask, kinds.MANAGED_RESTORE, copy.id, instance.location, "database-online"))


@route("DELETE", DATABASES)
def delete_database(world: World, ask: Ask) -> Reply:
    """Deletes; also one that is still being restored."""
    found = world.store.get(ask.path)
    if found is None:
        return Reply(_MISSING, 204)
    operation = world.begin_deletion(
        ask,
        kinds.MANAGED_DROP,
        found.id,
        found.location,
        "managed-gone",
        code="OperationCancelled",
        why="The database was dropped.",
    )
    return world.accepted(ask, operation)


@effect("managed-gone")
def managed_gone(world: World, operation: Operation) -> None:
    """What was deleted is no more; a deletion that failed leaves it."""
    if not operation.error:
        world.store.remove(operation.target)

"""The data endpoint of emulated databases, for the SqlPackage stand-in. Ours, not Azure's.

`GET /_sql/HOST/DATABASE/bacpac` the content, `GET …/meta` what it is, `POST …/import` and `PUT …/bacpac` an import,
`PUT …/altered` the content after statements that the probe's stand-in ran, `POST …/rename` a new name, `GET …/names` all
names, `POST /_sql/export-log` what SqlPackage's wrote. All take a token for https://database.windows.net.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from local.azure import contents, managed_databases, sql_databases, tokens
from local.azure.addresses import Address
from local.azure.evidence import OURS
from local.azure.log_keys import SHAPE
from local.azure.replies import Refusal, Reply
from local.azure.roles import SQL_ALTER, SQL_CONNECT, SQL_IMPORT
from local.azure.sql_servers import INSTANCES, SERVERS
from local.azure.store import Resource
from local.azure.world import World

_META = OURS("data endpoint: what a database is")
_CONTENT = OURS("data endpoint: content of a database")
_BEGUN = OURS("data endpoint: import begun")
_NAMED = OURS("data endpoint: names of a server's databases")
_RENAMED = OURS("data endpoint: an instance's database is renamed")
_IMPORTED = OURS("data endpoint: import")
_ALTERED = OURS("data endpoint: statements that alter a database")
_LOGGED = OURS("data endpoint: export log")
_REFUSED = OURS("data endpoint: refusal")
_AUDIENCE = "https://database.windows.net"

_Answer = Callable[[World, web.Request, tokens.Claims], Awaitable[web.StreamResponse]]


def add_routes(app: web.Application, world: World) -> None:
    """Adds the endpoint to the https application."""

    def guarded(answer: _Answer) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handler(request: web.Request) -> web.StreamResponse:
            try:
                return await answer(world, request, _authenticate(world, request))
            except Refusal as refusal:
                return _respond(request, refusal.reply)

        return handler

    app.router.add_get("/_sql/{host}/{database}/meta", guarded(_meta))
    app.router.add_get("/_sql/{host}/{database}/bacpac", guarded(_content))
    app.router.add_put("/_sql/{host}/{database}/bacpac", guarded(_import))
    app.router.add_post("/_sql/{host}/{database}/import", guarded(_begin_import))
    app.router.add_post("/_sql/{host}/{database}/rename", guarded(_rename))
    app.router.add_get("/_sql/{host}/{database}/names", guarded(_names))
    app.router.add_put("/_sql/{host}/{database}/altered", guarded(_alter))
    app.router.add_post("/_sql/export-log", guarded(_log))


def _authenticate(world: World, request: web.Request) -> tokens.Claims:
    header = request.headers.get("Authorization", "")
    try:
        return tokens.verify(header.removeprefix("Bearer "), _AUDIENCE, world.folder.root)
    except tokens.BadToken as bad:
        raise Refusal(_REFUSED, 401, "LoginFailed", f"Login failed: {bad.detail}.") from bad


def _host_of(world: World, host: str) -> Resource:
    for server in (*world.store.find(SERVERS), *world.store.find(INSTANCES)):
        if server.properties["fullyQualifiedDomainName"].lower() == host.split(",")[0].split(":")[0].lower():
            return server
    raise Refusal(_REFUSED, 404, "ServerNotFound", f"The server '{host}' was not found or was not accessible.")


def _database(world: World, request: web.Request, claims: tokens.Claims, action: str) -> Resource:
    server = _host_of(world, request.match_info["host"])
    name = request.match_info["database"]
    found = world.store.get(f"{server.id}/databases/{name}")
    hidden = found is not None and not sql_databases.visible(world, found)
    if found is None or hidden or not world.rights.allowed(claims.principal_id, action, found.id):
        # As SQL Server does: who may not log in does not learn whether the database exists.
        text = f'Cannot open database "{name}" requested by the login. The login failed.'
        raise Refusal(_REFUSED, 403, "LoginFailed", text)
    if found.properties["status"] != "Online":
        text = f"Database '{name}' on server '{server.name}' is not currently available: {found.properties['status']}."
        raise Refusal(_REFUSED, 409, "DatabaseUnavailable", text)
    return found


async def _meta(world: World, request: web.Request, claims: tokens.Claims) -> web.StreamResponse:
    found = _database(world, request, claims, SQL_CONNECT)
    sha256 = contents.now_of(found)
    body = {
        "id": found.id,
        "database": found.name,
        "kind": "managed_database" if found.type == managed_databases.DATABASES else "sql_database",
        "region": found.location,
        "copy": bool(found.private.get("copy")),
        "sha256": sha256,
        "bytes": contents.path_of(world.folder, sha256).stat().st_size if sha256 else 0,
    }
    return _respond(request, Reply(_META, 200, body))


async def _content(world: World, request: web.Request, claims: tokens.Claims) -> web.StreamResponse:
    found = _database(world, request, claims, SQL_CONNECT)
    sha256 = contents.now_of(found)
    if sha256 is None:
        raise Refusal(_REFUSED, 404, "DatabaseEmpty", f"Database '{found.name}' holds nothing.")
    request[SHAPE] = _CONTENT
    headers = {"x-content-sha256": sha256, "content-type": "application/zip"}
    return web.FileResponse(contents.path_of(world.folder, sha256), headers=headers)


async def _begin_import(world: World, request: web.Request, claims: tokens.Claims) -> web.StreamResponse:
    """Makes the database if there is none; from now on it is not empty, whatever becomes of the import."""
    server, name = _host_of(world, request.match_info["host"]), request.match_info["database"]
    _may_import(world, f"{server.id}/databases/{name}", claims)
    begun = uuid.uuid4().hex
    with world.store.transaction():
        found = _empty(world, server, name)
        found.private["import"] = begun
        world.store.put(found)
    limit = found.properties.get("maxSizeBytes")
    tier = (found.document.get("sku") or {}).get("tier", "")
    return _respond(request, Reply(_BEGUN, 200, {"import": begun, "max_bytes": limit, "tier": tier}))


async def _import(world: World, request: web.Request, claims: tokens.Claims) -> web.StreamResponse:
    """Fills an empty database, or makes one; SqlPackage does both. One that holds something is left alone."""
    server, name = _host_of(world, request.match_info["host"]), request.match_info["database"]
    database_id = f"{server.id}/databases/{name}"
    _may_import(world, database_id, claims)
    part = contents.new_part(world.folder)
    try:
        digest = await _receive(request, part)
        with world.store.transaction():
            found = _empty(world, server, name, request.query.get("import", ""))
            contents.set_content(found, contents.adopt(world.folder, part, digest), world.now())
            world.store.put(found)
    finally:
        part.unlink(missing_ok=True)
    return _respond(request, Reply(_IMPORTED, 201, {"id": database_id, "sha256": digest}))


def _may_import(world: World, database_id: str, claims: tokens.Claims) -> None:
    if not world.rights.allowed(claims.principal_id, SQL_IMPORT, database_id):
        raise Refusal(_REFUSED, 403, "LoginFailed", "CREATE DATABASE permission denied.")


def _empty(world: World, server: Resource, name: str, begun: str = "") -> Resource:
    """The database, empty but for what the import of the name `begun` brought; made where there is none."""
    found = world.store.get(f"{server.id}/databases/{name}") or new_database(server, name, world.now())
    if contents.now_of(found) is not None or found.private.get("import", begun) != begun:
        raise Refusal(_REFUSED, 409, "DatabaseNotEmpty", f"Database '{name}' holds something already.")
    if found.properties["status"] != "Online":
        text = f"Database '{name}' is not currently available: {found.properties['status']}."
        raise Refusal(_REFUSED, 409, "DatabaseUnavailable", text)
    return found


async def _names(world: World, request: web.Request, claims: tokens.Claims) -> web.StreamResponse:
    """What `sys.databases` tells in master."""
    server = _host_of(world, request.match_info["host"])
    if not world.rights.allowed(claims.principal_id, SQL_CONNECT, server.id):
        raise Refusal(_REFUSED, 403, "LoginFailed", "The login failed.")
    found = [
        r for kind in (sql_databases.DATABASES, managed_databases.DATABASES) for r in world.store.find(kind, server.id)
    ]
    return _respond(request, Reply(_NAMED, 200, {"names": [r.name for r in found]}))


async def _rename(world: World, request: web.Request, claims: tokens.Claims) -> web.StreamResponse:
    """ALTER DATABASE … MODIFY NAME: the only way to rename a database of an instance."""
    wanted = str(json.loads(await request.read()).get("name") or "")
    with world.store.transaction():
        found = _database(world, request, claims, SQL_IMPORT)
        to = f"{found.id.rpartition('/')[0]}/{wanted}"
        if found.type != managed_databases.DATABASES or not wanted:
            raise Refusal(_REFUSED, 400, "BadRename", "Only a database of an instance is renamed so.")
        if world.store.get(to) is not None:
            raise Refusal(_REFUSED, 409, "NameTaken", f"The database '{wanted}' already exists.")
        world.store.remove(found.id)
        world.store.put(Resource(to, found.type, found.document, found.private))
    return _respond(request, Reply(_RENAMED, 200, {"id": to}))


async def _alter(world: World, request: web.Request, claims: tokens.Claims) -> web.StreamResponse:
    """What a database holds after its owner ran statements there, wherever it stands: a server does not ask why."""
    part = contents.new_part(world.folder)
    try:
        digest = await _receive(request, part)
        with world.store.transaction():
            found = _database(world, request, claims, SQL_ALTER)
            contents.set_content(found, contents.adopt(world.folder, part, digest), world.now())
            world.store.put(found)
    finally:
        part.unlink(missing_ok=True)
    return _respond(request, Reply(_ALTERED, 200, {"id": found.id, "sha256": digest}))


async def _receive(request: web.Request, part: Path) -> str:
    """Writes the request's body to a file; its SHA-256."""
    digest = hashlib.sha256()
    with part.open("wb") as file:
        async for block in request.content.iter_chunked(1 << 18):
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def new_database(server: Resource, name: str, created: float) -> Resource:
    """A database of a server or an instance, online, not yet kept. Raises ValueError for a name that cannot be."""
    address = Address.parse(f"{server.id}/databases/{name}")
    if address is None or not address.is_resource:
        raise ValueError(f"{name!r} is not a database's name")
    if server.type == INSTANCES:
        return managed_databases.make_database(address, server.location, {}, created)
    return sql_databases.make_database(address, server.location, {}, created)


async def _log(world: World, request: web.Request, claims: tokens.Claims) -> web.StreamResponse:
    try:
        body = json.loads(await request.read())
        entries = {str(name): str(sha256) for name, sha256 in body["entries"].items()}
        place = {"server": str(body["server"]), "database": str(body["database"])}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refusal(_REFUSED, 400, "BadLog", "server, database and entries (name to SHA-256) are needed.") from error
    with world.store.transaction():
        number = len(world.store.facts("export"))
        extra = {key: value for key, value in body.items() if key not in ("entries", "server", "database")}
        document = {**extra, **place, "entries": entries, "time": world.clock.now().isoformat(), "by": claims.machine}
        world.store.keep("export", f"{number:09d}", document)
    return _respond(request, Reply(_LOGGED, 201, {"number": number}))


def _respond(request: web.Request, reply: Reply) -> web.Response:
    request[SHAPE] = reply.shape
    return web.Response(status=reply.status, body=reply.content(), content_type="application/json")

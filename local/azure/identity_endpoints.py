"""Managed identity over http: the app's endpoint (`IDENTITY_ENDPOINT`) and the metadata service of every machine.

A machine's metadata service is at `/vm/<name>/metadata/…`, because on one machine there is but one 169.254.169.254:
`AZURE_POD_IDENTITY_AUTHORITY_HOST=http://127.0.0.1:PORT/vm/<name>` leads the real credential there.
"""

from __future__ import annotations

import hmac
import time

from aiohttp import web

from local.azure import tokens
from local.azure.evidence import DOCUMENTED, SDK
from local.azure.log_keys import SHAPE
from local.azure.replies import Reply
from local.azure.store import Json, Resource
from local.azure.virtual_machines import VMS
from local.azure.vm_requests import IDENTITIES
from local.azure.world import World

_APP_TOKEN = SDK("App Service identity endpoint: token", "msal managed_identity.py; documented REST reference")
_APP_REFUSED = SDK("App Service identity endpoint: refusal", "msal reads statusCode and message", guessed="status")
_VM_TOKEN = SDK(
    "instance metadata: token", "msal managed_identity.py; documented in How to use managed identities on a VM"
)
_VM_REFUSED = DOCUMENTED("instance metadata: refusal", "error and error_description as documented", guessed="wording")
_VM_INSTANCE = DOCUMENTED(
    "instance metadata: /metadata/instance", "Azure Instance Metadata Service", guessed="fewer fields"
)


def add_routes(app: web.Application, world: World) -> None:
    """Adds the endpoints to the http application."""

    async def app_token(request: web.Request) -> web.Response:
        return _respond(request, _app_token(world, request))

    async def vm_token(request: web.Request) -> web.Response:
        return _respond(request, _vm_token(world, request))

    async def vm_instance(request: web.Request) -> web.Response:
        return _respond(request, _vm_instance(world, request))

    app.router.add_get("/msi/token", app_token)
    app.router.add_get("/vm/{name}/metadata/identity/oauth2/token", vm_token)
    app.router.add_get("/vm/{name}/metadata/instance", vm_instance)


def _respond(request: web.Request, reply: Reply) -> web.Response:
    request[SHAPE] = reply.shape
    return web.Response(status=reply.status, body=reply.content(), content_type="application/json")


def _app_token(world: World, request: web.Request) -> Reply:
    secret = world.folder.identity_header.read_text()
    if not hmac.compare_digest(request.headers.get("X-IDENTITY-HEADER", ""), secret):
        return Reply(_APP_REFUSED, 401, {"statusCode": 401, "message": "The identity header is missing or wrong."})
    resource = request.query.get("resource", "")
    granted = [identity for identity in world.store.find(IDENTITIES) if identity.private.get("app")]
    identity = _choose(granted, request)
    if identity is None or not resource:
        return Reply(_APP_REFUSED, 400, {"statusCode": 400, "message": "No such identity is assigned to the app."})
    token, expires = _issue(world, identity, resource, "")
    body = {
        "access_token": token,
        "expires_on": str(expires),
        "resource": resource,
        "token_type": "Bearer",
        "client_id": identity.properties["clientId"],
    }
    return Reply(_APP_TOKEN, 200, body)


def _machine(world: World, request: web.Request) -> Resource | None:
    name = request.match_info["name"].lower()
    return next((vm for vm in world.store.find(VMS) if vm.name.lower() == name), None)


def _refused(text: str, status: int = 400) -> Reply:
    return Reply(_VM_REFUSED, status, {"error": "invalid_request", "error_description": text})


def _vm_token(world: World, request: web.Request) -> Reply:
    if request.headers.get("Metadata", "").lower() != "true":
        return _refused("Required metadata header not specified")
    vm = _machine(world, request)
    if vm is None or vm.private.get("power") != "running":
        # A machine without power has no metadata service; a process that outlived it gets nothing.
        return _refused("Identity not found")
    resource = request.query.get("resource", "")
    if not resource:
        return _refused("Required query variable 'resource' is missing")
    assigned = (vm.document.get("identity") or {}).get("userAssignedIdentities") or {}
    granted = [found for identity_id in assigned if (found := world.store.get(identity_id)) is not None]
    identity = _choose(granted, request)
    if identity is None:
        return _refused("Identity not found")
    token, expires = _issue(world, identity, resource, vm.id)
    body: Json = {
        "access_token": token,
        "client_id": identity.properties["clientId"],
        "expires_in": str(max(0, expires - int(time.time()))),
        "expires_on": str(expires),
        "ext_expires_in": str(max(0, expires - int(time.time()))),
        "not_before": str(int(time.time())),
        "resource": resource,
        "token_type": "Bearer",
    }
    return Reply(_VM_TOKEN, 200, body)


def _vm_instance(world: World, request: web.Request) -> Reply:
    if request.headers.get("Metadata", "").lower() != "true":
        return _refused("Required metadata header not specified")
    vm = _machine(world, request)
    if vm is None:
        return _refused("Resource not found", 404)
    parts = vm.id.split("/")
    compute = {
        "name": vm.name,
        "resourceId": vm.id,
        "subscriptionId": parts[2],
        "resourceGroupName": parts[4],
        "location": vm.location,
        "vmId": vm.properties["vmId"],
        "vmSize": vm.properties["hardwareProfile"]["vmSize"],
        "osType": "Linux",
        "tagsList": [{"name": name, "value": value} for name, value in vm.tags.items()],
    }
    return Reply(_VM_INSTANCE, 200, {"compute": compute})


def _choose(granted: list[Resource], request: web.Request) -> Resource | None:
    """The identity that the request names; without a name, the only one there is (as Azure does on a VM)."""
    wanted = {
        "clientId": request.query.get("client_id"),
        "principalId": request.query.get("object_id") or request.query.get("principal_id"),
    }
    named = request.query.get("mi_res_id") or request.query.get("msi_res_id")
    for identity in granted:
        fits = [identity.properties[key].lower() == value.lower() for key, value in wanted.items() if value]
        fits += [identity.id.lower() == named.lower()] if named else []
        if fits and all(fits):
            return identity
    if named or any(wanted.values()):
        return None
    return granted[0] if len(granted) == 1 else None


def _issue(world: World, identity: Resource, resource: str, machine: str) -> tuple[str, int]:
    return tokens.issue(
        world.folder,
        resource,
        principal_id=identity.properties["principalId"],
        client_id=identity.properties["clientId"],
        identity_id=identity.id,
        lifetime=world.token_lifetime,
        machine=machine,
    )

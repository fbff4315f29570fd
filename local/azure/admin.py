"""The admin endpoint, `/_local/…`: ours, for the profile, the demo and tests. Guarded by the key in the state folder.

Header `x-local-key: <content of STATE/admin-key>`. Errors are `{"code", "title", "detail", "help"}`.
"""

from __future__ import annotations

import hmac
import inspect
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from holdfast.model.errors import HoldfastError, InvalidInput, NotFound
from local.azure import notice_board, seeding, tokens, vault, vault_keys
from local.azure.evidence import OURS
from local.azure.faults import Fault
from local.azure.leftovers import resources
from local.azure.log_keys import SHAPE
from local.azure.roles import Role
from local.azure.virtual_machines import VMS
from local.azure.vm_parts import set_disk_state
from local.azure.world import World

_ADMIN = OURS("admin endpoint")

Answer = Callable[[World, web.Request, Any], Any]


class _RoleBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    actions: list[str] = Field(default_factory=list)
    data_actions: list[str] = Field(default_factory=list)


class _AssignmentBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    principal_id: str
    role: str
    scope: str = "/"


class _WithdrawalBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    principal_id: str = Field(description="`*` for everybody")
    action: str = Field(description="pattern of actions, `*` for anything")
    scope: str = "/"


class _SecretBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    value: str


class _TokensBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    lifetime: float | None = Field(default=None, gt=0, description="seconds, of tokens issued from now on")
    expire: bool = Field(default=False, description="every token issued so far counts as expired")


class _QuotaBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    cores: int = Field(ge=0)


def add_routes(app: web.Application, world: World) -> None:
    """Adds the endpoint to the https application."""
    key = world.folder.admin_key.read_text()

    def guarded(answer: Answer, body_type: type[BaseModel] | None) -> Callable[[web.Request], Any]:
        async def handler(request: web.Request) -> web.Response:
            request[SHAPE] = _ADMIN
            if not hmac.compare_digest(request.headers.get("x-local-key", ""), key):
                return web.json_response({"code": "missing-rights", "title": "The admin key is wrong"}, status=401)
            try:
                body = body_type.model_validate_json(await request.read()) if body_type else None
                answered = answer(world, request, body)
                return web.json_response(await answered if inspect.isawaitable(answered) else answered)
            except ValidationError as error:
                info = InvalidInput("; ".join(f"{e['loc']}: {e['msg']}" for e in error.errors())).info()
            except HoldfastError as error:
                info = error.info()
            return web.json_response(info.model_dump(), status=info.http_status)

        return handler

    for method, path, answer, body_type in _TABLE:
        app.router.add_route(method, f"/_local/{path}", guarded(answer, body_type))


def _load(world: World, _request: web.Request, body: seeding.Load) -> Any:
    return seeding.load(world, body)


def _place(world: World, _request: web.Request, body: seeding.Placement) -> Any:
    with world.store.transaction():
        made = seeding.place(world, body)
    return {"id": made.id, "name": made.name, "type": made.type, **made.document}


def _resources(world: World, request: web.Request, _body: None) -> Any:
    query = request.query
    idle = timedelta(seconds=float(query.get("idle_seconds", "3600")))
    return resources(world, query.getall("running", []), query.getall("in_use", []), idle)


def _requests(world: World, request: web.Request, _body: None) -> Any:
    return world.store.logged(int(request.query.get("after", "0")))


def _notices(world: World, _request: web.Request, _body: None) -> Any:
    return notice_board.notices(world)


def _add_fault(world: World, _request: web.Request, body: Fault) -> Any:
    try:
        return {"id": world.faults.add(body)}
    except re.error as error:
        raise InvalidInput(f"path: {error}") from error


def _faults(world: World, _request: web.Request, _body: None) -> Any:
    return world.faults.list()


def _clear_faults(world: World, request: web.Request, _body: None) -> Any:
    number = request.match_info.get("id")
    return {"removed": world.faults.clear(int(number) if number else None)}


def _identity(world: World, _request: web.Request, body: seeding.Identity) -> Any:
    with world.store.transaction():
        return seeding.add_identity(world, body)


def _role(world: World, _request: web.Request, body: _RoleBody) -> Any:
    world.rights.define(Role(body.name, tuple(body.actions), tuple(body.data_actions)))
    return {"name": body.name}


def _assign(world: World, _request: web.Request, body: _AssignmentBody) -> Any:
    return {"id": seeding.assign(world, body.principal_id, body.role, body.scope)}


def _assignments(world: World, request: web.Request, _body: None) -> Any:
    return [vars(a) for a in world.rights.assignments(request.query.get("principal_id"))]


def _unassign(world: World, request: web.Request, _body: None) -> Any:
    if not world.rights.unassign(request.match_info["id"]):
        raise NotFound("no such assignment")
    return {}


def _withdraw(world: World, _request: web.Request, body: _WithdrawalBody) -> Any:
    return {"id": world.rights.withdraw(body.principal_id, body.action, body.scope)}


def _restore(world: World, request: web.Request, _body: None) -> Any:
    if not world.rights.restore(request.match_info["id"]):
        raise NotFound("no such withdrawal")
    return {}


def _secret(world: World, request: web.Request, body: _SecretBody) -> Any:
    with world.store.transaction():
        return {"version": vault.set_secret(world, request.match_info["name"], body.value)["version"]}


def _key(world: World, request: web.Request, _body: None) -> Any:
    with world.store.transaction():
        return {"version": vault_keys.ensure_key(world, request.match_info["name"])["version"]}


def _tokens(world: World, _request: web.Request, body: _TokensBody) -> Any:
    if body.lifetime is not None:
        world.token_lifetime = body.lifetime
    if body.expire:
        tokens.expire_all(world.folder)
    return {"lifetime": world.token_lifetime}


def _quota(world: World, request: web.Request, body: _QuotaBody) -> Any:
    world.store.keep("quota", request.match_info["region"], {"cores": body.cores})
    return {}


def _exports(world: World, _request: web.Request, _body: None) -> Any:
    return world.store.facts("export")


def _machine(world: World, request: web.Request, _body: None) -> Any:
    """`crash` cuts the power of what runs and Azure does not notice; `evict` is what happens to a Spot machine."""
    name, what = request.match_info["name"], request.match_info["what"]
    vm = next((vm for vm in world.store.find(VMS) if vm.name.lower() == name.lower()), None)
    if vm is None:
        raise NotFound(f"no machine {name}")
    world.machines.stop(str(vm.properties["vmId"]))
    if what == "evict":
        with world.store.transaction():
            vm.private |= {"power": "deallocated", "power_since": world.now()}
            world.store.put(vm)
            set_disk_state(world, vm, "Reserved")
    return {"name": vm.name}


def _addresses(world: World, request: web.Request, _body: None) -> Any:
    """Where everything is, for the profile."""
    origin = f"{request.scheme}://{request.host}"
    return {
        "arm": origin,
        "vault": origin,
        "sql": f"{origin}/_sql",
        "identity": f"{world.imds_origin}/msi/token",
        "machines": f"{world.imds_origin}/vm",
        "ca": str(world.folder.ca),
    }


_TABLE: tuple[tuple[str, str, Answer, type[BaseModel] | None], ...] = (
    ("GET", "addresses", _addresses, None),
    ("POST", "databases", _load, seeding.Load),
    ("PUT", "resources", _place, seeding.Placement),
    ("GET", "resources", _resources, None),
    ("GET", "requests", _requests, None),
    ("POST", "faults", _add_fault, Fault),
    ("GET", "faults", _faults, None),
    ("DELETE", "faults", _clear_faults, None),
    ("DELETE", r"faults/{id:\d+}", _clear_faults, None),
    ("POST", "identities", _identity, seeding.Identity),
    ("POST", "roles", _role, _RoleBody),
    ("POST", "assignments", _assign, _AssignmentBody),
    ("GET", "assignments", _assignments, None),
    ("DELETE", "assignments/{id}", _unassign, None),
    ("POST", "withdrawals", _withdraw, _WithdrawalBody),
    ("DELETE", "withdrawals/{id}", _restore, None),
    ("PUT", "secrets/{name}", _secret, _SecretBody),
    ("PUT", "keys/{name}", _key, None),
    ("GET", "notices", _notices, None),
    ("PUT", "tokens", _tokens, _TokensBody),
    ("PUT", "quota/{region}", _quota, _QuotaBody),
    ("GET", "exports", _exports, None),
    ("POST", "machines/{name}/{what:crash|evict}", _machine, None),
)

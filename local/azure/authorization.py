"""Microsoft.Authorization at whatever scope: the caller's own permissions, role assignments, role definitions.

A right that a test withdrew shows as excluded by every role (`notActions`), which has the same effect.
"""

from __future__ import annotations

import re
import uuid
from urllib.parse import unquote

from local.azure.evidence import GUESS, SDK
from local.azure.listing import page
from local.azure.refusals import front_404, missing_right, not_allowed
from local.azure.replies import Reply
from local.azure.rights import covers
from local.azure.store import Json
from local.azure.world import Ask, World

_MODELS = "azure-mgmt-authorization models"
_PERMISSIONS = SDK("permissions of the caller: list", _MODELS)
_ASSIGNMENTS = SDK("role assignments: list", _MODELS)
_DEFINITION = SDK("role definition: GET", _MODELS)
_SLASHES = GUESS(
    "permissions of a resource at the top: two slashes where the parent's path is empty are one",
    "the SDK sends them so, and is used so by many",
)

_PATH = re.compile(
    r"(?P<scope>.*?)/providers/Microsoft\.Authorization/(?P<what>(?!locks(?:/|$))[^/]+)(?:/(?P<name>[^/]+))?",
    re.IGNORECASE,
)


def is_for(path: str) -> bool:
    """Whether a path asks the provider of rights, at whatever scope. Its locks are no rights: `management_locks`."""
    return _PATH.fullmatch(re.sub("/+", "/", path)) is not None


def answer(world: World, ask: Ask) -> Reply:
    """One request."""
    found = _PATH.fullmatch(re.sub("/+", "/", ask.path))
    assert found is not None  # noqa: S101 (the front end asked)
    scope, what, name = found["scope"] or "/", found["what"].lower(), found["name"]
    if ask.method != "GET":
        raise not_allowed(ask.method, ask.path)
    if what == "permissions" and name is None:
        _must(world, ask, "permissions/read", scope)
        return page(world, ask, _permissions(world, ask, scope), one_page=_PERMISSIONS)
    if what == "roleassignments" and name is None:
        _must(world, ask, "roleAssignments/read", scope)
        return page(world, ask, _assignments(world, ask, scope), one_page=_ASSIGNMENTS)
    if what == "roledefinitions" and name is not None:
        return Reply(_DEFINITION, 200, _definition(world, ask, name))
    raise front_404(ask.address)


def _must(world: World, ask: Ask, right: str, scope: str) -> None:
    action = f"Microsoft.Authorization/{right}"
    if not world.rights.allowed(ask.claims.principal_id, action, scope):
        raise missing_right(ask.claims.principal_id, action, scope)


def _permissions(world: World, ask: Ask, scope: str) -> list[Json]:
    mine = [a for a in world.rights.assignments(ask.claims.principal_id) if covers(a.scope, scope)]
    withdrawn = world.rights.withdrawn(ask.claims.principal_id, scope)
    roles = {role.name.lower(): role for role in world.rights.roles()}
    return [
        {
            "actions": list(roles[a.role.lower()].actions),
            "notActions": withdrawn,
            "dataActions": list(roles[a.role.lower()].data_actions),
            "notDataActions": withdrawn,
        }
        for a in mine
    ]


def _assignments(world: World, ask: Ask, scope: str) -> list[Json]:
    """At and above the scope; of one principal, and then below it too, if `$filter` names it."""
    wanted = re.search(r"principalId eq '([^']+)'", ask.query.get("$filter", ""), re.IGNORECASE)
    return [
        {
            "id": f"{a.scope}/providers/Microsoft.Authorization/roleAssignments/{a.id}",
            "name": a.id,
            "type": "Microsoft.Authorization/roleAssignments",
            "properties": {
                "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{_role_id(a.role)}",
                "principalId": a.principal_id,
                "scope": a.scope or "/",
            },
        }
        for a in world.rights.assignments(wanted[1] if wanted else None)
        if covers(a.scope, scope) or (wanted is not None and covers(scope, a.scope))
    ]


def _definition(world: World, ask: Ask, name: str) -> Json:
    role = next((r for r in world.rights.roles() if _role_id(r.name) == unquote(name).lower()), None)
    if role is None:
        raise front_404(ask.address)
    # Everybody with a role may read its definition's name; the definition itself takes the right.
    anywhere = [a.scope for a in world.rights.assignments(ask.claims.principal_id)]
    if not any(world.rights.allowed(ask.claims.principal_id, _READ_ROLE, scope or "/") for scope in anywhere):
        raise missing_right(ask.claims.principal_id, _READ_ROLE, ask.path)
    permission = {"actions": role.actions, "notActions": [], "dataActions": role.data_actions, "notDataActions": []}
    return {
        "id": ask.path,
        "name": name,
        "type": "Microsoft.Authorization/roleDefinitions",
        "properties": {"roleName": role.name, "type": "CustomRole", "permissions": [permission]},
    }


_READ_ROLE = "Microsoft.Authorization/roleDefinitions/read"


def _role_id(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"role {name.lower()}"))

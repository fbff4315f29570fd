"""Key Vault secrets: `/secrets/NAME[/VERSION]`, at the root of the address as a vault's."""

from __future__ import annotations

import json
import uuid
from typing import Any

from aiohttp import web

from local.azure import tokens
from local.azure.evidence import DOCUMENTED
from local.azure.replies import Refusal, Reply
from local.azure.roles import VAULT_GET, VAULT_LIST, VAULT_SET
from local.azure.store import Json
from local.azure.vault_access import check_name, invalid, must, not_supported
from local.azure.world import World

_SECRET = DOCUMENTED("Key Vault: secret", "Key Vault REST reference, Get Secret and Set Secret")
_LIST = DOCUMENTED("Key Vault: list of secrets and of versions", "Key Vault REST reference, Get Secrets")
_MISSING = DOCUMENTED("Key Vault: 404", "Key Vault REST reference: SecretNotFound", guessed="wording")

SCOPE = "/vault/secrets"
"""Where roles on secrets are assigned, followed by `/NAME`."""


def answer(world: World, request: web.Request, raw: bytes, claims: tokens.Claims) -> Reply:
    """One request for secrets."""
    words = [word for word in request.path.split("/") if word][1:]
    origin = f"{request.scheme}://{request.host}"
    if not words:
        must(world, claims, VAULT_LIST, SCOPE)
        newest = [(s["name"], s["versions"][-1]) for s in world.store.facts("secret")]
        return Reply(_LIST, 200, {"value": [_item(origin, name, version, short=True) for name, version in newest]})
    name = check_name(words[0])
    scope = f"{SCOPE}/{name}"
    if request.method == "PUT":
        must(world, claims, VAULT_SET, scope)
        try:
            value = json.loads(raw)["value"]
        except (ValueError, KeyError, TypeError) as error:
            raise invalid("The value is missing.") from error
        return Reply(_SECRET, 200, _bundle(origin, name, set_secret(world, name, str(value))))
    if request.method != "GET":
        raise not_supported(request.method)
    must(world, claims, VAULT_LIST if words[1:] == ["versions"] else VAULT_GET, scope)
    kept = world.store.fact("secret", name)
    if kept is None:
        raise _not_found(name)
    if words[1:] == ["versions"]:
        return Reply(_LIST, 200, {"value": [_item(origin, kept["name"], version) for version in kept["versions"]]})
    found = [v for v in kept["versions"] if not words[1:] or v["version"] == words[1]]
    if not found:
        raise _not_found(name)
    return Reply(_SECRET, 200, _bundle(origin, kept["name"], found[-1]))


def set_secret(world: World, name: str, value: str) -> Json:
    """Adds a version of a secret; returns it."""
    kept = world.store.fact("secret", name) or {"name": name, "versions": []}
    version = {"version": uuid.uuid4().hex, "value": value, "created": int(world.now())}
    kept["versions"].append(version)
    world.store.keep("secret", name, kept)
    return version


def _not_found(name: str) -> Refusal:
    text = f"A secret with (name/id) {name} was not found in this key vault."
    return Refusal(_MISSING, 404, "SecretNotFound", text)


def _item(origin: str, name: str, version: Json, *, short: bool = False) -> Json:
    attributes: dict[str, Any] = {"enabled": True, "created": version["created"], "updated": version["created"]}
    attributes |= {"recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90}
    tail = "" if short else f"/{version['version']}"
    return {"id": f"{origin}/secrets/{name}{tail}", "attributes": attributes}


def _bundle(origin: str, name: str, version: Json) -> Json:
    return {"value": version["value"], **_item(origin, name, version)}

"""Key Vault secrets: `/secrets/NAME[/VERSION]`, at the root of the address as a vault's.

The real SecretClient starts without a token, learns from the challenge which audience is wanted, and takes that audience
only if the vault's host ends in it. For `myvault.vault.azure.net` that is `vault.azure.net`; by the same rule, a host
without its first label, it is `0.0.1:PORT` for `127.0.0.1:PORT`. So the client needs no setting and no exception.
"""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

from aiohttp import web

from local.azure import tokens
from local.azure.evidence import DOCUMENTED, SDK
from local.azure.log_keys import SHAPE
from local.azure.replies import Refusal, Reply
from local.azure.roles import VAULT_GET, VAULT_LIST, VAULT_SET
from local.azure.store import Json
from local.azure.world import World

_CHALLENGE = SDK(
    "Key Vault: 401 with a challenge", "azure-keyvault-secrets challenge_auth_policy.py and http_challenge.py"
)
_SECRET = DOCUMENTED("Key Vault: secret", "Key Vault REST reference, Get Secret and Set Secret")
_LIST = DOCUMENTED("Key Vault: list of secrets and of versions", "Key Vault REST reference, Get Secrets")
_MISSING = DOCUMENTED("Key Vault: 404", "Key Vault REST reference: SecretNotFound", guessed="wording")
_FORBIDDEN = DOCUMENTED(
    "Key Vault: 403", "Key Vault authentication errors: Forbidden, ForbiddenByRbac", guessed="wording"
)
_INVALID = DOCUMENTED("Key Vault: 400", "Key Vault REST reference: BadParameter", guessed="wording")

SCOPE = "/vault/secrets"
"""Where roles on secrets are assigned, followed by `/NAME`."""


async def handle(world: World, request: web.Request) -> web.Response:
    """One request to the vault."""
    raw = await request.read()
    try:
        with world.store.transaction():
            reply = _answer(world, request, raw)
    except Refusal as refusal:
        reply = refusal.reply
    request[SHAPE] = reply.shape
    return web.Response(
        status=reply.status, body=reply.content(), headers=reply.headers, content_type="application/json"
    )


def audience(host: str) -> str:
    """The audience that the challenge of a vault at `host` asks for: the host without its first label."""
    return f"https://{host.partition('.')[2] or 'vault.azure.net'}"


def _answer(world: World, request: web.Request, raw: bytes) -> Reply:
    claims = _authenticate(world, request)
    words = [word for word in request.path.split("/") if word][1:]
    origin = f"{request.scheme}://{request.host}"
    if not words:
        _must(world, claims, VAULT_LIST, "")
        newest = [(s["name"], s["versions"][-1]) for s in world.store.facts("secret")]
        return Reply(_LIST, 200, {"value": [_item(origin, name, version, short=True) for name, version in newest]})
    name = words[0]
    if not re.fullmatch(r"[0-9A-Za-z-]{1,127}", name):
        raise Refusal(_INVALID, 400, "BadParameter", f"The name '{name}' is not valid.")
    if request.method == "PUT":
        _must(world, claims, VAULT_SET, name)
        try:
            value = json.loads(raw)["value"]
        except (ValueError, KeyError, TypeError) as error:
            raise Refusal(_INVALID, 400, "BadParameter", "The value is missing.") from error
        return Reply(_SECRET, 200, _bundle(origin, name, set_secret(world, name, str(value))))
    if request.method != "GET":
        raise Refusal(_INVALID, 405, "MethodNotAllowed", f"{request.method} is not supported.")
    _must(world, claims, VAULT_LIST if words[1:] == ["versions"] else VAULT_GET, name)
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


def _authenticate(world: World, request: web.Request) -> tokens.Claims:
    wanted = audience(request.host)
    header = request.headers.get("Authorization", "")
    challenge = (
        f'Bearer authorization="https://login.windows.net/{tokens.TENANT}", resource="{wanted}"'
        if not header
        else f'Bearer authorization="https://login.windows.net/{tokens.TENANT}", resource="{wanted}", error="invalid_token"'
    )
    try:
        return tokens.verify(header.removeprefix("Bearer "), wanted, world.folder.root)
    except tokens.BadToken as bad:
        text = f"AKV10000: Request is missing a Bearer token, or it was refused: {bad.detail}."
        raise Refusal(_CHALLENGE, 401, "Unauthorized", text, headers={"WWW-Authenticate": challenge}) from bad


def _must(world: World, claims: tokens.Claims, action: str, name: str) -> None:
    if world.rights.allowed(claims.principal_id, action, f"{SCOPE}/{name}" if name else SCOPE):
        return
    refusal = Refusal(_FORBIDDEN, 403, "Forbidden", f"Caller is not authorized to perform action '{action}'.")
    refusal.reply.body["error"]["innererror"] = {"code": "ForbiddenByRbac"}
    raise refusal


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

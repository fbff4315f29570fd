"""What secrets and keys of the emulated vault share: tokens, rights, and the replies that say no.

The real clients start without a token, learn from the challenge which audience is wanted, and take that audience
only if the vault's host ends in it. For `myvault.vault.azure.net` that is `vault.azure.net`; by the same rule, a host
without its first label, it is `0.0.1:PORT` for `127.0.0.1:PORT`. So the clients need no setting and no exception.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from aiohttp import web

from local.azure import tokens
from local.azure.evidence import DOCUMENTED, SDK
from local.azure.log_keys import SHAPE
from local.azure.replies import Refusal, Reply
from local.azure.world import World

_CHALLENGE = SDK(
    "Key Vault: 401 with a challenge", "azure-keyvault-secrets challenge_auth_policy.py and http_challenge.py"
)
_FORBIDDEN = DOCUMENTED(
    "Key Vault: 403", "Key Vault authentication errors: Forbidden, ForbiddenByRbac", guessed="wording"
)
_INVALID = DOCUMENTED("Key Vault: 400", "Key Vault REST reference: BadParameter", guessed="wording")

Answer = Callable[[World, web.Request, bytes, tokens.Claims], Reply]


async def handle(world: World, request: web.Request, answer: Answer) -> web.Response:
    """One request to the vault, authenticated and answered."""
    raw = await request.read()
    try:
        with world.store.transaction():
            reply = answer(world, request, raw, _authenticate(world, request))
    except Refusal as refusal:
        reply = refusal.reply
    request[SHAPE] = reply.shape
    return web.Response(
        status=reply.status, body=reply.content(), headers=reply.headers, content_type="application/json"
    )


def audience(host: str) -> str:
    """The audience that the challenge of a vault at `host` asks for: the host without its first label."""
    return f"https://{host.partition('.')[2] or 'vault.azure.net'}"


def must(world: World, claims: tokens.Claims, action: str, scope: str) -> None:
    """Raises the refusal of somebody who has no role that allows `action` at `scope`."""
    if not world.rights.allowed(claims.principal_id, action, scope):
        raise forbidden("ForbiddenByRbac", f"Caller is not authorized to perform action '{action}'.")


def forbidden(inner: str, text: str) -> Refusal:
    """403: the inner code says why."""
    refusal = Refusal(_FORBIDDEN, 403, "Forbidden", text)
    refusal.reply.body["error"]["innererror"] = {"code": inner}
    return refusal


def invalid(text: str) -> Refusal:
    """400."""
    return Refusal(_INVALID, 400, "BadParameter", text)


def not_supported(method: str) -> Refusal:
    """405."""
    return Refusal(_INVALID, 405, "MethodNotAllowed", f"{method} is not supported.")


def check_name(name: str) -> str:
    """The name. Raises the refusal of one that no secret and no key can have."""
    if not re.fullmatch(r"[0-9A-Za-z-]{1,127}", name):
        raise invalid(f"The name '{name}' is not valid.")
    return name


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

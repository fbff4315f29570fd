"""Resource Manager's front end: authentication, api-version, rights, then the provider's handler."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from local.azure import (
    authorization,
    compute_catalogue,
    disks_and_network,
    managed_databases,
    management_locks,
    polling,
    sql_databases,
    sql_operations,
    sql_pools,
    sql_replicas,
    sql_servers,
    sql_usages,
    storage_settings,
    subscriptions,
    tokens,
    virtual_machines,
    vm_power,
)
from local.azure.addresses import Address
from local.azure.evidence import DOCUMENTED, GUESS
from local.azure.log_keys import REGION, SHAPE
from local.azure.refusals import front_404, missing_right, not_allowed
from local.azure.replies import Refusal, Reply, common_headers, moment
from local.azure.world import Ask, World, action_of, find_route

AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net")

_UNAUTHORISED = DOCUMENTED(
    "401 of Resource Manager", "public codes: AuthenticationFailed and others", guessed="wording"
)
_NO_VERSION = DOCUMENTED(
    "400 for a missing api-version", "ARM common errors: MissingApiVersionParameter", guessed="wording"
)
_BAD_BODY = GUESS("400 for a body that is no JSON object", "code InvalidRequestContent from public issues")
_CODES = {
    "malformed": "InvalidAuthenticationToken",
    "signature": "InvalidAuthenticationToken",
    "audience": "InvalidAuthenticationTokenAudience",
    "expired": "ExpiredAuthenticationToken",
}
_CHALLENGE = f'Bearer authorization_uri="https://login.windows.net/{tokens.TENANT}", error="invalid_token"'

# Importing a provider registers its routes; the tuple says that the imports are meant.
PROVIDERS = (
    compute_catalogue,
    disks_and_network,
    managed_databases,
    management_locks,
    polling,
    sql_databases,
    sql_operations,
    sql_pools,
    sql_replicas,
    sql_servers,
    sql_usages,
    storage_settings,
    subscriptions,
    virtual_machines,
    vm_power,
)


async def handle(world: World, request: web.Request) -> web.Response:
    """One request to Resource Manager."""
    raw = await request.read()
    path = request.path.rstrip("/")
    address = Address.parse(path) or Address(path, "", "", "", ())
    try:
        ask = Ask(
            method=request.method,
            address=address,
            query=request.query,
            headers={k.lower(): v for k, v in request.headers.items()},
            body=_body(raw),
            claims=_authenticate(world, request.headers.get("Authorization", "")),
            origin=f"{request.scheme}://{request.host}",
        )
        with world.store.transaction():
            # Whether it will be late that it fails is decided with the request, and undone with it.
            ask.fault = world.faults.take(ask.method, path, operation=True) if ask.method != "GET" else None
            reply = _dispatch(world, ask)
    except Refusal as refusal:
        reply = refusal.reply
    request[SHAPE], request[REGION] = reply.shape, _region(world, address, raw)
    headers = {**common_headers(address.provider, "", moment(world.now())), **reply.headers}
    content = reply.content()
    return web.Response(
        status=reply.status,
        body=content,
        headers={**headers, **({"content-type": "application/json; charset=utf-8"} if content else {})},
    )


def _dispatch(world: World, ask: Ask) -> Reply:
    if not ask.api_version:
        text = "The api-version query parameter (?api-version=) is required for all requests."
        raise Refusal(_NO_VERSION, 400, "MissingApiVersionParameter", text)
    if authorization.is_for(ask.path):
        return authorization.answer(world, ask)
    if not ask.address.provider:
        reply = subscriptions.answer(world, ask) if ask.method == "GET" else None
        if reply is None:
            raise not_allowed(ask.method, ask.path)
        return reply
    handler, lists = find_route(ask.method, ask.address)
    if handler is None:
        raise front_404(ask.address) if ask.method == "GET" else not_allowed(ask.method, ask.path)
    if not lists and handler is not polling.poll:
        target = ask.address if ask.address.is_resource else ask.address.parent
        action = action_of(ask.method, ask.address)
        if not world.rights.allowed(ask.claims.principal_id, action, target.path):
            raise missing_right(ask.claims.principal_id, action, target.path)
        management_locks.check(world, ask.method, target)
    return handler(world, ask)


def _authenticate(world: World, header: str) -> tokens.Claims:
    challenge = {"WWW-Authenticate": _CHALLENGE}
    if not header.startswith("Bearer "):
        text = "Authentication failed. The 'Authorization' header is missing."
        raise Refusal(_UNAUTHORISED, 401, "AuthenticationFailed", text, headers=challenge)
    try:
        for audience in AUDIENCES[1:]:
            try:
                return tokens.verify(header[7:], audience, world.folder.root)
            except tokens.BadToken as bad:
                if bad.reason != "audience":
                    raise
        return tokens.verify(header[7:], AUDIENCES[0], world.folder.root)
    except tokens.BadToken as bad:
        text = f"The access token is invalid: {bad.detail}."
        raise Refusal(_UNAUTHORISED, 401, _CODES[bad.reason], text, headers=challenge) from bad


def _body(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw) if raw else {}
    except ValueError as error:
        raise Refusal(_BAD_BODY, 400, "InvalidRequestContent", "The request content was invalid.") from error
    if not isinstance(body, dict):
        raise Refusal(_BAD_BODY, 400, "InvalidRequestContent", "The request content must be a JSON object.")
    return body


def _region(world: World, address: Address, raw: bytes) -> str:
    """For the request log: the region of the resource, of its parent, or of the body."""
    place: Address | None = address
    while place is not None and place.words:
        if place.is_resource and (found := world.store.get(place.path)) is not None and found.location:
            return found.location
        place = place.parent
    try:
        return str(json.loads(raw).get("location", "")) if raw else ""
    except (ValueError, AttributeError):
        return ""

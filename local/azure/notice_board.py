"""The other end of the local profile's notification channel: a receiver of signed webhooks, and a page that shows them.

Not Azure's. It does what any receiver should: verifies the signature and its age, and drops what it has seen by its id.
The address ends in a token, as those of Teams and Slack do: whoever knows it may post and look.
"""

from __future__ import annotations

import hmac
import json
from html import escape

from aiohttp import web

from holdfast.model.clock import iso
from holdfast.notify.signing import key_of, signature
from local.azure.evidence import OURS
from local.azure.log_keys import SHAPE
from local.azure.store import Json
from local.azure.world import World

#: Key Vault secrets: the address of the board, and the key that notices are signed with.
URL_SECRET, KEY_SECRET = "notices-url", "notices-key"
PATH = "/_local/notices"

_AREA = "notice"
_BOARD = OURS("notice board")
#: Seconds that a signature may be old, as Standard Webhooks advises.
_TOLERANCE = 300
_COLOUR = {"good": "#1a7f37", "warning": "#9a6700", "bad": "#b42318"}


def add_routes(app: web.Application, world: World) -> None:
    """Adds the board to the https application."""

    async def receive(request: web.Request) -> web.Response:
        request[SHAPE] = _BOARD
        body = await request.read()
        if not _is_ours(world, request):
            return web.Response(status=404)
        if not _is_signed(world, request, body):
            return web.json_response({"error": "the signature does not fit, or is too old"}, status=401)
        _keep(world, request.headers["webhook-id"], body)
        return web.Response(status=204)

    async def show(request: web.Request) -> web.Response:
        request[SHAPE] = _BOARD
        if not _is_ours(world, request):
            return web.Response(status=404)
        return web.Response(text=_page(notices(world)), content_type="text/html")

    app.router.add_post(f"{PATH}/{{token}}", receive)
    app.router.add_get(f"{PATH}/{{token}}", show)


def notices(world: World) -> list[Json]:
    """What arrived, oldest first, each once; `deliveries` counts how often it came."""
    return sorted(world.store.facts(_AREA), key=lambda notice: str(notice["received_at"]))


def _secret(world: World, name: str) -> str:
    kept = world.store.fact("secret", name)
    return str(kept["versions"][-1]["value"]) if kept else ""


def _is_ours(world: World, request: web.Request) -> bool:
    token = _secret(world, URL_SECRET).rpartition("/")[2]
    return bool(token) and hmac.compare_digest(request.match_info["token"].encode(), token.encode())


def _is_signed(world: World, request: web.Request, body: bytes) -> bool:
    name, stamp = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
    if not name or not stamp.isascii() or not stamp.isdigit():
        return False
    if abs(world.clock.now().timestamp() - int(stamp)) > _TOLERANCE:
        return False
    wanted = signature(key_of(_secret(world, KEY_SECRET)), name, int(stamp), body)
    return hmac.compare_digest(wanted.encode(), request.headers.get("webhook-signature", "").encode())


def _keep(world: World, name: str, body: bytes) -> None:
    known = world.store.fact(_AREA, name)
    if known is None:
        known = {**json.loads(body), "received_at": iso(world.clock.now()), "deliveries": 0}
    with world.store.transaction():
        world.store.keep(_AREA, name, {**known, "deliveries": known["deliveries"] + 1})


def _page(kept: list[Json]) -> str:
    shown = "".join(_shown(notice) for notice in reversed(kept)) or "<p>Nothing yet.</p>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="10">'
        "<title>Notices</title></head>"
        '<body style="font-family: sans-serif; max-width: 60em; margin: 2em auto">'
        f"<h1>Notices of the local profile</h1>{shown}</body></html>"
    )


def _shown(notice: Json) -> str:
    data = notice["data"]
    facts = " · ".join(f"{escape(name)}: {escape(value)}" for name, value in data["facts"].items())
    lines = "".join(
        f"<li><b>{escape(line['source'])}</b> {escape(line['text'])} <code>{escape(line['code'])}</code><br>"
        f"{escape(line['help'])}</li>"
        for line in data["lines"]
    )
    colour = _COLOUR.get(data["tone"], "#000")
    return (
        f'<section style="border-left: 6px solid {colour}; padding-left: 1em; margin: 1em 0">'
        f"<h3>{escape(data['title'])}</h3><p>{escape(notice['timestamp'])} · {escape(notice['type'])} · {facts}</p>"
        f"<ul>{lines}</ul></section>"
    )

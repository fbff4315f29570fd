"""HTTP triggers: routes, function keys, requests and responses as the worker sees and gives them."""

from __future__ import annotations

import logging
from collections import defaultdict
from typing import Any, Final

from aiohttp import web

from local.host.index import HTTP, Function, Index
from local.host.invoke import Invoker, decode, encode
from local.host.keys import HEADER, QUERY, Keys
from local.host.routes import Route

_log = logging.getLogger(__name__)

_ANY_METHOD: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


class HttpTriggers:
    """The app's HTTP functions."""

    def __init__(self, index: Index, invoker: Invoker, keys: Keys) -> None:
        self._invoker, self._keys = invoker, keys
        self._routes: list[tuple[Route, frozenset[str], Function]] = sorted(
            ((Route(_route(function)), _methods(function), function) for function in index.of_kind(HTTP)),
            key=lambda entry: entry[0].rank,
        )

    def described(self) -> list[dict[str, Any]]:
        """The routes, for the list of functions."""
        return [
            {"name": function.name, "route": route.template, "methods": sorted(methods), "authLevel": _level(function)}
            for route, methods, function in self._routes
        ]

    async def handle(self, request: web.Request, path: str) -> web.StreamResponse:
        """Answers a request; `path` is its percent-encoded path without the route prefix.

        Without a route that fits path and method it is 404, as in Azure; without a good key 401.
        """
        for route, methods, function in self._routes:
            parameters = route.match(path) if request.method in methods else None
            if parameters is None:
                continue
            given = (request.headers.get(HEADER), request.query.get(QUERY))
            if not self._keys.allows(_level(function), given, function.name):
                return web.Response(status=401)
            return await self._call(function, request, parameters)
        return web.Response(status=404)

    async def _call(self, function: Function, request: web.Request, parameters: dict[str, str]) -> web.StreamResponse:
        value = decode(HTTP, await _http_datum(request, parameters), "http")
        try:
            answer = await self._invoker.call(function, value)
            return _response(answer)
        except Exception as error:  # noqa: BLE001 (a function that fails is answered with 500, as in Azure)
            _log.error("function failed", exc_info=error, extra={"function": function.name})
            return web.Response(status=500)


def _route(function: Function) -> str:
    return function.setting("route", function.name)


def _methods(function: Function) -> frozenset[str]:
    wanted = function.trigger.methods
    return frozenset(str(getattr(one, "value", one)).upper() for one in wanted) if wanted else _ANY_METHOD


def _level(function: Function) -> str:
    level = function.trigger.auth_level
    return str(getattr(level, "value", level) or "function").lower()


async def _http_datum(request: web.Request, parameters: dict[str, str]) -> dict[str, Any]:
    """The request as the real host hands it to the worker: values of one name joined by commas."""
    from azure.functions.meta import Datum

    def joined(pairs: Any) -> dict[str, Any]:
        grouped: defaultdict[str, list[str]] = defaultdict(list)
        for name, value in pairs:
            grouped[name].append(value)
        return {name: Datum(",".join(values), "string") for name, values in grouped.items()}

    return {
        "method": Datum(request.method, "string"),
        "url": Datum(str(request.url), "string"),
        "headers": joined((name.lower(), value) for name, value in request.headers.items()),
        "query": joined(request.query.items()),
        "params": {name: Datum(value, "string") for name, value in parameters.items()},
        "body": Datum(await request.read(), "bytes"),
    }


def _response(answer: Any) -> web.StreamResponse:
    if answer is None:
        return web.Response(status=204)
    datum = encode("http", answer)
    if datum.type == "string":
        return web.Response(text=datum.value)
    value = datum.value
    headers = {name: item.value for name, item in value["headers"].items()}
    response = web.Response(body=value["body"].value, status=int(value["status_code"].value), headers=headers)
    for cookie in value["cookies"] or ():
        for morsel in cookie.values():
            response.headers.add("Set-Cookie", morsel.OutputString())
    return response

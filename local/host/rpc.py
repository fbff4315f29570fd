"""The durable client's HTTP surface: what the SDK calls (`/durabletask/`) and what people may call
(`/runtime/webhooks/durabletask/`, with the system key).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote

from aiohttp import web

from local.host import lifecycle, payload
from local.host.entities import entity_key
from local.host.episode import missing
from local.host.history import TERMINAL, Event, EventType
from local.host.index import Index
from local.host.pace import Pace
from local.host.status import Filter, status_of
from local.host.store import Instance, Store, Transaction

RPC_PREFIX: Final = "/durabletask/"
WEBHOOK_PREFIX: Final = "/runtime/webhooks/durabletask/"
_ID: Final = "INSTANCEID"
_MESSAGES: Final = {
    "terminate": EventType.EXECUTION_TERMINATED,
    "suspend": EventType.EXECUTION_SUSPENDED,
    "resume": EventType.EXECUTION_RESUMED,
}


def client_binding(origin: str, hub: str, system_key: str) -> str:
    """The durable client's binding: where the SDK finds this host. `origin` is `http://host:port`."""
    query = f"taskHub={hub}&connection=Storage&code={system_key}"
    hooks = origin + WEBHOOK_PREFIX.rstrip("/")
    one = f"{hooks}/instances/{_ID}"
    return json.dumps(
        {
            "taskHubName": hub,
            "baseUrl": hooks,
            "rpcBaseUrl": origin + RPC_PREFIX,
            "requiredQueryStringParameters": query,
            "creationUrls": {
                "createNewInstancePostUri": f"{hooks}/orchestrators/{{functionName}}[/{{instanceId}}]?{query}",
                "createAndWaitOnNewInstancePostUri": f"{hooks}/orchestrators/{{functionName}}[/{{instanceId}}]?{query}",
            },
            "managementUrls": {
                "id": _ID,
                "statusQueryGetUri": f"{one}?{query}",
                "sendEventPostUri": f"{one}/raiseEvent/{{eventName}}?{query}",
                "terminatePostUri": f"{one}/terminate?reason={{text}}&{query}",
                "rewindPostUri": f"{one}/rewind?reason={{text}}&{query}",
                "purgeHistoryDeleteUri": f"{one}?{query}",
                "restartPostUri": f"{one}/restart?{query}",
                "suspendPostUri": f"{one}/suspend?reason={{text}}&{query}",
                "resumePostUri": f"{one}/resume?reason={{text}}&{query}",
            },
        }
    )


class _RefusedError(Exception):
    """A request that is answered with 400; the SDK raises the message."""


class DurableApi:
    """Answers the durable client. Changes go through the store; the engine hears of them by its listener."""

    def __init__(self, store: Store, index: Index, pace: Pace, binding: Callable[[], str]) -> None:
        self._store, self._index, self._pace, self._binding = store, index, pace, binding

    async def handle(self, request: web.Request, tail: str) -> web.StreamResponse:
        """Answers a request below one of the prefixes; `tail` is the percent-encoded rest of its path."""
        path = [unquote(part) for part in tail.split("/") if part]
        try:
            match request.method, path:
                case "POST", ["orchestrators", name, *rest] if len(rest) <= 1:
                    return self._start(name, rest[0] if rest else None, await request.text(), request.query)
                case "GET", ["instances"]:
                    wanted = Filter.of(request.query)
                    return web.json_response([status_of(one) for one in self._store.instances() if wanted.takes(one)])
                case "DELETE", ["instances"]:
                    return self._purge_many(Filter.of(request.query))
                case "GET", ["instances", key]:
                    return self._status(key, request.query)
                case "DELETE", ["instances", key]:
                    return self._purge_one(key)
                case "POST", ["instances", key, operation, *rest]:
                    return await self._manage(request, key, operation.lower(), rest)
                case "GET", ["entities", name, key]:
                    found = self._store.entity(entity_key(name, key))
                    if found is None:
                        return web.Response(status=404)
                    return web.Response(text=found[0] or "null", content_type="application/json")
                case "POST", ["entities", name, key]:
                    return self._signal(name, key, request.query.get("op", ""), await request.text())
        except (_RefusedError, payload.PayloadTooLargeError) as error:
            return _refuse(str(error))
        return web.Response(status=404)

    def _start(self, name: str, key: str | None, body: str, query: Any) -> web.Response:
        new_input = _start_input(body)
        payload.check(new_input, f"input of orchestrator {name!r}")
        if name.lower() not in self._index.orchestrators:
            raise _RefusedError(missing(name, "orchestrator"))
        if key is not None and key.startswith("@"):
            raise _RefusedError("An instance id must not start with '@'.")
        old = self._store.instance(key) if key is not None else None
        if old is not None and old.status not in TERMINAL:
            raise _RefusedError(f"An Orchestration instance with the status {old.status} already exists.")
        with self._store.transaction() as change:
            made = lifecycle.start(
                change, self._pace.now(), name, new_input, instance_id=key, version=query.get("version", "")
            )
        return self._accepted(made)

    def _accepted(self, key: str) -> web.Response:
        urls = {name: url.replace(_ID, key) for name, url in json.loads(self._binding())["managementUrls"].items()}
        return web.json_response(urls, status=202, headers={"Location": urls["statusQueryGetUri"], "Retry-After": "10"})

    def _status(self, key: str, query: Any) -> web.Response:
        found = self._store.instance(key)
        if found is None:
            return web.Response(status=404)
        history = self._store.history(key) if _flag(query, "showHistory") else None
        status = status_of(
            found,
            show_input=_flag(query, "showInput", default=True),
            history=history,
            outputs=_flag(query, "showHistoryOutput"),
        )
        return web.json_response(status, status=200 if found.status in TERMINAL else 202)

    async def _manage(self, request: web.Request, key: str, operation: str, rest: list[str]) -> web.Response:
        found = self._store.instance(key)
        if found is None:
            return web.Response(status=404)
        if operation == "restart" and not rest:
            return self._restart(found, _flag(request.query, "restartWithNewInstanceId", default=True))
        if operation == "rewind" and not rest:
            return web.json_response("The local host cannot rewind; restart the instance instead.", status=501)
        if operation == "raiseevent" and len(rest) == 1:
            event = {"EventType": EventType.EVENT_RAISED, "Name": rest[0], "Input": _event_input(await request.text())}
        elif operation in _MESSAGES and not rest:
            event = {"EventType": _MESSAGES[operation], "Input": request.query.get("reason")}
        else:
            return web.Response(status=404)
        if found.status in TERMINAL:
            return web.Response(status=410)
        with self._store.transaction() as change:
            change.send(key, {**event, "EventId": -1})
        return web.Response(status=202)

    def _restart(self, old: Instance, new_id: bool) -> web.Response:
        if not new_id and old.status not in TERMINAL:
            raise _RefusedError(f"An Orchestration instance with the status {old.status} already exists.")
        with self._store.transaction() as change:
            made = lifecycle.start(
                change,
                self._pace.now(),
                old.name,
                old.input,
                instance_id=None if new_id else old.id,
                version=old.version,
            )
        return self._accepted(made)

    def _purge_one(self, key: str) -> web.Response:
        with self._store.transaction() as change:
            gone = change.delete_entity(key) if key.startswith("@") else self._purge(change, self._store.instance(key))
        return web.json_response({"instancesDeleted": 1}) if gone else web.Response(status=404)

    def _purge_many(self, wanted: Filter) -> web.Response:
        found = [one for one in self._store.instances() if wanted.takes(one)]
        with self._store.transaction() as change:
            gone = sum(self._purge(change, one) for one in found)
        return web.json_response({"instancesDeleted": gone}) if gone else web.Response(status=404)

    def _purge(self, change: Transaction, found: Instance | None) -> bool:
        if found is None or found.status not in TERMINAL:
            return False
        change.purge(found.id)
        return True

    def _signal(self, name: str, key: str, operation: str, body: str) -> web.Response:
        if name.lower() not in self._index.entities:
            raise _RefusedError(missing(name, "entity"))
        payload.check(body, f"input of entity {name!r}")
        message: Event = {"op": operation, "signal": True}
        if _parse(body) is not None:
            message["input"] = body
        with self._store.transaction() as change:
            change.send(entity_key(name, key), message)
        return web.Response(status=202)


def _start_input(body: str) -> str | None:
    """The input as JSON text. The SDK sends a JSON string of it; people send it as it is."""
    found = _parse(body)
    if found is None or (isinstance(found, str) and _is_json(found)):
        return found
    return json.dumps(found)


def _event_input(body: str) -> str:
    """The event's data as JSON text. The SDK encodes it twice, so the orchestrator gets a string, as in Azure."""
    text = json.dumps(_parse(body))
    payload.check(text, "data of an external event")
    return text


def _parse(body: str) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError as error:
        raise _RefusedError(f"Invalid JSON content: {error}") from None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _flag(query: Any, name: str, *, default: bool = False) -> bool:
    return str(query.get(name, default)).lower() == "true"


def _refuse(message: str) -> web.Response:
    body = {
        "Message": "One or more of the arguments submitted is incorrect",
        "ExceptionMessage": message,
        "ExceptionType": "System.ArgumentException",
        "StackTrace": "",
    }
    return web.json_response(body, status=400)

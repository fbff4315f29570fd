"""Entities: takes the waiting operations of one as a batch, runs them, stores state and answers in one transaction."""

from __future__ import annotations

import json
import logging
from typing import Any, Final

from local.host import payload
from local.host.history import EventType
from local.host.index import ENTITY, Index
from local.host.invoke import Invoker, decode
from local.host.pace import Pace
from local.host.store import Message, Store

_log = logging.getLogger(__name__)

_BATCH: Final = 50


def entity_key(name: str, key: str) -> str:
    """The id under which an entity lives: names are case-insensitive, keys are not."""
    return f"@{name.lower()}@{key}"


async def step(store: Store, index: Index, invoker: Invoker, pace: Pace, entity_id: str) -> None:
    """Runs one batch of operations. What is left over makes the entity ready again."""
    name, key = entity_id[1:].split("@", 1)
    waiting = store.inbox(entity_id)
    batch, found = waiting[:_BATCH], store.entity(entity_id)
    body = {
        "self": {"name": name, "key": key},
        "exists": found is not None,
        "state": found[0] if found else None,
        "batch": [
            {
                "name": message.event["op"],
                "input": message.event.get("input"),
                "isSignal": bool(message.event.get("signal")),
            }
            for message in batch
        ],
    }
    try:
        function = index.entities[name]
        answer = json.loads(await invoker.call(function, decode(ENTITY, json.dumps(body), "json")))
        payload.check(answer["entityState"], f"state of entity {name!r}")
    except Exception as error:  # noqa: BLE001 (the state stays, and every caller gets the error)
        _log.warning("entity batch failed", exc_info=error, extra={"entity": entity_id})
        answer = {
            "entityExists": found is not None,
            "entityState": found[0] if found else None,
            "results": [{"isError": True, "result": json.dumps(str(error))} for _ in batch],
        }
    with store.transaction() as change:
        change.consume([message.n for message in batch])
        if answer["entityExists"]:
            change.put_entity(entity_id, answer["entityState"], pace.now().timestamp())
        else:
            change.delete_entity(entity_id)
        for message, result in zip(batch, answer["results"], strict=True):
            if not message.event.get("signal"):
                change.send(message.event["parent"], _answer(message, result), message.event["parentExecution"])
        if len(waiting) > len(batch):
            change.wake(entity_id)


def _answer(message: Message, result: dict[str, Any]) -> dict[str, Any]:
    response = {"result": result["result"]}
    if result["isError"]:
        response["exceptionType"] = "Error"
    return {
        "EventType": EventType.EVENT_RAISED,
        "EventId": -1,
        "Name": message.event["id"],
        "Input": json.dumps(response),
    }

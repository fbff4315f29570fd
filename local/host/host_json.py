"""What `host.json` says: the keys that this host honours, with the defaults of the real one."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

_TIME_SPAN = re.compile(r"^(?:(\d+)\.)?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,7}))?)?$")
_SETTING = re.compile(r"%([^%]+)%")


class BadHostJsonError(Exception):
    """host.json, or an app setting that it or a binding names, cannot be used. The message names it."""


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """`extensions.queues`."""

    base64: bool = True
    visibility_timeout: timedelta = timedelta()
    """How long a message stays hidden after a failed attempt."""
    max_dequeue_count: int = 5
    batch_size: int = 16
    new_batch_threshold: int = 8
    max_polling_interval: timedelta = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class HostOptions:
    """The whole file."""

    route_prefix: str = "api"
    hub: str = "LocalHub"
    activities: int = 10
    orchestrators: int = 10
    entities: int = 10
    queues: QueueOptions = QueueOptions()


def resolve(text: str, environment: Mapping[str, str] | None = None) -> str:
    """Replaces each `%SETTING%` by its app setting, as the real host does in binding values.

    Raises BadHostJsonError for a setting that is not there.
    """
    settings = os.environ if environment is None else environment

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name not in settings:
            raise BadHostJsonError(f"'%{name}%' does not resolve to a value: there is no app setting {name}")
        return settings[name]

    return _SETTING.sub(value, text)


def time_span(text: str) -> timedelta:
    """A .NET time span, `[d.]hh:mm[:ss[.fffffff]]`. Raises BadHostJsonError."""
    found = _TIME_SPAN.match(text)
    if not found:
        raise BadHostJsonError(f"{text!r} is not a time span such as 00:00:30")
    days, hours, minutes, seconds, fraction = found.groups()
    return timedelta(
        days=int(days or 0),
        hours=int(hours),
        minutes=int(minutes),
        seconds=int(seconds or 0),
        microseconds=int((fraction or "0").ljust(7, "0")) // 10,
    )


def read_host_json(app: Path) -> HostOptions:
    """Reads the app folder's host.json; without one, the defaults. Raises BadHostJsonError."""
    file = app / "host.json"
    if not file.exists():
        return HostOptions()
    try:
        found = json.loads(file.read_text())
    except ValueError as error:
        raise BadHostJsonError(f"host.json is not JSON: {error}") from None
    extensions: dict[str, Any] = found.get("extensions") or {}
    durable: dict[str, Any] = extensions.get("durableTask") or {}
    return HostOptions(
        route_prefix=str((extensions.get("http") or {}).get("routePrefix", "api")).strip("/"),
        hub=resolve(str(durable.get("hubName") or "LocalHub")),
        activities=int(durable.get("maxConcurrentActivityFunctions") or 10),
        orchestrators=int(durable.get("maxConcurrentOrchestratorFunctions") or 10),
        entities=int(durable.get("maxConcurrentEntityFunctions") or 10),
        queues=_queues(extensions.get("queues") or {}),
    )


def _queues(found: dict[str, Any]) -> QueueOptions:
    encoding = str(found.get("messageEncoding", "base64")).lower()
    if encoding not in ("base64", "none"):
        raise BadHostJsonError(f"extensions.queues.messageEncoding is {encoding!r}; it is 'base64' or 'none'")
    default = QueueOptions()
    batch = int(found.get("batchSize", default.batch_size))
    return QueueOptions(
        base64=encoding == "base64",
        visibility_timeout=time_span(found.get("visibilityTimeout", "00:00:00")),
        max_dequeue_count=int(found.get("maxDequeueCount", default.max_dequeue_count)),
        batch_size=batch,
        new_batch_threshold=int(found.get("newBatchThreshold", batch // 2)),
        max_polling_interval=min(default.max_polling_interval, time_span(found.get("maxPollingInterval", "00:01:00"))),
    )

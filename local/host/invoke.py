"""Calls the app's functions: sync ones in thread pools, async ones on a loop of their own.

The real host is another process than the app. Here both share one interpreter, so the app's coroutines run on their
own event loop in their own thread: one that blocks does not stop the host from answering it.
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from azure.functions import meta

from local.host.host_json import HostOptions
from local.host.index import ACTIVITY, ENTITY, ORCHESTRATION, Function

T = TypeVar("T")

_TRIGGER_THREADS = 16


@dataclass(frozen=True, slots=True)
class InvocationContext:
    """What a function gets that takes `context` without binding it."""

    function_name: str
    function_directory: str
    invocation_id: str
    thread_local_storage: threading.local
    trace_context: None = None
    retry_context: None = None


class FunctionQuitError(Exception):
    """A function tried to end its process, or was cancelled from within."""


class Invoker:
    """Calls functions. `client` yields the durable client's binding JSON when it is needed."""

    def __init__(self, options: HostOptions, client: Callable[[], str], folder: str = "") -> None:
        self._client = client
        self._folder = folder
        self._orchestrators = ThreadPoolExecutor(options.orchestrators, "orchestrators")
        pools = {
            ACTIVITY: ThreadPoolExecutor(options.activities, "activities"),
            ORCHESTRATION: self._orchestrators,
            ENTITY: ThreadPoolExecutor(options.entities, "entities"),
        }
        self._triggers = ThreadPoolExecutor(_TRIGGER_THREADS, "triggers")
        self._pools = pools
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="app-loop", daemon=True)
        self._thread.start()

    async def call(self, function: Function, value: Any) -> Any:
        """Calls a function with the trigger's value and returns what it returns; raises what it raises."""
        arguments = {function.parameter: value} | {name: self._client() for name in function.clients}
        if function.wants_context:
            arguments["context"] = InvocationContext(function.name, self._folder, str(uuid.uuid4()), threading.local())
        if function.is_async:
            running = asyncio.run_coroutine_threadsafe(_contained(function.call(**arguments)), self._loop)
            return await asyncio.wrap_future(running)
        pool = self._pools.get(function.kind, self._triggers)
        return await asyncio.get_running_loop().run_in_executor(pool, _contained_call, function.call, arguments)

    async def replay(self, work: Callable[[], T]) -> T:
        """Runs an orchestrator's replay in the orchestrators' threads."""
        return await asyncio.get_running_loop().run_in_executor(self._orchestrators, work)

    def close(self) -> None:
        """Stops the app's loop and takes no more calls; running threads are not waited for."""
        for pool in (*self._pools.values(), self._triggers):
            pool.shutdown(wait=False, cancel_futures=True)
        if self._loop.is_running():
            asyncio.run_coroutine_threadsafe(_close_client_session(), self._loop).result(5)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)
        if not self._loop.is_running():
            self._loop.close()


async def _contained(call: Coroutine[Any, Any, Any]) -> Any:
    """Keeps what would end the loop or the host inside the app's call."""
    try:
        return await call
    except (asyncio.CancelledError, SystemExit) as error:
        raise FunctionQuitError(f"the function ended by {type(error).__name__}") from error


def _contained_call(call: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    try:
        return call(**arguments)
    except SystemExit as error:
        raise FunctionQuitError("the function ended by SystemExit") from error


async def _close_client_session() -> None:
    """Closes the HTTP session that the SDK keeps for its durable client, so that none is left open."""
    from azure.durable_functions.models.utils import http_utils

    await http_utils._close_session()


def decode(kind: str, value: Any, data_type: str, metadata: dict[str, Any] | None = None) -> Any:
    """Makes a trigger's value from what the real host would send, with the worker's own converters."""
    converter = meta.get_binding_registry().get(kind)
    return converter.decode(meta.Datum(value, data_type), trigger_metadata=metadata)


def encode(kind: str, value: Any) -> Any:
    """The reverse, for what a function returned: a `Datum` with `value` and `type`."""
    return meta.get_binding_registry().get(kind).encode(value, expected_type=None)

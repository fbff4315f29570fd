"""The host put together: one HTTP server, the engine, the triggers."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from local.host.engine import Engine
from local.host.host_json import read_host_json
from local.host.index import index_app, load_app
from local.host.invoke import Invoker
from local.host.keys import load_keys
from local.host.pace import Pace
from local.host.rpc import RPC_PREFIX, WEBHOOK_PREFIX, DurableApi, client_binding
from local.host.store import Store
from local.host.triggers_http import HttpTriggers
from local.host.triggers_queue import AzureChannel, Connect, QueueTriggers
from local.host.triggers_timer import TimerTriggers

_log = logging.getLogger(__name__)

_LARGEST_BODY: Final = 100 << 20
"""Bytes; the limit of the real host."""
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})


class Host:
    """A host of one app. `start`, then `stop`; between the two it serves."""

    def __init__(
        self,
        app: Path,
        state: Path,
        *,
        port: int = 0,
        address: str = "127.0.0.1",
        clock_file: Path | None = None,
        connect: Connect = AzureChannel.connect,
    ) -> None:
        self._address, self._port = address, port
        self._options = read_host_json(app)
        self.store = Store(state)
        try:
            self._assemble(app, state, clock_file, connect)
        except BaseException:
            self.store.close()
            raise
        self._engine: Engine | None = None
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def _assemble(self, app: Path, state: Path, clock_file: Path | None, connect: Connect) -> None:
        self.index = index_app(load_app(app))
        self.keys = load_keys(state)
        self._pace = Pace.of(clock_file)
        self._invoker = Invoker(self._options, self._binding, str(app))
        self._http = HttpTriggers(self.index, self._invoker, self.keys)
        self._timers = TimerTriggers(self.index, self._invoker, self.store, self._pace)
        self._queues = QueueTriggers(self.index, self._invoker, self._options.queues, connect)
        self._durable = DurableApi(self.store, self.index, self._pace, self._binding)

    @property
    def origin(self) -> str:
        """Where this machine reaches the host: `http://address:port`."""
        address = "127.0.0.1" if self._address in ("0.0.0.0", "::", "") else self._address  # noqa: S104 (compared)
        return f"http://{address}:{self._port}"

    def _binding(self) -> str:
        return client_binding(self.origin, self._options.hub, self.keys.system)

    async def start(self) -> None:
        """Listens, then goes on with what a former host left, then starts the triggers.

        Triggers come last: a timer that runs at start needs the durable client's endpoint.
        """
        application = web.Application(client_max_size=_LARGEST_BODY)
        application.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._address, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self._engine = Engine(self.store, self.index, self._invoker, self._pace, self._options)
        for work in (self._engine.run(), self._timers.run(), self._queues.run()):  # the engine first: see stop
            self._tasks.append(asyncio.create_task(work))

    async def failed(self) -> None:
        """Returns never, or raises what broke the engine or a trigger's loop."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    async def stop(self, grace: float = 5.0) -> None:
        """Takes nothing more, waits `grace` seconds for what runs, and gives the state free."""
        for task in self._tasks[1:]:
            task.cancel()
        await asyncio.gather(*self._tasks[1:], return_exceptions=True)
        if self._engine is not None:
            await self._engine.stop(grace)
            await asyncio.gather(*self._tasks[:1], return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()
        self._invoker.close()
        self.store.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path
        if path.startswith(RPC_PREFIX):
            if request.remote not in _LOOPBACK:
                return web.Response(status=403)
            return await self._durable.handle(request, path[len(RPC_PREFIX) :])
        if path.startswith(WEBHOOK_PREFIX):
            given = (request.headers.get("x-functions-key"), request.query.get("code"))
            if not self.keys.allows("system", given):
                return web.Response(status=401)
            return await self._durable.handle(request, path[len(WEBHOOK_PREFIX) :])
        if path.startswith("/admin/"):
            return self._admin(request, path)
        prefix = f"/{self._options.route_prefix}/" if self._options.route_prefix else "/"
        if path.lower().startswith(prefix.lower()):
            return await self._http.handle(request, path[len(prefix) :])
        return web.Response(status=404)

    def _admin(self, request: web.Request, path: str) -> web.StreamResponse:
        """Counts and names, for this machine alone."""
        if request.remote not in _LOOPBACK:
            return web.Response(status=403)
        if path == "/admin/status":
            return web.json_response(self.status())
        if path == "/admin/functions":
            return web.json_response(self.functions())
        return web.Response(status=404)

    def status(self) -> dict[str, Any]:
        """What there is and what runs at this moment."""
        running = self._engine.running_activities if self._engine else []
        return {
            "state": "Running",
            "now": self._pace.now().isoformat().replace("+00:00", "Z"),
            "activities_running": running,
            **self.store.counts(),
        }

    def functions(self) -> list[dict[str, Any]]:
        """The app's functions, with what their triggers listen to."""
        more: dict[str, dict[str, Any]] = {}
        for found in (self._http.described(), self._timers.described(), self._queues.described()):
            more |= {str(entry["name"]): dict(entry) for entry in found}
        return [{"name": one.name, "trigger": one.kind, **more.get(one.name, {})} for one in self.index.functions]

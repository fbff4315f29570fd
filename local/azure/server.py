"""The servers: https for everything with a certificate, http for the identity endpoints, and the ticking of time."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from holdfast.model.clock import iso
from local.azure import admin, arm, identity_endpoints, notice_board, sql_data, vault, vault_access, vault_keys
from local.azure.log_keys import REGION, SHAPE
from local.azure.virtual_machines import reconcile
from local.azure.world import World

_TICK = 0.1
"""Seconds between looks at what is due, so that machines boot and copies end without anybody asking."""

_Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


def https_application(world: World) -> web.Application:
    """Resource Manager, the vault, the SQL data endpoint, the admin endpoint and the notice board."""
    app = web.Application(middlewares=[_middleware(world)], client_max_size=64 << 20)
    admin.add_routes(app, world)
    sql_data.add_routes(app, world)
    notice_board.add_routes(app, world)

    async def to_secrets(request: web.Request) -> web.Response:
        return await vault_access.handle(world, request, vault.answer)

    async def to_keys(request: web.Request) -> web.Response:
        return await vault_access.handle(world, request, vault_keys.answer)

    async def to_arm(request: web.Request) -> web.Response:
        return await arm.handle(world, request)

    for root, handler in (("/secrets", to_secrets), ("/keys", to_keys), ("/deletedkeys", to_keys)):
        app.router.add_route("*", root, handler)
        app.router.add_route("*", f"{root}/{{rest:.*}}", handler)
    for root in ("/subscriptions", "/providers"):
        app.router.add_route("*", f"{root}{{rest:.*}}", to_arm)
    return app


def http_application(world: World) -> web.Application:
    """The identity endpoints: the SDKs speak plain http to them, as in Azure."""
    app = web.Application(middlewares=[_middleware(world)])
    identity_endpoints.add_routes(app, world)
    return app


def _middleware(world: World) -> Middleware:
    """Lets time pass, applies faults, keeps the request log. The admin endpoint is spared the last two."""

    @web.middleware
    async def around(request: web.Request, handler: _Next) -> web.StreamResponse:
        world.settle()
        if request.path.startswith("/_local/"):
            return await handler(request)
        status: int | None = None
        try:
            response = await _with_fault(world, request, handler)
            status = response.status
            return response
        except web.HTTPException as refused:
            status = refused.status
            raise
        finally:
            shape = request.get(SHAPE)
            world.store.log(
                {
                    "time": iso(world.clock.now()),
                    "method": request.method,
                    "path": request.path,
                    "api_version": request.query.get("api-version", ""),
                    "status": status,
                    "region": request.get(REGION, ""),
                    "name": request.path.rstrip("/").rsplit("/", 1)[1],
                    "shape": shape.name if shape else "",
                }
            )

    return around


async def _with_fault(world: World, request: web.Request, proceed: _Next) -> web.StreamResponse:
    fault = world.faults.take(request.method, request.path)
    if fault is None:
        return await proceed(request)
    if fault.mode == "delay":
        await asyncio.sleep(fault.seconds)
        return await proceed(request)
    if fault.mode == "reply":
        reply = fault.reply()
        request[SHAPE] = reply.shape
        return web.Response(
            status=reply.status, body=reply.content(), headers=reply.headers, content_type="application/json"
        )
    response = await proceed(request) if fault.mode == "lose-reply" else web.Response(status=500)
    if request.transport is not None:
        request.transport.abort()
    return response


@contextlib.asynccontextmanager
async def running(world: World, port: int = 0, http_port: int = 0) -> AsyncIterator[tuple[int, int]]:
    """Serves on 127.0.0.1 until the block is left; gives the https port and the http port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(world.folder.server_certificate, world.folder.server_key)
    runners = [
        web.AppRunner(application, access_log=None, shutdown_timeout=1, max_line_size=32768, max_field_size=32768)
        for application in (https_application(world), http_application(world))
    ]
    ports = []
    try:
        for runner, wanted, tls in zip(runners, (port, http_port), (context, None), strict=True):
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", wanted, ssl_context=tls)
            await site.start()
            ports.append(int(runner.addresses[0][1]))
        world.imds_origin = f"http://127.0.0.1:{ports[1]}"
        world.settle()
        with world.store.transaction():
            reconcile(world)
        ticking = asyncio.create_task(_tick(world))
        try:
            yield ports[0], ports[1]
        finally:
            ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticking
    finally:
        for runner in runners:
            await _stop(runner)


async def _stop(runner: web.AppRunner) -> None:
    """Stops serving. What clients still hold open is cut: a TLS connection would wait for their farewell."""
    held = [c.transport for c in runner.server.connections if c.transport] if runner.server else []
    await runner.cleanup()
    for transport in held:
        transport.abort()
    await asyncio.sleep(0.01)  # lets the loop close the sockets that were cut


async def _tick(world: World) -> None:
    while True:
        await asyncio.sleep(_TICK)
        world.settle()

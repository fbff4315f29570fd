"""`python -m local.storage_front --config FILE`: runs until it is told to end."""

from __future__ import annotations

import argparse
import asyncio
import functools
import logging
import signal
import socket
import ssl
from pathlib import Path

from aiohttp import web

from local.azure.state_folder import StateFolder, write_private
from local.azurite import AzuritePorts
from local.storage_front.config import SERVICES, FrontConfig
from local.storage_front.front import Front
from local.storage_front.upstream import READ_BUFFER


async def serve(config: FrontConfig, stop: asyncio.Event) -> None:
    """Listens on three ports, tells them in the ready file, and ends when `stop` is set."""
    folder = StateFolder(config.azure_state)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder.server_certificate, folder.server_key)
    # The ports must be known before the front is made: copies name their source by this front's own address.
    sockets = {service: socket.create_server(("127.0.0.1", getattr(config.ports, service))) for service in SERVICES}
    ports = AzuritePorts(**{service: sock.getsockname()[1] for service, sock in sockets.items()})
    front = Front(config.model_copy(update={"ports": ports}))
    runners: list[web.AppRunner] = []
    try:
        for service, sock in sockets.items():
            app = web.Application()
            app.router.add_route("*", "/.local/{what}", front.admin.handle)
            app.router.add_route("*", "/{path:.*}", functools.partial(front.handle, service))
            runner = web.AppRunner(app, access_log=None, read_bufsize=READ_BUFFER, shutdown_timeout=1)
            await runner.setup()
            runners.append(runner)
            await web.SockSite(runner, sock, ssl_context=tls).start()
        write_private(config.ready_file, ports.model_dump_json().encode())
        await stop.wait()
    finally:
        for runner in runners:
            await runner.cleanup()
        await front.close()


async def _main(config: FrontConfig) -> None:
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    await serve(config, stop)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m local.storage_front", description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(_main(FrontConfig.model_validate_json(parser.parse_args().config.read_bytes())))

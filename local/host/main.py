"""`python -m local.host --app DIR --state FILE.db --port N [--clock-file F]`.

Prints one line with its address when it listens, writes its log to stderr as JSON lines, and stops on SIGTERM or
SIGINT. Exit codes: 0 stopped, 2 the app or its settings cannot be used, 3 the state is owned by another host.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import os
import signal
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from local.host import logs
from local.host.host_json import BadHostJsonError
from local.host.index import BadAppError
from local.host.routes import BadRouteError
from local.host.server import Host
from local.host.store import StateInUseError
from local.host.triggers_timer import BadScheduleError

_log = logging.getLogger(__name__)


def run(arguments: Sequence[str] | None = None) -> None:
    """The command. Never returns: it ends the process, for an activity's thread cannot be stopped otherwise."""
    wanted = _parse(arguments)
    logs.set_up(wanted.log_level)
    code = asyncio.run(_serve(wanted))
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("local.host", description="The local Azure Functions host.")
    parser.add_argument("--app", type=Path, required=True, help="folder with function_app.py and host.json")
    parser.add_argument("--state", type=Path, required=True, help="SQLite file; made if absent")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--address", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--clock-file", type=Path, default=None, help="file of a scaled clock")
    parser.add_argument("--grace", type=float, default=5.0, help="seconds that running activities get at the end")
    parser.add_argument("--fast-replay", action="store_true", help="parse history times without dateutil")
    parser.add_argument("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    return parser.parse_args(arguments)


async def _serve(wanted: argparse.Namespace) -> int:
    if wanted.fast_replay:
        _speed_up_replay()
    wanted.state.parent.mkdir(parents=True, exist_ok=True)
    app, state = wanted.app.resolve(), wanted.state.resolve()
    clock_file = wanted.clock_file.resolve() if wanted.clock_file else None
    os.chdir(app)  # the worker runs in the app's folder, too
    try:
        host = Host(app, state, port=wanted.port, address=wanted.address, clock_file=clock_file)
    except StateInUseError as error:
        _log.error("%s", error)
        return 3
    except (BadAppError, BadHostJsonError, BadRouteError, BadScheduleError) as error:
        _log.error("%s", error)
        return 2
    stopped = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    await host.start()
    sys.stdout.write(f"listening on {host.origin}\n")
    sys.stdout.flush()
    _log.info("listening", extra={"origin": host.origin, "functions": len(host.index.functions)})
    stop, broken = asyncio.create_task(stopped.wait()), asyncio.create_task(host.failed())
    await asyncio.wait({stop, broken}, return_when=asyncio.FIRST_COMPLETED)
    code = 0
    if broken.done():
        _log.critical("the host broke", exc_info=broken.exception())
        code = 1
    broken.cancel()
    await host.stop(wanted.grace)
    _log.info("stopped")
    return code


def _speed_up_replay() -> None:
    """87 % of a replay is dateutil parsing times that `fromisoformat` reads as well (measured: 5-7 times faster).

    Off by default, so that the SDK as it is delivered stays what is tested.
    """
    module = importlib.import_module("azure.durable_functions.models.history.HistoryEvent")
    module.__dict__["dt_parse"] = datetime.fromisoformat

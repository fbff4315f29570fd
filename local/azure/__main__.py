"""`python -m local.azure --state DIR --port N [--http-port M] [--clock-file F] [--pace X] …`: runs the emulator."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import signal
import sys
from pathlib import Path

from holdfast.clock_file import clock_from
from local.azure.machines import MachineRunner, NoMachines
from local.azure.server import running
from local.azure.state_folder import StateFolder
from local.azure.world import World


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.azure", description="Azure on one machine.")
    parser.add_argument("--state", type=Path, required=True, help="folder of everything that outlives a restart")
    parser.add_argument("--port", type=int, default=0, help="https port (0: any)")
    parser.add_argument("--http-port", type=int, default=0, help="http port of the identity endpoints (0: any)")
    parser.add_argument("--clock-file", type=Path, help="file of a scaled clock; without: the machine's clock")
    parser.add_argument("--pace", type=float, default=1.0, help="durations are Azure's times this")
    parser.add_argument("--token-lifetime", type=float, default=86400.0, help="seconds that a token lives")
    parser.add_argument("--page-size", type=int, default=100, help="items on a page of a list")
    parser.add_argument(
        "--machines", default="", help="MODULE:NAME of a function from (state folder, CA file) to a MachineRunner"
    )
    return parser.parse_args()


def _runner(name: str, folder: StateFolder) -> MachineRunner:
    if not name:
        return NoMachines()
    module, _, attribute = name.partition(":")
    made: MachineRunner = getattr(importlib.import_module(module), attribute)(folder.root, folder.ca)
    return made


async def _serve(arguments: argparse.Namespace) -> None:
    folder = StateFolder(arguments.state.resolve())
    world = World(
        folder,
        clock=clock_from(arguments.clock_file),
        pace=arguments.pace,
        token_lifetime=arguments.token_lifetime,
        page_size=arguments.page_size,
        runner=_runner(arguments.machines, folder),
    )
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    try:
        async with running(world, arguments.port, arguments.http_port) as (https, http):
            # One line for whoever started us: from now on we answer.
            sys.stdout.write(json.dumps({"https_port": https, "http_port": http}) + "\n")
            sys.stdout.flush()
            await stopped.wait()
    finally:
        world.close()


if __name__ == "__main__":
    asyncio.run(_serve(_arguments()))

"""systemd's part of a machine: starts, restarts, stops and times its units."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import uuid
from collections import deque
from collections.abc import Mapping, Sequence

from local.machines import membership, units
from local.machines.differences import NotEmulated
from local.machines.disk import MachineDisk
from local.machines.units import TARGETS, Unit

_INVOCATION = "INVOCATION_ID"
"""systemd gives every start of a unit its own id; here it also stands for the unit's cgroup."""


class Services:
    """The units of one machine."""

    def __init__(self, disk: MachineDisk) -> None:
        self._disk = disk
        self.own_children: set[int] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._main: dict[str, asyncio.subprocess.Process] = {}
        self._stopping: set[str] = set()

    # --- what systemctl asks for ---------------------------------------------------------------------------------

    def load(self, name: str) -> Unit:
        """Reads a unit file. Raises FileNotFoundError or NotEmulated."""
        return units.parse(name, (self._disk.units / name).read_text())

    def enable(self, name: str) -> None:
        """Starts the unit at every boot from now on."""
        for target in self.load(name).wanted_by:
            link = self._disk.units / f"{target}.wants" / name
            link.parent.mkdir(exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(self._disk.units / name)

    async def start_enabled(self) -> None:
        """What a boot starts."""
        for link in sorted(self._disk.units.glob("multi-user.target.wants/*")):
            await self.start(link.name)

    async def start(self, name: str) -> None:
        """Starts a unit and what it wants; harmless if it runs."""
        if name in TARGETS or (name in self._tasks and not self._tasks[name].done()):
            return
        unit = self.load(name)
        for wanted in unit.wants:
            await self.start(wanted)
        self._stopping.discard(name)
        work = self._run_timer(unit) if name.endswith(".timer") else self._run_service(unit)
        self._tasks[name] = asyncio.create_task(work)
        if unit.type == "oneshot" and name.endswith(".service"):
            await self._tasks[name]

    async def stop(self, name: str) -> None:
        """Stops a unit: SIGTERM, and SIGKILL for what is left after its time."""
        self._stopping.add(name)
        process = self._main.get(name)
        if process is not None and process.returncode is None:
            # `mixed`: only the main process is asked; `control-group`: all are.
            process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), self.load(name).stop_seconds)
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def stop_all(self) -> None:
        """Switches everything off in good order."""
        for name in list(self._tasks):
            with contextlib.suppress(NotEmulated, FileNotFoundError):
                await self.stop(name)

    # --- running -------------------------------------------------------------------------------------------------

    async def run(self, argv: Sequence[str], more: Mapping[str, str], *, unit: str = "") -> int:
        """Runs one command of the machine to its end, its output on the console. Returns its code; 127 if absent."""
        descriptor = os.open(self._disk.console, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                env={**self._disk.environment(), **more},
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            self._disk.say(f"{argv[0]}: {error}")
            return 127
        finally:
            os.close(descriptor)
        self.own_children.add(process.pid)
        if unit:
            self._main[unit] = process
        try:
            return await process.wait()
        finally:
            self.own_children.discard(process.pid)

    async def _run_service(self, unit: Unit) -> None:
        starts: deque[float] = deque(maxlen=unit.limit_burst)
        while True:
            now = time.monotonic()
            if unit.limit_interval and len(starts) == unit.limit_burst and now - starts[0] < unit.limit_interval:
                self._disk.say(f"{unit.name}: start request repeated too quickly")
                return
            starts.append(now)
            code = await self._invoke(unit)
            if unit.name in self._stopping or not unit.restarts_after(code):
                return
            await asyncio.sleep(unit.restart_seconds)

    async def _invoke(self, unit: Unit) -> int:
        """One start of a service, until it has ended and nothing of it is left."""
        invocation = uuid.uuid4().hex
        try:
            for command in unit.exec_start_pre:
                code = await self.run(command, self._environment(unit, invocation))
                if code:
                    self._disk.say(f"{unit.name}: a command before its start ended with code {code}")
                    return code
            code = await self.run(unit.exec_start, self._environment(unit, invocation), unit=unit.name)
            self._disk.say(f"{unit.name}: main process ended with code {code}")
            return code
        except FileNotFoundError as error:
            self._disk.say(f"{unit.name}: {error}")
            return 1
        finally:
            await asyncio.to_thread(membership.end, _INVOCATION, invocation)

    def _environment(self, unit: Unit, invocation: str) -> dict[str, str]:
        """Read anew for each command, as systemd does: a command before the start may have written the file."""
        found = {**unit.environment, _INVOCATION: invocation}
        for file, optional in unit.environment_files:
            if optional and not file.exists():
                continue
            found.update(units.read_environment_file(file.read_text()))
        return found

    async def _run_timer(self, unit: Unit) -> None:
        target = unit.name.removesuffix(".timer") + ".service"
        pause = unit.on_boot if unit.on_boot is not None else unit.on_active
        while pause is not None:
            await asyncio.sleep(pause)
            await self.start(target)
            pause = unit.on_active

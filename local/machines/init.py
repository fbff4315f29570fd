"""The init of one machine: `python -m local.machines.init FOLDER`. Does cloud-init's work, then systemd's, until killed."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import json
import os
import signal
import sys
from pathlib import Path

from local.machines import cloud_config, membership
from local.machines.differences import NotEmulated
from local.machines.disk import MARK, MachineDisk
from local.machines.services import Services
from local.processes import ProcessRef

_PR_SET_CHILD_SUBREAPER = 36


class Init:
    """One boot of one machine."""

    def __init__(self, disk: MachineDisk) -> None:
        self._disk = disk
        self._services = Services(disk)
        self._off = asyncio.Event()

    async def run(self) -> None:
        """Boots, and keeps the services running until the machine is switched off."""
        reaper = _reap_orphans(self._services.own_children)
        tasks = [asyncio.create_task(work) for work in (self._boot(), self._answer_requests(), reaper)]
        try:
            await self._off.wait()
        finally:
            for task in tasks:
                task.cancel()
            await self._services.stop_all()

    async def _boot(self) -> None:
        try:
            if self._disk.booted.exists():
                await self._services.start_enabled()
                return
            config = cloud_config.parse(self._disk.custom_data.read_text())
            cloud_config.write(config, self._disk.relocation())
            script = self._disk.folder / "runcmd"
            script.write_text(self._disk.relocation().text(config.script))
            code = await self._services.run(["/bin/sh", str(script)], {})
            self._disk.say(f"cloud-init: runcmd ended with code {code}")
            # Once an instance, however it went: so does cloud-init.
            self._disk.booted.touch()
        except NotEmulated as refusal:
            self._disk.say(f"NOT EMULATED: {refusal}")

    async def _answer_requests(self) -> None:
        while True:
            for request in sorted(self._disk.control.glob("*.request")):
                words = json.loads(request.read_text())
                request.unlink()
                code, text = await self._do(words)
                draft = request.with_suffix(".answer-draft")
                draft.write_text(json.dumps({"code": code, "text": text}))
                draft.rename(request.with_suffix(".answer"))
            await asyncio.sleep(0.02)

    async def _do(self, words: list[str]) -> tuple[int, str]:
        """One `systemctl` command."""
        try:
            match words:
                case ["daemon-reload"]:
                    pass  # unit files are read whenever a unit starts
                case ["enable", "--now", name]:
                    self._services.enable(name)
                    await self._services.start(name)
                case ["enable", name]:
                    self._services.enable(name)
                case ["start", name]:
                    await self._services.start(name)
                case ["stop", name]:
                    await self._services.stop(name)
                case ["restart", name]:
                    await self._services.stop(name)
                    await self._services.start(name)
                case ["poweroff"]:
                    self._off.set()
                case _:
                    raise NotEmulated(f"systemctl {' '.join(words)}")
        except NotEmulated as refusal:
            self._disk.say(f"NOT EMULATED: {refusal}")
            return 1, f"not emulated: {refusal}"
        except FileNotFoundError:
            return 5, f"Unit {words[-1]} not found."
        return 0, ""


async def _reap_orphans(own_children: set[int]) -> None:
    """Waits for processes whose parent died, as every init does; asyncio waits for those that it started itself."""
    while True:
        await asyncio.sleep(1)
        _reap(own_children)


def _reap(own_children: set[int]) -> None:
    for entry in os.listdir("/proc"):  # noqa: PTH208 (names alone)
        if entry.isdigit() and int(entry) not in own_children:
            with contextlib.suppress(OSError, ValueError):
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                if fields[0] == "Z" and int(fields[1]) == os.getpid():
                    os.waitpid(int(entry), os.WNOHANG)


def main(folder: Path) -> int:
    """Runs the machine in this folder, unless it runs already."""
    disk = MachineDisk(folder)
    descriptor = os.open(disk.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0
    me = ProcessRef.of(os.getpid())
    if me is None:
        raise OSError("no /proc")
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, me.as_text().encode(), 0)
    # Whatever loses its parent becomes ours, so that nothing of the machine can slip away from its process tree.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # Only the runner cuts the power, and it does so with SIGKILL. A handler, since SIG_IGN would be inherited.
    signal.signal(signal.SIGTERM, lambda *_: None)
    disk.say("boot")
    asyncio.run(Init(disk).run())
    membership.end(MARK, folder.name, spare=os.getpid())
    disk.say("power off")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

"""Runs emulated VMs as process trees: what `local/azure` calls when a VM is made, started, deallocated or deleted."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local import processes
from local.machines import membership
from local.machines.disk import MARK, MachineDisk


class ProcessMachines:
    """All machines of one state folder. Nothing is kept in memory: another process, or a new one, finds the same."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def disk(self, vm_id: str) -> MachineDisk:
        """The folder of a machine, whether it exists or not."""
        return MachineDisk(self.folder / Path(vm_id).name)

    def disks(self) -> Iterator[MachineDisk]:
        """Every machine that has a disk."""
        for vm in sorted(self.folder.glob("*/vm.json")):
            yield MachineDisk(vm.parent)

    def start(self, vm_resource: dict[str, Any], custom_data: str, imds_url: str) -> None:
        """Boots the machine, unless it runs; does not wait for its boot."""
        disk = self.disk(vm_resource["properties"]["vmId"])
        if disk.init() is not None:
            return
        self._end(disk)  # what an init that was killed left running
        disk.prepare(vm_resource, custom_data, imds_url)
        # A VM without custom data runs nothing of ours, but it does run.
        init = processes.start(
            [sys.executable, "-m", "local.machines.init", str(disk.folder)],
            log=disk.console,
            env={**_needed_by_init(), MARK: disk.vm["mark"]},
        )
        until = time.monotonic() + 10
        while disk.init() is None and init.alive() and time.monotonic() < until:
            time.sleep(0.01)

    def stop(self, vm_id: str) -> None:
        """Cuts the power. The disk stays, the temporary disk does not."""
        disk = self.disk(vm_id)
        if disk.folder.exists():
            self._end(disk)
            disk.wipe_temporary()

    def alive(self, vm_id: str) -> bool:
        """Whether the machine runs."""
        return self.disk(vm_id).init() is not None

    def discard(self, vm_id: str) -> None:
        """Stops the machine for good and removes its disk; the console stays, for whoever looks for a reason."""
        disk = self.disk(vm_id)
        self.stop(vm_id)
        if disk.console.exists():
            kept = self.folder / "consoles" / f"{disk.vm['name']}-{disk.folder.name}.log"
            kept.parent.mkdir(exist_ok=True)
            disk.console.replace(kept)
        shutil.rmtree(disk.folder, ignore_errors=True)

    def stop_all(self) -> None:
        """Ends every process of every machine; for `local down`. Disks stay, temporary ones too: nothing was deallocated."""
        for disk in self.disks():
            self._end(disk)

    def kill(self, name: str) -> bool:
        """Lets a machine die in the middle of its work, as a failing host would. Whether one of that name ran."""
        found = [disk for disk in self.disks() if disk.vm["name"] == name and disk.init() is not None]
        for disk in found:
            self._end(disk)
        return bool(found)

    def _end(self, disk: MachineDisk) -> None:
        membership.end(MARK, disk.folder.name, spare=os.getpid())


def of_state(state_folder: Path, _ca: Path) -> ProcessMachines:
    """What `python -m local.azure --machines local.machines.runner:of_state` calls."""
    return ProcessMachines(state_folder / "machines")


def _needed_by_init() -> dict[str, str]:
    """The init itself is part of the profile and runs in its Python; what it starts gets the machine's environment."""
    return {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "PYTHONPATH")}

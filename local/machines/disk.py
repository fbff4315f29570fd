"""The folder of one machine: its disk, its console, its process."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.machines.differences import TEMPORARY_DISK
from local.machines.relocation import Relocation
from local.processes import ProcessRef

MARK = "HOLDFAST_LOCAL_MACHINE"
"""Environment variable by which every process of a machine is found, wherever it went."""
CONTROL = "HOLDFAST_LOCAL_CONTROL"

_SHIM = '#!/bin/sh\nexec {program} "$@"\n'


@dataclass(frozen=True)
class MachineDisk:
    """Paths of one machine. The folder is named by the VM's own id, which a new VM of the same name does not share."""

    folder: Path

    @property
    def root(self) -> Path:
        """The root of its file system, as far as it has one of its own."""
        return self.folder / "root"

    @property
    def console(self) -> Path:
        """Everything that boot and services print."""
        return self.folder / "console.log"

    @property
    def control(self) -> Path:
        """Requests of `systemctl` to the machine's init."""
        return self.folder / "control"

    @property
    def custom_data(self) -> Path:
        """The custom data, as the app sent it."""
        return self.folder / "custom-data.yaml"

    @property
    def booted(self) -> Path:
        """Exists once cloud-init has done what it does once an instance."""
        return self.folder / "cloud-init-done"

    @property
    def units(self) -> Path:
        """Unit files."""
        return self.root / "etc/systemd/system"

    @property
    def lock(self) -> Path:
        """Held by the init for as long as it lives; holds its process."""
        return self.folder / "init.lock"

    @property
    def vm(self) -> dict[str, Any]:
        """The VM resource and metadata address as the last start saw them."""
        found: dict[str, Any] = json.loads((self.folder / "vm.json").read_text())
        return found

    def prepare(self, vm_resource: dict[str, Any], custom_data: str, imds_url: str) -> None:
        """Writes what the init reads. The disk of an earlier boot stays as it is."""
        for path in (self.units, self.control, self.folder / "bin", self.folder / "tmp", self.root / "root"):
            path.mkdir(parents=True, exist_ok=True)
        (self.root / TEMPORARY_DISK.lstrip("/")).mkdir(parents=True, exist_ok=True)
        if not self.custom_data.exists():
            self.custom_data.write_text(custom_data)
        facts = {"id": vm_resource["id"], "name": vm_resource["name"], "imds_url": imds_url, "mark": self.folder.name}
        (self.folder / "vm.json").write_text(json.dumps(facts))
        here = Path(__file__).parent
        python = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
        for name, program in (
            ("python3", str(python)),
            ("systemctl", f"{python} -I {here / 'systemctl.py'}"),
            ("lsblk", "echo '{\"blockdevices\": []}' #"),
        ):
            shim = self.folder / "bin" / name
            shim.write_text(_SHIM.format(program=program).replace("exec echo", "echo"))
            shim.chmod(0o755)

    def relocation(self) -> Relocation:
        """Where this machine has what custom data names."""
        return Relocation(self.root, self.vm["imds_url"])

    def environment(self) -> dict[str, str]:
        """What every process of the machine starts with: nothing of the profile's own environment."""
        return {
            "PATH": f"{self.folder / 'bin'}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.root / "root"),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self.folder / "tmp"),
            MARK: self.vm["mark"],
            CONTROL: str(self.control),
        }

    def init(self) -> ProcessRef | None:
        """The machine's init, if it runs."""
        try:
            found = ProcessRef.from_text(self.lock.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return found if found.alive() else None

    def wipe_temporary(self) -> None:
        """What Azure does to the temporary disk when it deallocates."""
        for path in (self.root / TEMPORARY_DISK.lstrip("/"), self.folder / "tmp", self.control):
            shutil.rmtree(path, ignore_errors=True)

    def say(self, text: str) -> None:
        """A line on the console."""
        descriptor = os.open(self.console, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, f"{text}\n".encode())
        finally:
            os.close(descriptor)

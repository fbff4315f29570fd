"""The machine and the programs of a run."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
from pathlib import Path

from bench.peers import PROGRAMS, installed

_LIBRARIES = ("cryptography", "isal", "numpy", "numba", "zstandard")
_VERSION_OF = {"restic": ("restic", "version"), "borg": ("borg", "--version"), "rclone": ("rclone", "version")}


def machine() -> dict[str, str]:
    """Label to value, for the page."""
    cpu = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+) kB", Path("/proc/meminfo").read_text())
    release = re.search(r'PRETTY_NAME="(.+)"', Path("/etc/os-release").read_text())
    return {
        "processor": cpu[1].strip() if cpu else platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{int(memory[1]) / (1 << 20):.1f} GiB" if memory else "?",
        "system": f"{release[1] if release else platform.system()}, Linux {platform.release()}",
        "Python": platform.python_version(),
        "libraries": ", ".join(f"{name} {version}" for name in _LIBRARIES if (version := _installed_version(name))),
        **programs(),
    }


def programs() -> dict[str, str]:
    """Versions of the peers, or that they are absent."""
    there = installed()
    return {name: _version(name) if there[name] else "not installed" for name in PROGRAMS}


def _version(program: str) -> str:
    told = subprocess.run(_VERSION_OF[program], capture_output=True, text=True, check=False).stdout
    return told.splitlines()[0].strip() if told else "?"


def _installed_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None

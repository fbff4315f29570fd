"""Finds and ends every process of a machine, wherever it went: other sessions, other parents, a dead init."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from local import processes
from local.processes import ProcessRef


def marked(variable: str, value: str) -> list[ProcessRef]:
    """Every running process whose environment at its start held that variable with that value."""
    wanted = f"{variable}={value}".encode()
    found = []
    for entry in os.listdir("/proc"):  # noqa: PTH208 (names alone)
        if not entry.isdigit():
            continue
        try:
            environment = Path(f"/proc/{entry}/environ").read_bytes()
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
        if wanted in environment.split(b"\0"):
            process = ProcessRef.of(int(entry))
            if process is not None and process.alive():
                found.append(process)
    return found


def end(variable: str, value: str, *, spare: int = 0, deadline: float = 10.0) -> None:
    """Kills all of them, again and again until none is left, since a process may start others meanwhile.

    Raises TimeoutError.
    """
    until = time.monotonic() + deadline
    while members := [m for m in marked(variable, value) if m.pid != spare]:
        for member in members:
            # Stopped first, a process cannot start another one between two kills.
            processes.send(member, signal.SIGSTOP)
        for member in members:
            processes.send(member, signal.SIGKILL)
        if time.monotonic() > until:
            raise TimeoutError(f"processes of {value} cannot be killed")
        time.sleep(0.01)

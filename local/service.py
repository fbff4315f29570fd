"""One process of the profile: started, waited for until it says that it is ready, remembered, stopped."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from holdfast.model.errors import HoldfastError
from local import processes
from local.processes import ProcessRef


class ServiceFailed(HoldfastError):
    """A process of the profile ended while it started, or did not become ready."""

    code = "local-service-failed"
    title = "A part of the local profile did not start"
    advice = "Read the log that is named; `holdfast local down` and `up` start everything anew."
    exit_code = 40
    http_status = 500


def start(
    name: str,
    argv: Sequence[str],
    *,
    log: Path,
    ready: re.Pattern[str],
    env: Mapping[str, str] | None = None,
    deadline: float = 60.0,
) -> tuple[ProcessRef, re.Match[str]]:
    """Starts a process and returns it and what it said when it was ready. Raises ServiceFailed."""
    read_from = log.stat().st_size if log.exists() else 0
    process = processes.start(argv, log=log, env=env)
    until = time.monotonic() + deadline
    while True:
        told = log.read_bytes()[read_from:].decode(errors="replace")
        found = ready.search(told)
        if found is not None:
            return process, found
        if not process.alive():
            processes.kill(process)
            raise ServiceFailed(f"{name} ended while starting; {log} ends so:\n{told[-1500:]}")
        if time.monotonic() > until:
            processes.kill(process)
            raise ServiceFailed(f"{name} is not ready after {deadline:g} s; {log} ends so:\n{told[-1500:]}")
        time.sleep(0.05)

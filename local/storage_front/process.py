"""Starts a storage front as a process of its own and waits until it listens."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from local import processes
from local.azure.state_folder import write_private
from local.azurite import AzuritePorts
from local.processes import ProcessRef
from local.storage_front.config import FrontConfig


def start(
    config: FrontConfig, config_file: Path, *, log: Path, deadline: float = 30
) -> tuple[ProcessRef, AzuritePorts]:
    """Starts it and returns once all three services listen. Raises OSError or TimeoutError with the end of its log."""
    write_private(config_file, config.model_dump_json(indent=2).encode())
    config.ready_file.unlink(missing_ok=True)
    process = processes.start([sys.executable, "-m", "local.storage_front", "--config", str(config_file)], log=log)
    until = time.monotonic() + deadline
    while not config.ready_file.exists():
        if not process.alive():
            raise OSError(f"the storage front ended while starting: {log.read_text()[-500:]}")
        if time.monotonic() > until:
            processes.kill(process)
            raise TimeoutError(f"the storage front does not listen after {deadline:g} s")
        time.sleep(0.02)
    return process, AzuritePorts.model_validate_json(config.ready_file.read_bytes())

"""Azurite, Microsoft's storage emulator, as a process: Blob, Queue and Table for several accounts on loopback http.

Nothing but the storage front (`local.storage_front`) and the profile's own provisioning talks to it: it knows neither
identities nor rehydration.
"""

from __future__ import annotations

import base64
import errno
import os
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from local import processes
from local.azurite_setup import AzuriteMissing, azurite_program
from local.processes import ProcessRef

_LISTENING = re.compile(
    r"Azurite (Blob|Queue|Table) service (?:is successfully listening|successfully listens) (?:at|on) "
    r"http://127\.0\.0\.1:(\d+)"
)


class StorageAccount(BaseModel):
    """A storage account and its key, which never leaves the state folder."""

    model_config = ConfigDict(frozen=True)

    name: str
    key: str  # base64

    @classmethod
    def make(cls, name: str) -> StorageAccount:
        """An account with a new random key."""
        return cls(name=name, key=base64.b64encode(secrets.token_bytes(64)).decode())


class AzuritePorts(BaseModel):
    """Where the three services listen."""

    model_config = ConfigDict(frozen=True)

    blob: int = 0
    queue: int = 0
    table: int = 0


@dataclass(frozen=True)
class Azurite:
    """A running Azurite."""

    process: ProcessRef
    ports: AzuritePorts

    def stop(self) -> None:
        """Ends it surely; what it wrote stays."""
        # It saves its tables of contents on SIGTERM; a kill loses the last seconds, as with any database.
        processes.stop(self.process, grace=10)

    def connection_string(self, account: StorageAccount) -> str:
        """For provisioning and tests: straight to Azurite, past the storage front."""
        urls = ";".join(
            f"{name}Endpoint=http://127.0.0.1:{port}/{account.name}"
            for name, port in (("Blob", self.ports.blob), ("Queue", self.ports.queue), ("Table", self.ports.table))
        )
        return f"DefaultEndpointsProtocol=http;AccountName={account.name};AccountKey={account.key};{urls};"


def start(
    accounts: list[StorageAccount],
    *,
    folder: Path | None,
    log: Path,
    ports: AzuritePorts | None = None,
    deadline: float = 30.0,
) -> Azurite:
    """Starts Azurite and returns once all three services listen.

    `folder` None keeps everything in memory. `ports` asks for the ports of an earlier run; 0 is any free one.
    Raises AzuriteMissing; OSError where a port is taken; TimeoutError with the end of its log.
    """
    wanted = ports or AzuritePorts()
    argv = [*azurite_program(), "--skipApiVersionCheck", "--disableTelemetry", "--disableProductStyleUrl", "--silent"]
    for name, port in (("blob", wanted.blob), ("queue", wanted.queue), ("table", wanted.table)):
        argv += [f"--{name}Host", "127.0.0.1", f"--{name}Port", str(port), f"--{name}KeepAliveTimeout", "60"]
    if folder is None:
        argv += ["--inMemoryPersistence"]
    else:
        folder.mkdir(parents=True, exist_ok=True)
        argv += ["--location", str(folder)]
    env = {**os.environ, "AZURITE_ACCOUNTS": ";".join(f"{a.name}:{a.key}" for a in accounts)}
    read_from = log.stat().st_size if log.exists() else 0
    process = processes.start(argv, log=log, env=env)
    try:
        return Azurite(process, _listening(process, log, read_from, deadline))
    except BaseException:
        processes.kill(process)
        raise


def _listening(process: ProcessRef, log: Path, read_from: int, deadline: float) -> AzuritePorts:
    until = time.monotonic() + deadline
    while True:
        told = log.read_bytes()[read_from:].decode(errors="replace")
        found = {name.lower(): int(port) for name, port in _LISTENING.findall(told)}
        if len(found) == 3:
            return AzuritePorts(**found)
        if "EADDRINUSE" in told:  # it says so and stays
            raise OSError(errno.EADDRINUSE, f"a port of Azurite is taken: {told[-300:]}")
        if not process.alive():
            raise AzuriteMissing(f"it ended while starting: {told[-500:]}")
        if time.monotonic() > until:
            raise TimeoutError(f"Azurite does not listen after {deadline:g} s: {told[-500:]}")
        time.sleep(0.05)

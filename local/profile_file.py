"""`profile.json` in the state folder: how to reach the profile, and what runs for it. Only its owner reads it."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, computed_field

from holdfast.model.errors import NotFound
from local.azure.state_folder import write_private
from local.azurite import AzuritePorts, StorageAccount
from local.processes import ProcessRef

FILE = "profile.json"
#: In the order of their start.
SERVICES = ("azurite", "azure", "storage", "host")


class Service(BaseModel):
    """A process, by pid and start time."""

    model_config = ConfigDict(frozen=True)

    pid: int
    started: int

    @property
    def process(self) -> ProcessRef:
        """To ask or to stop it."""
        return ProcessRef(self.pid, self.started)

    @classmethod
    def of(cls, process: ProcessRef) -> Service:
        """To remember it."""
        return cls(pid=process.pid, started=process.started)


class ProfileFile(BaseModel):
    """The file's content. Ports stay the same for the life of a state folder: VMs and points remember addresses."""

    url: str = Field(default="", description="address of the Functions app")
    key: str = Field(default="", description="its function key")
    state: Path
    accounts: list[StorageAccount]
    azurite: AzuritePorts = AzuritePorts()
    storage: AzuritePorts = Field(default=AzuritePorts(), description="the storage accounts' https ports")
    azure_https: int = 0
    azure_http: int = 0
    host_port: int = 0
    clock_file: Path | None = None
    pace: float = 0.01
    rehydrate_pace: float = 0.0005
    app: Path
    settings: dict[str, str] = Field(default_factory=dict, description="settings of the app that differ from the plan")
    made: dict[str, str] = Field(default_factory=dict, description="what provisioning made: client ids, hashes")
    services: dict[str, Service] = Field(default_factory=dict)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def ca_file(self) -> Path:
        """What the command line trusts beside the machine's authorities: downloads come over the profile's own TLS."""
        return self.state / "azure" / "ca.pem"

    def save(self) -> None:
        """Writes the file, whole or not at all."""
        write_private(self.state / FILE, self.model_dump_json(indent=2).encode())

    @classmethod
    def load(cls, state: Path) -> ProfileFile:
        """Reads the file. Raises NotFound where there is no profile."""
        try:
            return cls.model_validate_json((state / FILE).read_bytes())
        except FileNotFoundError:
            raise NotFound(
                f"there is no local profile in {state}", help="Start one with `holdfast local up`."
            ) from None


def default_state() -> Path:
    """The state folder of whoever names none: `HOLDFAST_STATE`, else one in the home folder."""
    named = os.environ.get("HOLDFAST_STATE")
    return Path(named).expanduser().resolve() if named else Path.home() / ".holdfast" / "local"

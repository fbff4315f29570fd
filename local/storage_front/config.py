"""What the storage front is told: a JSON file that only its owner reads, since it holds account keys."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from local.azurite import AzuritePorts

Service = Literal["blob", "queue", "table"]
SERVICES: tuple[Service, ...] = ("blob", "queue", "table")


class FrontAccount(BaseModel):
    """A storage account as Azure Resource Manager and Azurite know it."""

    model_config = ConfigDict(frozen=True)

    name: str
    key: str = Field(description="account key, base64; used towards Azurite only")
    resource_id: str = Field(description="scope of role assignments")


class FrontConfig(BaseModel):
    """Settings of one storage front."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    azure_state: Path = Field(description="the Azure emulator's folder: certificates, token key, rights")
    accounts: list[FrontAccount]
    upstream: AzuritePorts = Field(description="where Azurite listens")
    ports: AzuritePorts = Field(default=AzuritePorts(), description="ports to listen on; 0 is any free one")
    admin_key: str = Field(description="header `x-local-key` of the admin route")
    pending_file: Path = Field(description="SQLite file of rehydrations under way; outlives restarts")
    immutable_containers: list[str] = Field(
        default=[], description="`account/container` of those that have version-level immutability from the start"
    )
    ready_file: Path = Field(description="written with the ports once all three services listen")
    clock_file: Path | None = None
    rehydrate_standard: timedelta = timedelta(hours=15)
    rehydrate_high: timedelta = timedelta(hours=1)

    @property
    def versions_file(self) -> Path:
        """SQLite file of versions, locks and holds; outlives restarts."""
        return self.pending_file.with_name("versions.sqlite")

    def account(self, name: str) -> FrontAccount | None:
        """The account of that name, or None."""
        return next((a for a in self.accounts if a.name == name), None)

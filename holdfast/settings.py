"""Every setting, typed and documented. Read from the environment with the prefix `HOLDFAST_`.

The Functions app reads `Settings`; the worker reads `WorkerSettings`, which its cloud-init custom data writes. Nothing
here is a secret: passwords and keys stay in Key Vault, and only their addresses are settings.
"""

from __future__ import annotations

import os
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from holdfast.model.channel import Channel, ChannelName
from holdfast.model.telemetry import Telemetry


class RepositorySettings(BaseModel):
    """A configured repository."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(description="`https://ACCOUNT.blob.core.windows.net/CONTAINER`")
    region: str = Field(description="region of the account: archive, check and retention workers run there")
    password_secret: str = Field(
        default="", description="address of the Key Vault secret that holds the password: `https://VAULT/secrets/NAME`"
    )
    vault_key: str = Field(
        default="", description="or address of the Key Vault key that opens a slot: `https://VAULT/keys/NAME`"
    )
    archive: bool = Field(default=False, description="an archive repository: packs go straight to the archive tier")
    account: str = Field(
        default="",
        description="resource id of the storage account: before locks are relied on, the app looks there for versioning, "
        "default retention and lifecycle rules; empty: it looks at the container alone",
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> RepositorySettings:
        if bool(self.password_secret) == bool(self.vault_key):
            raise ValueError("a repository needs password_secret or vault_key, and not both")
        return self


class RegionProfile(BaseModel):
    """What a worker profile means in one region."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: str = Field(description="VM size, such as `Standard_D4ds_v5`; one with a local temporary disk")
    resource_group: str = Field(description="resource group that the workers are made in")
    subnet: str = Field(description="resource id of the subnet; no inbound is needed")
    image: str = Field(
        default="Canonical:ubuntu-24_04-lts:server:24.04.202610010",
        description="`publisher:offer:sku:version`; pin the version",
    )


class WorkerProfile(BaseModel):
    """A worker profile: region to size, subnet; identities; how many and how long."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    regions: dict[str, RegionProfile]
    writer_identity: str = Field(description="resource id of the identity that creates and reads, and cannot delete")
    writer_client_id: str
    maintainer_identity: str | None = Field(
        default=None, description="resource id of the identity that prunes and locks"
    )
    maintainer_client_id: str | None = None
    restorer_identity: str | None = Field(
        default=None,
        description="resource id of the identity that restores: it reads repositories and fills new databases; without it "
        "the writer does, and needs rights on the servers that are restored to",
    )
    restorer_client_id: str | None = None
    parallel: int = Field(default=1, ge=1, le=16, description="sources beside each other on one worker")
    max_workers: int = Field(default=4, ge=1, description="workers of one region")
    idle_minutes: int = Field(default=60, ge=0, description="a deallocated worker is deleted after this long")


Limit = Annotated[int, Field(ge=1)]


class Limits(BaseModel):
    """How many backups may go on at once. Globs to numbers; of several that fit, the first counts; none: no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    servers: dict[str, Limit] = Field(
        default_factory=dict, description='of one server or instance, by name, while it is read: `{"sql-a": 2, "*": 8}`'
    )
    pools: dict[str, Limit] = Field(
        default_factory=dict, description="of one elastic pool, by `server/pool`, while it is read"
    )
    regions: dict[str, Limit] = Field(default_factory=dict, description="with a worker in one region")
    staging: dict[str, Limit] = Field(
        default_factory=lambda: {"*": 20}, description="copies on one staging server or instance, by name"
    )

    def of(self, thing: str) -> int | None:
        """The limit of `server NAME`, `pool SERVER/NAME`, `region NAME` or `staging NAME`; None: any number."""
        kind, _, name = thing.partition(" ")
        globs = {"server": self.servers, "pool": self.pools, "region": self.regions, "staging": self.staging}.get(
            kind, {}
        )
        return next((n for glob, n in globs.items() if fnmatchcase(name.lower(), glob.lower())), None)


class Settings(BaseSettings):
    """Settings of the Functions app."""

    # A value that does not fit may be a secret that somebody put in its place: it is not repeated in the error.
    model_config = SettingsConfigDict(env_prefix="HOLDFAST_", extra="ignore", frozen=True, hide_input_in_errors=True)

    installation: str = Field(default="holdfast", description="name of this installation; marks what it makes in Azure")
    subscriptions: list[str] = Field(default_factory=list, description="subscriptions to look for databases in (JSON)")
    arm_endpoint: str = Field(default="https://management.azure.com", description="Azure Resource Manager")
    arm_audience: str = Field(default="https://management.azure.com/.default", description="scope of its tokens")
    identity_client_id: str | None = Field(default=None, description="client id of the app's user-assigned identity")
    blob_endpoint: str = Field(default="", description="Blob endpoint of the state account")
    queue_endpoint: str = Field(default="", description="Queue endpoint of the state account")
    table_endpoint: str = Field(
        default="", description="Table endpoint of the state account (the configuration database)"
    )
    storage_api_version: str | None = Field(
        default=None, description="storage service version to speak; empty: the SDK's own"
    )
    events_queue: str = Field(default="events", description="queue on which workers announce the end of jobs")
    jobs_container: str = Field(default="jobs", description="container of job documents, heartbeats and results")
    details_container: str = Field(default="catalog", description="container of what is too long for a table row")
    exports_container: str = Field(default="exports", description="container that downloads are written to")
    repositories: dict[str, RepositorySettings] = Field(default_factory=dict, description="repositories by name (JSON)")
    worker_profiles: dict[str, WorkerProfile] = Field(
        default_factory=dict, description="worker profiles by name (JSON)"
    )
    notification_channels: dict[ChannelName, Channel] = Field(
        default_factory=dict, description="notification channels by name (JSON)"
    )
    app_url: str = Field(
        default_factory=lambda: f"https://{host}" if (host := os.environ.get("WEBSITE_HOSTNAME")) else "",
        description="address of this app in links; empty: `https://` and `WEBSITE_HOSTNAME`, which Azure sets",
    )
    limits: Limits = Field(default_factory=Limits, description="how many backups may go on at once (JSON)")
    entra_sign_in: bool = Field(
        default_factory=lambda: os.environ.get("WEBSITE_AUTH_ENABLED", "").lower() == "true",
        description="believe who the platform says is signed in to the pages; absent: as `WEBSITE_AUTH_ENABLED` says, which "
        "Azure sets where App Service authentication is on. Never true without it: anybody could then say who they are",
    )
    default_repository: str = Field(default="default", description="repository of policies that name none")
    prices: Path | None = Field(
        default=None, description="file of prices for estimates (`holdfast cost refresh`); empty: the packaged ones"
    )
    worker_bundle_url: str = Field(default="", description="blob that holds the worker bundle")
    worker_bundle_sha256: str = Field(default="", description="its SHA-256; a worker refuses any other")
    sqlpackage_url: str = Field(default="", description="blob that holds SqlPackage for Linux (a ZIP)")
    sqlpackage_sha256: str = Field(default="", description="its SHA-256; a worker refuses any other")
    sql_probe: str = Field(default="", description="command that answers preflight queries; empty: the built-in one")
    sql_table_load: str = Field(default="", description="command that fills a table; empty: the built-in one")
    ca_bundle: str = Field(
        default="", description="PEM file of an own certificate authority that workers trust as well"
    )
    identity_endpoint: str = Field(
        default="", description="instance metadata endpoint for workers; empty: Azure's own, 169.254.169.254"
    )
    telemetry: Telemetry = Field(
        default="",
        description="where spans and events go: `azure` (Azure Monitor), `otlp` (a collector, by the `OTEL_EXPORTER_OTLP_…` "
        "variables), `console`; empty: nowhere",
    )
    telemetry_connection: str = Field(
        default_factory=lambda: os.environ.get("APPLICATIONINSIGHTS_CONNECTION_STRING", ""),
        description="connection string of Application Insights, no secret where local authentication is off; "
        "empty: `APPLICATIONINSIGHTS_CONNECTION_STRING`",
    )
    clock_file: Path | None = Field(
        default=None, description="file of a scaled clock (tests); empty: the machine's clock"
    )
    clock_schedule: str = Field(default="0 * * * * *", description="NCRONTAB: when policies are looked at")
    watch_schedule: str = Field(default="*/30 * * * * *", description="NCRONTAB: when jobs are looked at")
    janitor_schedule: str = Field(default="0 */10 * * * *", description="NCRONTAB: when leftovers are looked for")
    drill_schedule: str = Field(
        default="0 5,35 * * * *", description="NCRONTAB: when it is looked which drills are due"
    )
    notices_schedule: str = Field(default="0 * * * * *", description="NCRONTAB: when notifications are sent")
    overdue_look: timedelta = Field(
        default=timedelta(minutes=10), description="how often overdue databases and daily summaries are looked for"
    )
    overdue_grace: timedelta = Field(
        default=timedelta(hours=6), description="a database is overdue when a slot has no point this long after it"
    )
    copy_poll: timedelta = Field(default=timedelta(seconds=15), description="how often a staging copy is looked at")
    copy_deadline: timedelta = Field(default=timedelta(hours=24), description="a staging copy must be ready by then")
    turn_poll: timedelta = Field(
        default=timedelta(seconds=15),
        description="how often a backup asks whether it is its turn, where `limits` keeps it waiting; 20 times as long "
        "for whoever has many before it",
    )
    worker_poll: timedelta = Field(
        default=timedelta(seconds=10), description="how often a starting worker is looked at"
    )
    worker_deadline: timedelta = Field(
        default=timedelta(minutes=15),
        description="a machine must boot and check in within this; else it is deleted and another is tried",
    )
    heartbeat: timedelta = Field(default=timedelta(seconds=20), description="how often a worker reports")
    lost_after: timedelta = Field(default=timedelta(minutes=5), description="silence after which a worker is lost")
    job_deadline: timedelta = Field(default=timedelta(hours=48), description="one step of one database ends by then")
    rehydrate_poll: timedelta = Field(default=timedelta(minutes=15), description="how often rehydration is looked at")
    retry_delay: timedelta = Field(default=timedelta(seconds=60), description="pause before a step is tried again")
    prune_grace: timedelta = Field(
        default=timedelta(hours=24), description="what no point needs any more stays this long for restores that began"
    )
    staging_expiry: timedelta = Field(default=timedelta(hours=72), description="the janitor removes a copy after this")
    replaced_days: int = Field(
        default=14, ge=1, description="what made room for a restored database is kept this long, and then until deleted"
    )
    exports_expiry: timedelta = Field(default=timedelta(hours=24), description="downloads are removed after this")


class WorkerSettings(BaseSettings):
    """Settings of the worker program; its boot writes them to an environment file."""

    model_config = SettingsConfigDict(env_prefix="HOLDFAST_WORKER_", extra="ignore", frozen=True)

    name: str = Field(description="name of this worker: its queue is `worker-<name>`")
    boot_id: str = Field(default="", description="changes with every boot")
    client_id: str | None = Field(default=None, description="client id of the worker's user-assigned identity")
    blob_endpoint: str = Field(description="Blob endpoint of the state account")
    queue_endpoint: str = Field(description="Queue endpoint of the state account")
    storage_api_version: str | None = Field(default=None, description="storage service version to speak")
    events_queue: str = Field(default="events", description="queue on which the end of jobs is announced")
    jobs_container: str = Field(default="jobs", description="container of job documents")
    workspace: Path = Field(default=Path("/mnt/holdfast"), description="folder on the local disk for exports")
    sqlpackage: str = Field(default="/opt/holdfast/sqlpackage/sqlpackage", description="the SqlPackage command")
    sql_probe: str = Field(default="", description="command that answers preflight queries; empty: the built-in one")
    sql_table_load: str = Field(default="", description="command that fills a table; empty: the built-in one")
    parallel: int = Field(default=1, description="jobs in hand at once")
    heartbeat: timedelta = Field(default=timedelta(seconds=20), description="how often to report")
    telemetry: Telemetry = Field(default="", description="where spans and events go; as the app's")
    telemetry_connection: str = Field(default="", description="connection string of Application Insights")
    poll: timedelta = Field(default=timedelta(seconds=2), description="how often to look into the queue")
    clock_file: Path | None = Field(default=None, description="file of a scaled clock (tests)")

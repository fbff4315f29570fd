"""Settings to objects; the only place that knows both. Made once a process, each part when it is first asked for."""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING

import structlog

from holdfast.clock_file import clock_from
from holdfast.model.clock import Clock
from holdfast.model.errors import InvalidInput
from holdfast.model.installation import Installation
from holdfast.model.job import RepositoryRef
from holdfast.model.policy import Policy
from holdfast.settings import RegionProfile, Settings, WorkerProfile
from holdfast.worker.redaction import redact_event

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

    from holdfast.catalog import Catalog, Worker
    from holdfast.cloud.containers import Containers
    from holdfast.cloud.databases import SqlServers
    from holdfast.cloud.dispatch import JobDispatch
    from holdfast.cloud.doctor import Doctor
    from holdfast.cloud.drill_targets import DrillTargets
    from holdfast.cloud.exports import Exports
    from holdfast.cloud.machines import Machines
    from holdfast.cloud.restore_targets import RestoreTargets
    from holdfast.model.channel import Channel
    from holdfast.model.costs import PriceList
    from holdfast.repository import KeyWrapper


class Services:
    """What activities and triggers work with."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def clock(self) -> Clock:
        """The one clock."""
        return clock_from(self.settings.clock_file)

    @cached_property
    def credential(self) -> TokenCredential:
        """The app's managed identity."""
        from holdfast.cloud.clients import credential

        return credential(self.settings.identity_client_id)

    @cached_property
    def catalog(self) -> Catalog:
        """The configuration database, once its schema is ours. Raises CatalogTooNew, Unavailable, as often as asked."""
        from holdfast.catalog import Catalog
        from holdfast.cloud.clients import blob_service, table_service

        details = blob_service(self.settings, self.credential).get_container_client(self.settings.details_container)
        catalog = Catalog(table_service(self.settings, self.credential), details, self.clock)
        catalog.prepare()
        return catalog

    @property
    def installation(self) -> Installation:
        """Who this is, for repositories: by the id in the configuration database. Asked each time: an import changes it."""
        return Installation(id=self.catalog.installation, name=self.settings.installation)

    @cached_property
    def servers(self) -> SqlServers:
        """SQL servers, managed instances and their databases."""
        from holdfast.cloud.clients import Clients
        from holdfast.cloud.databases import SqlServers

        return SqlServers(Clients(self.settings, self.credential), self.clock)

    @cached_property
    def targets(self) -> RestoreTargets:
        """Databases that restores make."""
        from holdfast.cloud.clients import Clients
        from holdfast.cloud.restore_targets import RestoreTargets

        return RestoreTargets(Clients(self.settings, self.credential))

    @cached_property
    def drill_targets(self) -> DrillTargets:
        """What drills leave, to be dropped."""
        from holdfast.cloud.clients import Clients
        from holdfast.cloud.drill_targets import DrillTargets

        return DrillTargets(Clients(self.settings, self.credential))

    @cached_property
    def machines(self) -> Machines:
        """Worker VMs."""
        from holdfast.cloud.clients import Clients
        from holdfast.cloud.machines import Machines

        return Machines(Clients(self.settings, self.credential))

    @cached_property
    def doctor(self) -> Doctor:
        """Looks at what the policies need in Azure."""
        from holdfast.cloud.clients import Clients
        from holdfast.cloud.doctor import Doctor

        return Doctor(self.settings, Clients(self.settings, self.credential), self.servers, self.credential)

    @cached_property
    def dispatch(self) -> JobDispatch:
        """Jobs for workers."""
        from holdfast.cloud.clients import blob_service, queue_service
        from holdfast.cloud.dispatch import JobDispatch

        jobs = blob_service(self.settings, self.credential).get_container_client(self.settings.jobs_container)
        return JobDispatch(jobs, queue_service(self.settings, self.credential), self.clock)

    @cached_property
    def exports(self) -> Exports:
        """Finished downloads."""
        from holdfast.cloud.clients import blob_service
        from holdfast.cloud.exports import Exports

        return Exports(blob_service(self.settings, self.credential), self.settings.exports_container)

    @cached_property
    def prices(self) -> PriceList:
        """Prices for estimates. Raises InvalidInput where the file that the settings name is none."""
        from holdfast.model.costs import packaged_prices, parse_prices

        file = self.settings.prices
        if file is None:
            return packaged_prices()
        try:
            return parse_prices(file.read_text("utf-8"), where=f"HOLDFAST_PRICES: {file}")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"HOLDFAST_PRICES: {file}: {error}") from None

    @cached_property
    def containers(self) -> Containers:
        """What the containers of repositories can do."""
        from holdfast.cloud.clients import Clients
        from holdfast.cloud.containers import Containers

        return Containers(Clients(self.settings, self.credential))

    def require_immutability(self, policy: Policy) -> None:
        """Raises ImmutabilityNotReady where the policy wants locks and one of its containers cannot hold them."""
        if policy.immutable:
            for name in filter(None, (policy.repository, policy.archive)):
                self.repository(name)  # says what is configured where the name is not
                self.containers.require_immutability(name, self.settings.repositories[name])

    def repository(self, name: str) -> RepositoryRef:
        """A configured repository as jobs name it. Raises InvalidInput for a name that is not configured."""
        found = self.settings.repositories.get(name)
        if found is None:
            known = ", ".join(sorted(self.settings.repositories)) or "none"
            raise InvalidInput(
                f"repository {name!r} is not configured (configured: {known})",
                help="Name a configured repository in the policy, or add this one to HOLDFAST_REPOSITORIES.",
            )
        return RepositoryRef(
            name=name,
            url=found.url,
            region=found.region,
            password_secret=found.password_secret,
            vault_key=found.vault_key,
            archive=found.archive,
            installation=self.installation,
        )

    def channel(self, name: str) -> Channel:
        """A configured notification channel. Raises InvalidInput for a name that is not configured."""
        found = self.settings.notification_channels.get(name)
        if found is None:
            known = ", ".join(sorted(self.settings.notification_channels)) or "none"
            raise InvalidInput(
                f"notification channel {name!r} is not configured (configured: {known})",
                help="Name a configured channel, or add this one to HOLDFAST_NOTIFICATION_CHANNELS.",
            )
        return found

    def read_secret(self, url: str) -> str:
        """The value of a Key Vault secret, by the app's identity. Raises NotFound, Forbidden, Unavailable."""
        from holdfast.cloud.secrets import read_secret

        return read_secret(url, self.credential)

    def session_link(self, session: str) -> str:
        """Address of a session's page; empty where the app's own address is not known."""
        base = self.settings.app_url.rstrip("/")
        return f"{base}/api/web/sessions/{session}" if base else ""

    def worker_profile(self, name: str) -> WorkerProfile:
        """A configured worker profile. Raises InvalidInput for a name that is not configured."""
        found = self.settings.worker_profiles.get(name)
        if found is None:
            known = ", ".join(sorted(self.settings.worker_profiles)) or "none"
            raise InvalidInput(
                f"worker profile {name!r} is not configured (configured: {known})",
                help="Name a configured profile in the policy, or add this one to HOLDFAST_WORKER_PROFILES.",
            )
        return found

    def place(self, profile: str, region: str) -> RegionProfile:
        """What a worker profile means in a region. Raises InvalidInput where it has no entry for it."""
        regions = self.worker_profile(profile).regions
        if region not in regions:
            raise InvalidInput(
                f"worker profile {profile!r} has no entry for the region {region}",
                help=f"Add the region to the profile (it has {', '.join(sorted(regions))}).",
            )
        return regions[region]

    def machine_id(self, worker: Worker) -> str:
        """Resource id of a worker's machine."""
        return self.machines.resource_id(worker.name, self.place(worker.profile, worker.region))


def vault_key(url: str, credential: TokenCredential) -> KeyWrapper:
    """The Key Vault key of that address, for whoever opens a repository without the app. Raises InvalidInput."""
    from holdfast.cloud.vault_keys import AzureVaultKey

    return AzureVaultKey(url, credential)


def log_as_lines() -> None:
    """The app's log: JSON lines through `logging`, where the Functions host picks them up.

    Tracebacks without local variables, and every text redacted: either may hold what no log should.
    """
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact_event,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


@cache
def services() -> Services:
    """The process's own services, from its environment."""
    log_as_lines()
    made = Services(Settings())
    from holdfast.telemetry.exporting import set_up

    set_up(made.settings.telemetry, "app", made.settings.telemetry_connection, lambda: made.credential)
    return made

"""Puts the checks together. Each answers for itself: one that cannot be made is a finding and keeps none of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import structlog

from holdfast.cloud.clients import Clients, blob_service, queue_service, table_service
from holdfast.cloud.databases import SqlServers
from holdfast.cloud.doctor.control_plane import ControlPlane
from holdfast.cloud.doctor.places import regions_needed
from holdfast.cloud.doctor.repositories import Repositories
from holdfast.cloud.doctor.state import State
from holdfast.cloud.doctor.worker_rights import WorkerRights
from holdfast.cloud.permissions import Permissions
from holdfast.model.diagnosis import Diagnosis, broken, from_error, grant, healthy
from holdfast.model.errors import HoldfastError
from holdfast.model.policy import Policy
from holdfast.model.rights import APP_ROLE
from holdfast.model.source import Source
from holdfast.settings import Settings

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

_log = structlog.get_logger("doctor")

Check = Callable[[], Iterable[Diagnosis]]

#: Checks beside each other: they wait for Azure more than they work.
_THREADS = 8


class Doctor:
    """Looks at one installation."""

    def __init__(self, settings: Settings, clients: Clients, servers: SqlServers, credential: TokenCredential) -> None:
        self._settings, self._servers = settings, servers
        permissions = Permissions(clients)
        self._control = ControlPlane(settings, permissions, servers)
        self._workers = WorkerRights(settings, permissions)
        self._state = State(
            settings,
            blob_service(settings, credential),
            queue_service(settings, credential),
            table_service(settings, credential),
        )
        self._repositories = Repositories(clients)

    def examine(self, policies: list[Policy]) -> list[Diagnosis]:
        """Every finding, in a fixed order. Asks Azure many small questions; changes nothing but a probe blob of its own."""
        sources: list[Source] = []
        found = self._guarded("sources", "the databases", lambda: self._sources(sources))
        checks: list[tuple[str, str, Check]] = [
            ("settings", "the settings", self._missing_settings),
            ("regions", "worker profiles", lambda: regions_needed(self._settings, policies, sources, self._servers)),
            *self._control.checks(policies),
            *self._state.checks(),
            *self._repositories.checks(policies),
            *self._workers.checks(policies),
        ]
        with ThreadPoolExecutor(_THREADS) as pool:
            return found + [one for part in pool.map(lambda check: self._guarded(*check), checks) for one in part]

    def _sources(self, into: list[Source]) -> Iterator[Diagnosis]:
        scopes = [f"/subscriptions/{one}" for one in self._settings.subscriptions]
        try:
            into.extend(self._servers.list_sources())
        except HoldfastError as error:
            mend = "; ".join(grant(self._settings.identity_client_id, APP_ROLE, scope) for scope in scopes)
            yield from_error("sources", "the databases", error.info(), mend)
            return
        what = f"{len(into)} databases in {len(scopes)} subscriptions"
        yield (
            healthy("sources", what)
            if into
            else broken(
                "sources",
                what,
                "no database is to be seen",
                "Check HOLDFAST_SUBSCRIPTIONS, and the app's role on them.",
            )
        )

    def _missing_settings(self) -> Iterator[Diagnosis]:
        needed = (
            "subscriptions",
            "blob_endpoint",
            "queue_endpoint",
            "table_endpoint",
            "repositories",
            "worker_profiles",
            "worker_bundle_url",
            "worker_bundle_sha256",
            "sqlpackage_url",
            "sqlpackage_sha256",
        )
        absent = [f"HOLDFAST_{name.upper()}" for name in needed if not getattr(self._settings, name)]
        for name in absent:
            yield broken("settings", name, "it is not set", "Set it; docs/reference/settings.md says what it holds.")
        if not absent:
            yield healthy("settings", "the settings")

    @staticmethod
    def _guarded(check: str, what: str, ask: Check) -> list[Diagnosis]:
        try:
            return list(ask())
        except HoldfastError as error:
            return [from_error(check, what, error.info())]
        except Exception as error:  # noqa: BLE001 (a check that breaks is a finding, not the end of the others)
            # The type alone: a library's message may hold what an answer must not.
            _log.exception("a check broke", check=check, what=what)
            return [broken(check, what, f"it could not be checked: {type(error).__name__}", "Look at the app's log.")]

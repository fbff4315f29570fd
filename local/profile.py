"""One machine as Azure: starts, finds again, breaks on purpose and stops everything that the app needs around it.

Several profiles can run at once, each in its own state folder. Processes outlive the command that started them.
"""

from __future__ import annotations

import contextlib
import fcntl
import re
import ssl
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from holdfast.catalog import Catalog
from holdfast.clock_file import clock_from
from holdfast.model.clock import Clock
from holdfast.model.errors import ErrorInfo, InvalidInput, NotFound, ReportedError
from holdfast.model.policy import Policy
from holdfast.repository import Repository
from local import azurite, plan, processes, service
from local.app_settings import app_environment, repository_url, storage_url, vault_key_url
from local.azure import notice_board
from local.azure.state_folder import StateFolder
from local.azurite import Azurite, StorageAccount
from local.bundle import worker_bundle
from local.host.keys import load_keys
from local.machines.runner import ProcessMachines
from local.owner import OwnerCredential
from local.processes import ProcessRef
from local.profile_file import SERVICES, ProfileFile, Service
from local.provisioning import Provisioning
from local.service import ServiceFailed
from local.storage_front import process as front_process
from local.storage_front.config import FrontAccount, FrontConfig

ROOT = Path(__file__).resolve().parents[1]
_AZURE_READY = re.compile(r'^\{"https_port": (\d+), "http_port": (\d+)\}$', re.MULTILINE)
_HOST_READY = re.compile(r"^listening on (http://127\.0\.0\.1:(\d+))$", re.MULTILINE)


class LocalProfile:
    """A profile by its state folder, running or not."""

    def __init__(
        self,
        state: Path,
        *,
        clock_file: Path | None = None,
        pace: float = 0.01,
        rehydrate_pace: float = 0.0005,
        settings: Mapping[str, str] | None = None,
        app: Path = ROOT,
    ) -> None:
        """What is given here counts for a new state folder; an existing one keeps what it was made with.

        `pace`: Azure's durations times this; `rehydrate_pace`: the same for rehydration (15 h or 1 h).
        `settings`: settings of the app, by their environment names, in place of the plan's.
        """
        self.state = state.resolve()
        self._wanted: dict[str, Any] = {
            "clock_file": clock_file.resolve() if clock_file else None,
            "pace": pace,
            "app": app.resolve(),
        }
        self._wanted |= {"rehydrate_pace": rehydrate_pace, "settings": dict(settings or {})}

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.down()

    # --- up and down ---------------------------------------------------------------------------------------------

    def up(self) -> ProfileFile:
        """Starts what does not run and makes what is missing. Raises ServiceFailed, AzuriteMissing; leaves nothing then."""
        with self._locked():
            profile = self._load_or_make()
            try:
                with ThreadPoolExecutor(2) as side:
                    bundle = side.submit(worker_bundle)
                    emulator = side.submit(self._start_azure, profile)
                    self._start_azurite(profile)
                    emulator.result()
                    self._start_storage(profile)
                    if not self._runs(profile, "host"):
                        Provisioning(profile).all(bundle.result())
                        profile.save()
                self._start_host(profile)
                self._policy(profile)
            except BaseException:
                self._stop_all(profile)
                raise
            return profile

    def down(self) -> None:
        """Stops everything, workers too. What was stored stays. Harmless where nothing runs."""
        if not (self.state / "profile.json").exists():
            return
        with self._locked():
            self._stop_all(ProfileFile.load(self.state))

    def status(self) -> dict[str, Any]:
        """Which processes run, and the addresses. Raises NotFound."""
        profile = ProfileFile.load(self.state)
        running = {name: self._runs(profile, name) for name in SERVICES}
        return {
            "state": str(self.state),
            "running": all(running.values()),
            "url": profile.url,
            "pages": f"{profile.url}/api/web-key?code={profile.key}",
            "services": running,
            "workers": [disk.vm["name"] for disk in self.machines.disks() if disk.init() is not None],
            "repositories": {r.name: repository_url(profile, r.name) for r in plan.REPOSITORIES},
            "vault_key": vault_key_url(profile),
            "logs": str(self.state / "logs"),
        }

    def operator_environment(self) -> dict[str, str]:
        """What makes commands that need no app act as this world's operator: an identity, and trust in its storage."""
        profile, azure = self.profile, StateFolder(self.state / "azure")
        return {
            "HOLDFAST_STATE": str(self.state),
            "IDENTITY_ENDPOINT": f"http://127.0.0.1:{profile.azure_http}/msi/token",
            "IDENTITY_HEADER": azure.identity_header.read_text(),
            "AZURE_CLIENT_ID": profile.made["operator_client_id"],
            "REQUESTS_CA_BUNDLE": str(azure.ca),
            "SSL_CERT_FILE": str(azure.ca),
            "HOLDFAST_CA_BUNDLE": str(azure.ca),
        }

    # --- breaking things -----------------------------------------------------------------------------------------

    def kill_host(self) -> None:
        """kill -9 of the Functions host, in the middle of whatever it does."""
        self._kill("host")

    def start_host(self) -> None:
        """Starts the host again, on its old port and state."""
        self._start_host(self.profile)

    def kill_azure(self) -> None:
        """kill -9 of the Azure emulator: control plane, identities and vault are gone; VMs run on."""
        self._kill("azure")

    def start_azure(self) -> None:
        """Starts the Azure emulator again."""
        self._start_azure(self.profile)

    def kill_storage(self) -> None:
        """kill -9 of the storage front: blobs, queues and tables do not answer; what Azurite holds stays."""
        self._kill("storage")

    def start_storage(self) -> None:
        """Starts the storage front again."""
        self._start_storage(self.profile)

    def kill_worker(self, name: str | None = None) -> str:
        """Lets a worker VM die, the named one or any that runs. Returns its name. Raises NotFound."""
        for disk in self.machines.disks():
            found = disk.vm["name"]
            if disk.init() is not None and name in (None, found) and self.machines.kill(found):
                return str(found)
        raise NotFound(f"no worker {name or ''} runs")

    def kill_worker_program(self, name: str | None = None) -> str:
        """kill -9 of the worker program alone: systemd starts it again. Returns the VM's name. Raises NotFound."""
        for disk in self.machines.disks():
            init = disk.init()
            if init is None or name not in (None, disk.vm["name"]):
                continue
            for process in processes.descendants(init):
                with contextlib.suppress(OSError):
                    if b"holdfast.worker" in Path(f"/proc/{process.pid}/cmdline").read_bytes():
                        processes.kill_one(process)
                        return str(disk.vm["name"])
        raise NotFound(f"no worker program {name or ''} runs")

    def storage_fault(self, **fields: Any) -> None:
        """Asks the storage front for a fault; fields as in `local.storage_front.faults.Fault`."""
        self._storage_admin("POST", "faults", fields)

    def storage_faults(self) -> list[dict[str, Any]]:
        """The storage front's faults, with how often each has struck."""
        return list(self._storage_admin("GET", "faults"))

    def azure_fault(self, **fields: Any) -> None:
        """Asks the Azure emulator for a fault; fields as in `local.azure.faults.Fault`."""
        self.admin("POST", "faults", fields)

    def clear_faults(self) -> None:
        """Ends all faults."""
        self._storage_admin("DELETE", "faults")
        self.admin("DELETE", "faults")

    # --- the world -----------------------------------------------------------------------------------------------

    def load(self, file: Path, source: str, *, managed: bool = False, region: str | None = None) -> dict[str, Any]:
        """Makes or replaces an emulated database `server/database`. Raises InvalidInput, BadBacpac (reported)."""
        server, slash, database = source.partition("/")
        if not slash or not server or not database or "/" in database:
            raise InvalidInput(f"{source!r} is not server/database or instance/database")
        body = {"file": str(file.resolve()), "server": server, "database": database, "managed": managed}
        return dict(self.admin("POST", "databases", {**body, **({"region": region} if region else {})}))

    def resources(self) -> list[dict[str, Any]]:
        """All copies, VMs, disks and network cards, oldest first, and which of them are leftovers."""
        catalog = self.catalog
        sessions = [session.id for session in catalog.sessions.unended()]
        lent = [worker.name for worker in catalog.workers.list() if set(worker.slots.values()) & set(sessions)]
        # The profile's own rule of the app: how long a pooled, deallocated worker may stay.
        return list(self.admin("GET", "resources", running=sessions, in_use=lent, idle_seconds=3600))

    def requests(self) -> list[dict[str, Any]]:
        """Every request that the Azure emulator saw, oldest first."""
        return list(self.admin("GET", "requests"))

    def storage_requests(self) -> list[dict[str, Any]]:
        """The latest requests that the storage accounts saw, oldest first."""
        return list(self._storage_admin("GET", "requests"))

    def notices(self) -> list[dict[str, Any]]:
        """What the profile's notification channel was told, oldest first."""
        return list(self.admin("GET", "notices"))

    def notice_page(self) -> str:
        """Address of the page that shows them."""
        return Provisioning(self.profile).secret(notice_board.URL_SECRET) or ""

    def admin(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The Azure emulator's admin endpoint (see `local.azure.admin`)."""
        return Provisioning(self.profile).admin(method, path, body, **query)

    def api(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The app's HTTP API: `api("GET", "sessions")`. Raises ReportedError for a problem document."""
        return _api(self.profile, method, path, body, query)

    def repository(self, name: str = "default") -> Repository:
        """A repository, directly in storage, as its owner."""
        return Provisioning(self.profile).open_repository(_repository_plan(name))

    def password(self, name: str = "default") -> str:
        """A repository's password, from the vault."""
        return Provisioning(self.profile).password(_repository_plan(name)) or ""

    @property
    def profile(self) -> ProfileFile:
        """The file as it is now. Raises NotFound."""
        return ProfileFile.load(self.state)

    @property
    def clock(self) -> Clock:
        """The profile's clock."""
        return clock_from(self.profile.clock_file)

    @property
    def machines(self) -> ProcessMachines:
        """The worker VMs' processes."""
        return ProcessMachines(self.state / "azure" / "machines")

    @cached_property
    def catalog(self) -> Catalog:
        """The configuration database, as the owner sees it, whether the app runs or not."""
        from azure.data.tables import TableServiceClient
        from azure.storage.blob import ContainerClient

        profile, folder = self.profile, StateFolder(self.state / "azure")
        options: dict[str, Any] = {"credential": OwnerCredential(folder), "connection_verify": str(folder.ca)}
        details = f"{storage_url(profile, 'blob', plan.STATE)}/{plan.DETAILS}"
        tables = TableServiceClient(storage_url(profile, "table", plan.STATE), **options)
        return Catalog(tables, ContainerClient.from_container_url(details, **options), self.clock)

    # --- inside --------------------------------------------------------------------------------------------------

    def _load_or_make(self) -> ProfileFile:
        try:
            return ProfileFile.load(self.state)
        except NotFound:
            accounts = [StorageAccount.make(name) for name in plan.ACCOUNTS]
            made = ProfileFile(state=self.state, accounts=accounts, **self._wanted)
            made.save()
            return made

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One `up` or `down` at a time."""
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.state / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _log(self, name: str) -> Path:
        return self.state / "logs" / f"{name}.log"

    def _runs(self, profile: ProfileFile, name: str) -> bool:
        found = profile.services.get(name)
        return found is not None and found.process.alive()

    def _remember(self, profile: ProfileFile, name: str, process: ProcessRef) -> None:
        profile.services[name] = Service.of(process)
        profile.save()

    def _start_azurite(self, profile: ProfileFile) -> None:
        if self._runs(profile, "azurite"):
            return
        found = azurite.start(
            profile.accounts,
            folder=self.state / "azurite",
            log=self._log("azurite"),
            ports=profile.azurite,
            deadline=60,
        )
        profile.azurite = found.ports
        self._remember(profile, "azurite", found.process)

    def _start_azure(self, profile: ProfileFile) -> None:
        if self._runs(profile, "azure"):
            return
        argv = [sys.executable, "-m", "local.azure", "--state", str(self.state / "azure"), "--pace", str(profile.pace)]
        argv += ["--port", str(profile.azure_https), "--http-port", str(profile.azure_http)]
        argv += ["--machines", "local.machines.runner:of_state"]
        argv += ["--clock-file", str(profile.clock_file)] if profile.clock_file else []
        process, found = service.start("the Azure emulator", argv, log=self._log("azure"), ready=_AZURE_READY)
        profile.azure_https, profile.azure_http = int(found[1]), int(found[2])
        self._remember(profile, "azure", process)

    def _start_storage(self, profile: ProfileFile) -> None:
        if self._runs(profile, "storage"):
            return
        folder, azure = self.state / "storage", StateFolder(self.state / "azure")
        config = FrontConfig(
            azure_state=azure.root,
            accounts=[
                FrontAccount(name=a.name, key=a.key, resource_id=plan.account_id(a.name)) for a in profile.accounts
            ],
            upstream=profile.azurite,
            ports=profile.storage,
            admin_key=azure.admin_key.read_text(),
            pending_file=folder / "rehydrations.sqlite",
            immutable_containers=[f"{r.account}/{r.container}" for r in plan.REPOSITORIES],
            ready_file=folder / "ready.json",
            clock_file=profile.clock_file,
        )
        config = config.model_copy(
            update={
                "rehydrate_standard": config.rehydrate_standard * profile.rehydrate_pace,
                "rehydrate_high": config.rehydrate_high * profile.rehydrate_pace,
            }
        )
        process, ports = front_process.start(config, folder / "config.json", log=self._log("storage"))
        profile.storage = ports
        self._remember(profile, "storage", process)

    def _start_host(self, profile: ProfileFile) -> None:
        if self._runs(profile, "host"):
            return
        state = self.state / "host" / "host.sqlite"
        argv = [sys.executable, "-m", "local.host", "--app", str(profile.app), "--state", str(state)]
        argv += ["--port", str(profile.host_port)]
        argv += ["--clock-file", str(profile.clock_file)] if profile.clock_file else []
        environment = app_environment(profile)
        process, found = service.start(
            "the Functions host", argv, log=self._log("host"), ready=_HOST_READY, env=environment
        )
        profile.url, profile.host_port, profile.key = found[1], int(found[2]), load_keys(state).host
        self._remember(profile, "host", process)

    def _policy(self, profile: ProfileFile) -> None:
        """Policy `default`, unless somebody has made or removed one: only a new world gets it."""
        if "policy" not in profile.made:
            Policy.model_validate(plan.default_policy())
            _api(profile, "PUT", "policies/default", plan.default_policy(), {})
            profile.made["policy"] = "default"
            profile.save()

    def _kill(self, name: str) -> None:
        profile = self.profile
        if name in profile.services:
            processes.kill(profile.services[name].process)

    def _stop_all(self, profile: ProfileFile) -> None:
        # The emulator before the machines, or it could start one that was just stopped.
        for name in reversed(SERVICES):
            if name in profile.services:
                if name == "azurite":
                    Azurite(profile.services[name].process, profile.azurite).stop()
                else:
                    processes.stop(profile.services[name].process, grace=10)
                del profile.services[name]
        self.machines.stop_all()
        profile.save()

    def _storage_admin(self, method: str, path: str, body: Any = None) -> Any:
        profile, folder = self.profile, StateFolder(self.state / "azure")
        with httpx.Client(verify=ssl.create_default_context(cafile=folder.ca), trust_env=False, timeout=30) as client:
            answer = client.request(
                method,
                f"https://127.0.0.1:{profile.storage.blob}/.local/{path}",
                json=body,
                headers={"x-local-key": folder.admin_key.read_text()},
            )
        if answer.is_error:
            raise ServiceFailed(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json()


def _repository_plan(name: str) -> plan.RepositoryPlan:
    for found in plan.REPOSITORIES:
        if found.name == name:
            return found
    raise NotFound(f"the local profile has no repository {name!r}")


def _api(profile: ProfileFile, method: str, path: str, body: Any, query: dict[str, Any]) -> Any:
    headers = {"x-functions-key": profile.key}
    with httpx.Client(base_url=f"{profile.url}/api/", headers=headers, timeout=120, trust_env=False) as client:
        answer = client.request(method, path, json=body, params=query)
    if answer.is_error:
        problem = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        if "code" in problem and "title" in problem:
            raise ReportedError(ErrorInfo.model_validate({**problem, "http_status": answer.status_code}))
        raise ServiceFailed(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
    return answer.json() if answer.content else None

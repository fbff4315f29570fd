"""The real SDKs and the real credential against the emulated Azure, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from holdfast.cloud.clients import Clients, credential
from holdfast.cloud.databases import SqlServers
from holdfast.cloud.machines import Machines
from holdfast.model.clock import parse_iso
from holdfast.settings import RegionProfile, Settings, WorkerProfile

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/holdfast"
#: Operations take a two-hundredth of what they take in Azure: a copy 0.4 s, a machine 0.1 s.
_PACE = 0.005


class Azure:
    """The emulator and its admin endpoint."""

    group = GROUP
    servers = f"{GROUP}/providers/Microsoft.Sql/servers"
    instances = f"{GROUP}/providers/Microsoft.Sql/managedInstances"
    subnet = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/net/subnets/workers"

    def __init__(self, folder: Path, ports: Mapping[str, int]) -> None:
        self.folder = folder
        self.url = f"https://127.0.0.1:{ports['https_port']}"
        self.http_url = f"http://127.0.0.1:{ports['http_port']}"
        self.ca = folder / "ca.pem"
        self.identity: dict[str, Any] = {}
        self.worker: dict[str, Any] = {}

    def admin(self, method: str, path: str, body: object = None) -> Any:
        """Something that only tests may do."""
        reply = requests.request(
            method,
            f"{self.url}/_local/{path}",
            json=body,
            headers={"x-local-key": (self.folder / "admin-key").read_text()},
            verify=str(self.ca),
            timeout=30,
        )
        assert reply.status_code == 200, reply.text
        return reply.json()

    def place(self, resource_id: str, region: str = "westeurope", **fields: Any) -> str:
        """Puts a resource there, ready; its id."""
        self.admin("PUT", "resources", {"id": resource_id, "location": region, **fields})
        return resource_id

    def until_backed_up(self, database_id: str) -> datetime:
        """Waits until a database of an instance can be restored from; the earliest moment."""
        headers = {"Authorization": f"Bearer {self.token()}"}
        end = time.monotonic() + 20
        while time.monotonic() < end:
            url = f"{self.url}{database_id}?api-version=2025-01-01"
            found = requests.get(url, headers=headers, verify=str(self.ca), timeout=30).json()
            if moment := found["properties"].get("earliestRestorePoint"):
                return parse_iso(moment)
            time.sleep(0.1)
        raise AssertionError(found)

    def token(self) -> str:
        """A token of the app for Azure Resource Manager."""
        given = {"resource": "https://management.azure.com", "api-version": "2019-08-01"}
        headers = {"X-IDENTITY-HEADER": (self.folder / "identity-header").read_text()}
        given["client_id"] = self.identity["client_id"]
        found = requests.get(f"{self.http_url}/msi/token", params=given, headers=headers, timeout=30).json()
        return str(found["access_token"])

    def fault(self, **fields: Any) -> None:
        """Something goes wrong, once unless `count` says otherwise."""
        self.admin("POST", "faults", fields)

    def requests(self, method: str, pattern: str) -> list[dict[str, Any]]:
        """What was asked for so far."""
        return [r for r in self.admin("GET", "requests") if r["method"] == method and pattern in r["path"]]


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    """One emulator for all tests; each uses names of its own."""
    folder = tmp_path_factory.mktemp("azure")
    command = [sys.executable, "-m", "local.azure", "--state", str(folder), "--pace", str(_PACE), "--page-size", "4"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, cwd=Path(__file__).parents[2])
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, (folder / "log").read_text()
            found = Azure(folder, json.loads(line))
            found.identity = found.admin(
                "POST",
                "identities",
                {"name": "app", "app": True, "roles": [["Holdfast App", f"/subscriptions/{SUBSCRIPTION}"]]},
            )
            found.worker = found.admin("POST", "identities", {"name": "writer"})
            subnets = [{"name": "workers", "properties": {"addressPrefix": "10.0.0.0/24"}}]
            found.place(found.subnet.rpartition("/subnets/")[0], properties={"subnets": subnets})
            yield found
        finally:
            process.terminate()
            process.wait(20)
            process.stdout.close()  # type: ignore[union-attr]


@pytest.fixture
def azure(emulator: Azure, monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    """The emulator, with the app's own environment around the test."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{emulator.http_url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", (emulator.folder / "identity-header").read_text())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(emulator.ca))
    yield emulator
    emulator.admin("DELETE", "faults")


@pytest.fixture
def region_profile(emulator: Azure) -> RegionProfile:
    """Where workers are made."""
    return RegionProfile(size="Standard_D2ds_v5", resource_group="holdfast", subnet=emulator.subnet)


@pytest.fixture
def clients(azure: Azure, region_profile: RegionProfile) -> Iterator[Clients]:
    """The one factory, with the real credential."""
    profile = WorkerProfile(
        regions={"westeurope": region_profile}, writer_identity=azure.worker["id"], writer_client_id="c"
    )
    settings = Settings(
        installation="test",
        subscriptions=[SUBSCRIPTION],
        arm_endpoint=azure.url,
        identity_client_id=azure.identity["client_id"],
        worker_profiles={"standard": profile},
    )
    with credential(settings.identity_client_id) as identity:  # type: ignore[attr-defined]
        made = Clients(settings, identity)
        yield made
        made.close()


@pytest.fixture
def servers(clients: Clients) -> SqlServers:
    """What is tested."""
    return SqlServers(clients)


@pytest.fixture
def machines(clients: Clients) -> Machines:
    """What is tested."""
    return Machines(clients)


@pytest.fixture
def until() -> Callable[[Callable[[], Any], Any], Any]:
    """Asks until it hears one of the answers that were named; the answer."""

    def wait(ask: Callable[[], Any], *wanted: Any) -> Any:
        end = time.monotonic() + 20
        while True:
            found = ask()
            if found in wanted:
                return found
            assert time.monotonic() < end, found
            time.sleep(0.05)

    return wait

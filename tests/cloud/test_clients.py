"""The factory of clients."""

from __future__ import annotations

import subprocess
import sys
import threading

from holdfast.cloud.clients import Clients, blob_service, credential, queue_service, table_service
from holdfast.settings import Settings

SETTINGS = Settings(
    arm_endpoint="https://arm.example",
    arm_audience="https://audience.example/.default",
    blob_endpoint="https://blob.example/",
    queue_endpoint="https://queue.example/",
    table_endpoint="https://table.example/",
    storage_api_version="2025-11-05",
)


def test_endpoints_and_versions_come_from_the_settings() -> None:
    """And from nowhere else."""
    identity = credential("client")
    assert blob_service(SETTINGS, identity).url == "https://blob.example/"
    assert blob_service(SETTINGS, identity).api_version == "2025-11-05"
    assert queue_service(SETTINGS, identity).api_version == "2025-11-05"
    assert table_service(SETTINGS, identity).url == "https://table.example"


def test_many_that_ask_at_once_share_one_client() -> None:
    """Per subscription, without regard to case."""
    clients, found = Clients(SETTINGS, credential("client")), []
    threads = [
        threading.Thread(target=lambda n=n: found.append(clients.sql("ABC" if n % 2 else "abc"))) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(client) for client in found}) == 1
    assert clients.sql("other") is not found[0]
    config = found[0]._config
    assert config.credential_scopes == ["https://audience.example/.default"]
    assert clients.compute("abc")._config.base_url == "https://arm.example"
    clients.close()


def test_importing_the_cloud_loads_no_sdk() -> None:
    """A cold start pays for what it uses."""
    code = (
        "import sys, holdfast.cloud.databases, holdfast.cloud.machines, holdfast.cloud.secrets, holdfast.catalog;"
        "print([m for m in sys.modules if m.startswith('azure.') or m == 'cryptography'])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "[]"

"""How large a database is, on the emulated Azure."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.cloud.databases import SqlServers
from holdfast.model.errors import Forbidden
from local.samples.databases import write_sample


def test_the_used_size_is_that_of_the_data_and_not_the_largest_possible(
    azure, servers: SqlServers, tmp_path: Path
) -> None:
    azure.place(f"{azure.servers}/sized")
    azure.place(f"{azure.servers}/sized/databases/empty")
    file = tmp_path / "hr.bacpac"
    write_sample(file, "hr", 0, 0.1)
    azure.admin("POST", "databases", {"file": str(file), "server": "sized", "database": "hr"})
    empty, full = (servers.used_bytes(servers.find_source(f"sized/{name}")) for name in ("empty", "hr"))
    assert empty is not None
    assert full is not None
    assert file.stat().st_size < full - empty
    assert full < (servers.find_source("sized/hr").max_size_bytes or 0)


def test_an_instance_database_has_no_size(azure, servers: SqlServers) -> None:
    azure.place(f"{azure.instances}/sizedworks")
    azure.place(f"{azure.instances}/sizedworks/databases/ledger")
    assert servers.used_bytes(servers.find_source("sizedworks/ledger")) is None


def test_the_objective_is_told_with_the_source(azure, servers: SqlServers) -> None:
    azure.place(f"{azure.servers}/sized")
    azure.place(f"{azure.servers}/sized/databases/dtu", sku={"name": "S3", "tier": "Standard", "capacity": 100})
    assert servers.find_source("sized/dtu").objective == "S3"


def test_a_missing_right_is_named(azure, servers: SqlServers) -> None:
    azure.place(f"{azure.servers}/sized")
    azure.place(f"{azure.servers}/sized/databases/closed")
    source = servers.find_source("sized/closed")
    azure.fault(method="GET", path="databases/closed/usages", status=403, code="AuthorizationFailed")
    with pytest.raises(Forbidden):
        servers.used_bytes(source)

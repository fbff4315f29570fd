"""Azurite starts, keeps what it was given, and never stays behind."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from local import azurite, processes
from local.azurite import Azurite, AzuritePorts, StorageAccount
from local.azurite_setup import LOWEST_NODE, PINNED, find_node


def client(found: Azurite, account: StorageAccount) -> BlobServiceClient:
    return BlobServiceClient.from_connection_string(found.connection_string(account), retry_total=0)


def test_blobs_outlive_a_restart_on_the_same_ports(tmp_path: Path) -> None:
    """The profile's state folder is the world: stopping everything loses nothing."""
    account = StorageAccount.make("hfone")
    first = azurite.start([account], folder=tmp_path / "data", log=tmp_path / "log")
    try:
        client(first, account).create_container("ccc").upload_blob("b", b"kept")
    finally:
        first.stop()
    assert not processes.session_members(first.process)
    again = azurite.start([account], folder=tmp_path / "data", log=tmp_path / "log", ports=first.ports)
    try:
        assert again.ports == first.ports
        assert client(again, account).get_blob_client("ccc", "b").download_blob().readall() == b"kept"
    finally:
        again.stop()


def test_a_taken_port_is_told_with_the_log(storage: Azurite, tmp_path: Path) -> None:
    """A second Azurite on the same port must not look as if it had started."""
    with pytest.raises(OSError, match="a port of Azurite is taken"):
        azurite.start(
            [StorageAccount.make("hfone")],
            folder=None,
            log=tmp_path / "log",
            ports=AzuritePorts(blob=storage.ports.blob),
        )


def test_the_lock_file_names_no_registry_and_pins_everything() -> None:
    """It must install from any registry, and always the same bytes."""
    text = (PINNED / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert text.count('"integrity"') > 300


def test_node_is_found_and_new_enough() -> None:
    node = find_node()
    assert node is not None
    told = subprocess.run([node.node, "--version"], capture_output=True, text=True, check=True).stdout
    assert int(told[1:].split(".")[0]) >= LOWEST_NODE

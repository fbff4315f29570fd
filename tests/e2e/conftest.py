"""One world for all tests that run the whole app: Azurite, the Azure emulator, the durable host, worker machines."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azurite_setup import installed
from local.profile import LocalProfile

#: The janitor comes more often than once a minute, so that a test need not wait long for what a crash left behind.
_SETTINGS = {"HOLDFAST_JANITOR_SCHEDULE": "*/15 * * * * *"}


@pytest.fixture(scope="session")
def world() -> Iterator[LocalProfile]:
    """A running local profile, stopped and removed at the end."""
    if not installed():
        pytest.skip("Azurite is not installed; `make setup` fetches it")
    # Not below pytest's own folder: its names are long, and sockets and command lines are not.
    folder = Path(tempfile.mkdtemp(prefix="hf-e2e-"))
    found = LocalProfile(folder, settings=_SETTINGS)
    try:
        found.up()
        yield found
    finally:
        found.down()
        shutil.rmtree(folder, ignore_errors=True)

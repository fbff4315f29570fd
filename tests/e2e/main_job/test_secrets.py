"""No password, key or token of the world lies anywhere but where it belongs. The test knows every one of them."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from local import plan
from local.app_settings import storage_url
from local.azure.state_folder import StateFolder
from local.host.keys import load_keys
from local.owner import OwnerCredential
from local.profile import LocalProfile
from local.samples.databases import write_sample

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

#: A signed token, as Entra ID and the emulator make them.
_TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}")
#: The signature of a shared access signature.
_SIGNATURE = re.compile(rb"[?&](?:sig|skoid)=[A-Za-z0-9%/+=-]{10,}")

#: The emulators' own key files, and why each holds what it holds. Nothing else in the state folder may hold a secret.
_BELONGS = {
    "profile.json": "how its owner reaches the profile: account keys and the function key",
    "storage/config.json": "the storage front signs its requests to Azurite with the accounts' keys",
    "azure/admin-key": "the admin endpoint's key",
    "azure/identity-header": "what App Service gives the app as IDENTITY_HEADER",
    "azure/resources.sqlite": "the emulated Key Vault",
    "azure/resources.sqlite-wal": "the emulated Key Vault, not yet folded in",
    "host/host.sqlite.keys.json": "the host's own keys, as Azure Functions keeps them in its secrets container",
}


def _secrets(world: LocalProfile) -> dict[str, bytes]:
    """Every secret of the world by name."""
    profile, folder = world.profile, StateFolder(world.state / "azure")
    keys = load_keys(world.state / "host" / "host.sqlite")
    found = {f"password of {r.name}": world.password(r.name) for r in plan.REPOSITORIES}
    found |= {f"key of account {a.name}": a.key for a in profile.accounts}
    found |= {"function key": profile.key, "master key": keys.master, "host key": keys.host, "system key": keys.system}
    found |= {"admin key": folder.admin_key.read_text(), "identity header": folder.identity_header.read_text()}
    assert all(len(secret) > 15 for secret in found.values())
    return {name: secret.encode() for name, secret in found.items()}


def _shapes(secret: bytes) -> set[bytes]:
    """A secret as it is, in an address, and in base64 (whatever stands before it)."""
    shapes = {secret, quote(secret, safe="").encode(), quote(secret).encode()}
    for shift in range(3):
        # What of the code does not depend on the neighbours.
        code = base64.b64encode(b"\0" * shift + secret).rstrip(b"=")
        shapes.add(code[4 if shift else 0 : -2])
    return shapes


class Search:
    """Looks for the world's secrets in anything."""

    def __init__(self, secrets: dict[str, bytes]) -> None:
        self._shapes = {name: _shapes(secret) for name, secret in secrets.items()}
        self.found: dict[str, set[str]] = {}

    def look(self, place: str, content: bytes, *, published: bool = False) -> None:
        """Remembers which secrets a place holds. What is published may show tokens of nobody, as examples."""
        hits = {name for name, shapes in self._shapes.items() if any(shape in content for shape in shapes)}
        if _TOKEN.search(content) and not published:
            hits.add("bearer token")
        if _SIGNATURE.search(content) and not published:
            hits.add("shared access signature")
        if hits:
            self.found.setdefault(place, set()).update(hits)


@pytest.fixture
def searched(runs: Any, world: LocalProfile, tmp_path: Path) -> Search:
    """A backup, an archive and two downloads have run, and one backup that failed; nothing was looked at yet."""
    write_sample(tmp_path / "hr.bacpac", "hr", scale=0.1)
    write_sample(tmp_path / "legacy.bacpac", "legacy", scale=0.1)
    world.load(tmp_path / "hr.bacpac", "sql-secrets/good")
    world.load(tmp_path / "legacy.bacpac", "sql-secrets/blocked")
    runs.policy("secrets", "sql-secrets/*")
    session = runs.backup("secrets")
    assert runs.states(session) == {"sql-secrets/blocked": "export-blocked", "sql-secrets/good": "succeeded"}
    assert runs.archive("secrets")["state"] == "succeeded"
    points = [runs.points(repository, "sql-secrets/good")[-1] for repository in ("default", "archive")]
    runs.download(points, tmp_path)
    return Search(_secrets(world))


def test_the_search_finds_what_is_hidden(tmp_path: Path) -> None:
    """Otherwise the searches below would prove nothing."""
    secret = b"s3cr/t+of-thirty-two-characters=="
    for place in (
        b"x" + secret,
        quote(secret).encode(),
        *(base64.b64encode(b"a" * n + secret + b"z") for n in range(3)),
    ):
        search = Search({"it": secret})
        search.look("here", place)
        assert search.found == {"here": {"it"}}, place
    token = b".".join(base64.urlsafe_b64encode(json.dumps({"part": "x" * 20}).encode()).rstrip(b"=") for _ in range(3))
    search = Search({})
    search.look("log", b"Authorization: Bearer " + token)
    assert search.found == {"log": {"bearer token"}}


def test_no_secret_lies_in_histories_catalog_queues_jobs_or_logs(
    runs: Any, world: LocalProfile, searched: Search
) -> None:
    """By the services themselves, as anybody with the right to read them sees them, and file by file on the disk."""
    seen = dict.fromkeys(("history", "table", "queue", "jobs", "catalog"), 0)
    for place, content in (*_histories(world), *_tables(world), *_queues(world), *_blobs(world)):
        seen[place.partition(" ")[0]] += len(content)
        searched.look(place, content)
    assert searched.found == {}
    # Each place held something of the runs: it was not an empty shelf that was searched.
    assert all(count > 200 for place, count in seen.items() if place != "queue"), seen

    files = 0
    for file in sorted(world.state.rglob("*")):
        name = str(file.relative_to(world.state))
        try:
            content = file.read_bytes() if file.is_file() else b""
        except FileNotFoundError:
            continue  # a temporary file of a process that runs
        if name not in _BELONGS:
            files += 1
            # Libraries of the worker's bundle: their own descriptions hold example tokens.
            searched.look(name, content, published="/opt/holdfast/releases/" in name)
    assert searched.found == {}
    assert files > 50
    # What belongs there is there: the same search sees it.
    for name in ("profile.json", "storage/config.json", "azure/admin-key", "host/host.sqlite.keys.json"):
        searched.look(name, (world.state / name).read_bytes())
        assert searched.found.pop(name), name


def test_no_secret_stands_on_a_command_line(world: LocalProfile) -> None:
    """Every user of a machine reads the command lines of all processes."""
    search, mine = Search(_secrets(world)), str(world.state).encode()
    count = 0
    for entry in Path("/proc").iterdir():
        try:
            content = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        count += mine in content
        search.look(entry.name, content)
    assert search.found == {}
    assert count >= 3, "the world's own processes were among them"


def _histories(world: LocalProfile) -> Iterator[tuple[str, bytes]]:
    """Every value of every table of the durable host."""
    with sqlite3.connect(f"file:{world.state}/host/host.sqlite?mode=ro", uri=True) as database:
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            for row in database.execute(f'SELECT * FROM "{name}"'):  # noqa: S608 (names of the file's own tables)
                yield f"history {name}", "\n".join(str(value) for value in row).encode()
    database.close()


def _options(world: LocalProfile) -> dict[str, Any]:
    folder = StateFolder(world.state / "azure")
    return {"credential": OwnerCredential(folder), "connection_verify": str(folder.ca)}


def _tables(world: LocalProfile) -> Iterator[tuple[str, bytes]]:
    from azure.data.tables import TableServiceClient

    with TableServiceClient(storage_url(world.profile, "table", plan.STATE), **_options(world)) as tables:
        for table in tables.list_tables():
            for entity in tables.get_table_client(table.name).list_entities():
                yield f"table {table.name}", repr(dict(entity)).encode()


def _queues(world: LocalProfile) -> Iterator[tuple[str, bytes]]:
    from azure.storage.queue import QueueServiceClient

    with QueueServiceClient(storage_url(world.profile, "queue", plan.STATE), **_options(world)) as queues:
        for queue in queues.list_queues():
            for message in queues.get_queue_client(queue.name).peek_messages(32):
                yield f"queue {queue.name}", str(message.content).encode()


def _blobs(world: LocalProfile) -> Iterator[tuple[str, bytes]]:
    from azure.storage.blob import BlobServiceClient

    with BlobServiceClient(storage_url(world.profile, "blob", plan.STATE), **_options(world)) as blobs:
        for container in (plan.JOBS, plan.DETAILS):
            client = blobs.get_container_client(container)
            for name in client.list_blob_names():
                yield f"{container} {name}", client.download_blob(name).readall()

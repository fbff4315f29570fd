"""Senders that die by kill -9 at any moment: nothing is lost, and what comes twice carries the same id."""

from __future__ import annotations

import json
import os
import random
import ssl
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient

from holdfast.catalog import Catalog
from holdfast.model.clock import SystemClock
from holdfast.model.notice import Notice
from local.azure.certificates import ensure_certificates
from local.azure.state_folder import StateFolder
from local.azurite import Azurite, StorageAccount

_ROOT = Path(__file__).resolve().parents[2]
_NOTICES, _KILLS = 12, 5
#: A claim of five minutes lasts half a second.
_RATE = "600"


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[tuple[str, Path, list[tuple[str, str]]]]:
    """An https receiver: address, authority to trust, and what it got (id, title). A third of all answers is lost."""
    folder, got, chance = StateFolder(tmp_path / "certificates"), [], random.Random(7)
    ensure_certificates(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            got.append((self.headers["Idempotency-Key"], body["text"]))
            if chance.random() < 0.33:
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder.server_certificate, folder.server_key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # killed clients are what this is about
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}/hook", folder.ca, got
    server.shutdown()
    thread.join(10)
    server.server_close()


def test_no_notice_is_lost_and_each_keeps_its_id(
    azurite: tuple[Azurite, Iterator[StorageAccount]], receiver: tuple[str, Path, list[tuple[str, str]]]
) -> None:
    running, accounts = azurite
    connection, (url, authority, got) = running.connection_string(next(accounts)), receiver
    chance, now = random.Random(11), datetime.now(UTC)
    with (
        TableServiceClient.from_connection_string(connection) as tables,
        BlobServiceClient.from_connection_string(connection) as blobs,
    ):
        outbox = Catalog(tables, blobs.get_container_client("catalog"), SystemClock()).outbox
        for n in range(_NOTICES):
            outbox.add("ops", Notice(event="failure", occasion=f"o{n}", tone="bad", title=f"t{n}", at=now))
        expected = {w.id: f":red_circle: {w.notice.title}" for w in outbox.waiting()}
        argv = [
            sys.executable,
            str(Path(__file__).with_name("killed_sender.py")),
            connection,
            url,
            now.isoformat(),
            _RATE,
        ]
        environment = {**os.environ, "PYTHONPATH": str(_ROOT), "SSL_CERT_FILE": str(authority)}
        for turn in range(_KILLS + 1):
            with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, cwd=_ROOT) as sender:
                assert sender.stdout is not None
                assert sender.stdout.readline() == b"ready\n"
                try:
                    sender.wait(60 if turn == _KILLS else chance.uniform(0, 0.3))
                except subprocess.TimeoutExpired:
                    sender.kill()
        assert outbox.waiting() == []
        assert Counter(ended.state for ended in outbox.ended()) == {"sent": _NOTICES}
    assert dict(got) == expected
    assert set(Counter(name for name, _ in got)) == set(expected)

"""The stand-ins against the real Azure emulator in a process of its own: rights, tokens, content and log, as at work."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from holdfast.bacpac.package import Bacpac
from local.sqlpackage.__main__ import run
from local.sqlpackage.endpoint import VARIABLE

T = ("dbo", "T")
HOST = "shop.database.windows.net"


class World:
    """The emulator by its admin endpoint."""

    def __init__(self, folder: Path, ports: dict[str, Any]) -> None:
        self.folder = folder
        self.address = f"https://127.0.0.1:{ports['https_port']}"
        self.identity = f"http://127.0.0.1:{ports['http_port']}/msi/token"
        self._https = ssl.create_default_context(cafile=str(folder / "ca.pem"))

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        key = {"x-local-key": (self.folder / "admin-key").read_text()}
        with httpx.Client(verify=self._https, trust_env=False, timeout=30) as client:
            reply = client.request(method, f"{self.address}/_local/{path}", json=body, headers=key)
        return reply.raise_for_status().json()

    def token(self, resource: str, client_id: str) -> str:
        query = {"resource": resource, "api-version": "2019-08-01", "client_id": client_id}
        header = {"X-IDENTITY-HEADER": (self.folder / "identity-header").read_text()}
        with httpx.Client(trust_env=False, timeout=30) as client:
            reply = client.get(self.identity, params=query, headers=header)
        return str(reply.raise_for_status().json()["access_token"])


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The emulator, and a metadata endpoint that hands out its tokens without a VM."""
    folder = tmp_path / "azure"
    command = [sys.executable, "-m", "local.azure", "--state", str(folder), "--pace", "0.02"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = World(folder, json.loads(process.stdout.readline()))

        class Metadata(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                """Says nothing."""

            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                raw = json.dumps({"access_token": found.token(query["resource"][0], query["client_id"][0])}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

        metadata = ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
        thread = threading.Thread(target=metadata.serve_forever, args=(0.05,))
        thread.start()
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", f"http://127.0.0.1:{metadata.server_port}")
        file = tmp_path / "emulator.json"
        file.write_text(json.dumps({"address": found.address, "ca_file": str(folder / "ca.pem")}))
        monkeypatch.setenv(VARIABLE, str(file))
        try:
            yield found
        finally:
            metadata.shutdown()
            thread.join()
            metadata.server_close()
            process.terminate()
            process.wait(20)


def command(client_id: str, to: Path, database: str = "orders") -> list[str]:
    connection = (
        f"Server=tcp:{HOST},1433;Initial Catalog={database};Authentication=Active Directory Managed Identity;"
        f"User Id={client_id};Encrypt=True"
    )
    return ["/Action:Export", f"/SourceConnectionString:{connection}", f"/TargetFile:{to}"]


def test_an_export_and_a_probe(
    world: World, make: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only who has the right gets anything, only what was loaded comes out, and the emulator learns what was written."""
    model = make.model(make.table(T, [make.column(T, "Id", "[int]", nullable=False)]))
    file = make.write(make.entries(model, {T: [b"\1\0\0\0\2\0\0\0"]}, rows=2))
    loaded = world.admin("POST", "databases", {"file": str(file), "server": "shop", "database": "orders"})
    client = world.admin("POST", "identities", {"name": "worker", "app": True, "roles": []})["client_id"]
    to = tmp_path / "out.bacpac"

    assert run(command(client, to)) == 1
    assert 'Cannot open database "orders"' in capsys.readouterr().err

    scope = "/subscriptions/" + loaded["id"].split("/")[2]
    world.admin("POST", "identities", {"name": "worker", "app": True, "roles": [["SQL reader", scope]]})
    assert run(command(client, to)) == 0
    with Bacpac.open(to) as bacpac:
        assert b"".join(piece for part in bacpac.tables()[0].parts for piece in bacpac.pieces(part))[:4] == b"\1\0\0\0"
        names = {entry.name for entry in bacpac.entries}
    (told,) = world.admin("GET", "exports")
    assert set(told["entries"]) == names
    assert run(command(client, to, "none")) == 1
    assert 'Cannot open database "none"' in capsys.readouterr().err

    monkeypatch.setenv("HOLDFAST_WORKER_CLIENT_ID", client)
    question = json.dumps({"host": HOST, "database": "orders"})
    ran = subprocess.run(
        [sys.executable, "-m", "local.sqlprobe"],
        input=question,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["V01"] == [{"s": "dbo", "t": "T", "n": 2}]
    gone = question.replace("orders", "none")
    ran = subprocess.run(
        [sys.executable, "-m", "local.sqlprobe"], input=gone, capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 1
    assert json.loads(ran.stdout)["error"]["code"] == "missing-rights"

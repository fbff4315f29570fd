"""A small server in the emulator's place: identity endpoint (http) and SQL data endpoint (https)."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pytest

from local.azure.certificates import ensure_certificates
from local.azure.state_folder import StateFolder
from local.sqlpackage.endpoint import VARIABLE

HOST, DATABASE, CLIENT = "sql-one.database.windows.net", "Sales", "11111111-2222-3333-4444-555555555555"
TOKEN, EXPIRED = "a-good-token", "an-old-token"


@dataclass
class Azure:
    """What the server has and what it was told."""

    folder: Path
    content: Path | None = None
    database: str = DATABASE
    altered: int = 0
    """How often statements changed the database."""
    token: str = TOKEN
    status: int = 0
    """If not 0, what a question for content is answered with."""
    log: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    address: str = ""
    identity: str = ""

    @property
    def ca_file(self) -> Path:
        return StateFolder(self.folder).ca

    def emulator_json(self, **faults: Any) -> Path:
        """The file beside the executable."""
        file = self.folder / "emulator.json"
        file.write_text(json.dumps({"address": self.address, "ca_file": str(self.ca_file), "faults": faults}))
        return file

    def command(self, to: Path, *more: str) -> list[str]:
        """SqlPackage's own command line, as the worker writes it."""
        connection = (
            f'Server=tcp:{HOST},1433;Initial Catalog="{DATABASE}";Authentication=Active Directory Managed Identity;'
            f"User Id={CLIENT};Encrypt=True;TrustServerCertificate=False;Connect Timeout=60;Application Name=Holdfast"
        )
        return ["/Action:Export", f"/SourceConnectionString:{connection}", f"/TargetFile:{to}", *more]


class Handler(BaseHTTPRequestHandler):
    """Answers both endpoints."""

    azure: Azure

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        azure, parts = self.azure, urlsplit(self.path)
        azure.asked.append(unquote(parts.path))
        if parts.path.startswith("/vm/w1/metadata/identity/oauth2/token"):
            query = parse_qs(parts.query)
            if self.headers.get("Metadata") != "true" or query.get("client_id") != [CLIENT]:
                self._answer(400, {"error": "invalid_request", "error_description": "Identity not found"})
            else:
                assert query["resource"] == ["https://database.windows.net/"]
                self._answer(200, {"access_token": azure.token, "token_type": "Bearer"})
        elif self._refused():
            return
        elif unquote(parts.path) != f"/_sql/{HOST}/{azure.database}/bacpac" or azure.content is None:
            self._answer(403, {"error": {"code": "LoginFailed", "message": "Cannot open database."}})
        else:
            raw = azure.content.read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._refused():
            assert self.path == "/_sql/export-log"
            self.azure.log.append(body)
            self._answer(201, {"number": len(self.azure.log)})

    def do_PUT(self) -> None:
        azure, body = self.azure, self.rfile.read(int(self.headers["Content-Length"]))
        if not self._refused():
            assert unquote(self.path) == f"/_sql/{HOST}/{azure.database}/altered"
            assert azure.content is not None
            azure.altered += 1
            azure.content.write_bytes(body)
            self._answer(200, {})

    def _refused(self) -> bool:
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._answer(401, {"error": {"code": "LoginFailed", "message": "Login failed: it has expired."}})
        elif self.azure.status:
            self._answer(self.azure.status, {"error": {"code": "Any", "message": "holds nothing"}})
        else:
            return False
        return True

    def _answer(self, status: int, body: Any) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    """The server, and an environment in which the stand-in finds it."""
    folder = tmp_path / "azure"
    state = StateFolder(folder).prepare()
    ensure_certificates(state)
    found = Azure(folder)
    handler = type("Bound", (Handler,), {"azure": found})
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler) for _ in range(2)]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(state.server_certificate, state.server_key)
    servers[0].socket = context.wrap_socket(servers[0].socket, server_side=True)
    found.address = f"https://127.0.0.1:{servers[0].server_port}"
    found.identity = f"http://127.0.0.1:{servers[1].server_port}/vm/w1"
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", found.identity)
    monkeypatch.setenv("HOLDFAST_EMULATOR", str(found.emulator_json()))
    threads = [threading.Thread(target=server.serve_forever, args=(0.05,)) for server in servers]
    for thread in threads:
        thread.start()
    yield found
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        thread.join()
        server.server_close()


class World:
    """The real emulator in a process of its own, by its admin endpoint."""

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

"""The boot script, run for real: `python3 boot.py` against an HTTP metadata endpoint and an HTTPS blob service."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import ipaddress
import json
import os
import ssl
import stat
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from holdfast.worker import boot, boot_script

TOKEN = "eyJhbGciOi.secret-token.signature"


def zipped(members: dict[str, bytes], modes: dict[str, int] | None = None) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (modes or {}).get(name, 0) << 16
            archive.writestr(info, content)
    return out.getvalue()


def tarred(members: dict[str, bytes], special: tarfile.TarInfo | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o644
            archive.addfile(info, io.BytesIO(content))
        if special is not None:
            archive.addfile(special)
    return out.getvalue()


BUNDLE = tarred({"holdfast/__init__.py": b"", "holdfast/worker/__main__.py": b"print('worker')"})
SQLPACKAGE = zipped({"sqlpackage": b"#!/bin/sh\n", "lib/a.dll": b"x"})


class World:
    """The cloud that the machine sees: what it serves, how it fails, and what it was asked."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {"/bundles/worker.tar.gz": BUNDLE, "/bundles/sqlpackage.zip": SQLPACKAGE}
        self.token_failures = 0
        self.blob_faults: list[str] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.metadata = self.storage = ""

    def answer_metadata(self, handler: BaseHTTPRequestHandler) -> None:
        query = parse_qs(urlsplit(handler.path).query)
        if handler.headers.get("Metadata") != "true" or query.get("resource") != ["https://storage.azure.com/"]:
            return self.reply(handler, 400, b"{}")
        if self.token_failures:
            self.token_failures -= 1
            return self.reply(handler, 500, b"{}")
        return self.reply(handler, 200, json.dumps({"access_token": TOKEN}).encode())

    def answer_blob(self, handler: BaseHTTPRequestHandler) -> None:
        if handler.headers.get("Authorization") != f"Bearer {TOKEN}" or not handler.headers.get("x-ms-version"):
            return self.reply(handler, 401, b"")
        fault = self.blob_faults.pop(0) if self.blob_faults else ""
        content = self.blobs.get(urlsplit(handler.path).path)
        if fault == "redirect":
            handler.send_response(302)
            handler.send_header("Location", f"{self.metadata}/stolen")
            handler.end_headers()
            return None
        if content is None or fault == "refused":
            return self.reply(handler, 403, b"")
        if fault == "truncated":
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(content)))
            handler.end_headers()
            handler.wfile.write(content[: len(content) // 2])
            handler.close_connection = True
            return None
        return self.reply(handler, 200, b"evil" if fault == "swapped" else content)

    def reply(self, handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


def serve(answer: Callable[[BaseHTTPRequestHandler], None], world: World) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            world.asked.append((self.path, dict(self.headers)))
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 of our own, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("certificate")
    (folder / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "ca.pem", folder / "key.pem"


@pytest.fixture
def world(certificate: tuple[Path, Path]) -> Iterator[World]:
    made = World()
    metadata, storage = serve(made.answer_metadata, made), serve(made.answer_blob, made)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    storage.socket = context.wrap_socket(storage.socket, server_side=True)
    made.metadata = f"http://127.0.0.1:{metadata.server_port}/vm/one"
    made.storage = f"https://127.0.0.1:{storage.server_port}"
    threads = [threading.Thread(target=server.serve_forever, args=(0.05,)) for server in (metadata, storage)]
    for thread in threads:
        thread.start()
    yield made
    for server, thread in zip((metadata, storage), threads, strict=True):
        server.shutdown()
        server.server_close()
        thread.join()


class Machine:
    """One machine's folder, with the files that cloud-init would have written."""

    def __init__(self, folder: Path, world: World, authority: Path) -> None:
        self.folder, self.world = folder, world
        (folder / "boot.py").write_text(boot.boot_script())
        (folder / "ca.pem").write_text(authority.read_text())
        self.boot: dict[str, Any] = {
            "client_id": "writer-id",
            "identity_endpoint": world.metadata,
            "storage_api_version": None,
            "bundle": self.archive("worker.tar.gz", BUNDLE),
            "sqlpackage": self.archive("sqlpackage.zip", SQLPACKAGE),
            "environment": {"HOLDFAST_WORKER_NAME": "hf-1", "HOLDFAST_WORKER_SQL_PROBE": "probe 'a b'"},
        }

    def archive(self, name: str, content: bytes) -> dict[str, str]:
        self.world.blobs[f"/bundles/{name}"] = content
        return {"url": f"{self.world.storage}/bundles/{name}", "sha256": hashlib.sha256(content).hexdigest()}

    def start(self, *, patience: float = 20.0) -> tuple[int, str]:
        """Runs the script as the machine does, only with less patience; exit code and log."""
        (self.folder / "boot.json").write_text(json.dumps(self.boot))
        runner = (
            "import runpy, sys; from pathlib import Path; "
            f"script = runpy.run_path({str(self.folder / 'boot.py')!r}, run_name='boot'); "
            f"sys.exit(script['main'](Path({str(self.folder)!r}), patience={patience}, pause=0.05))"
        )
        done = subprocess.run(
            [sys.executable, "-I", "-W", "error", "-c", runner],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={"PATH": os.environ["PATH"]},
        )
        log = done.stdout + done.stderr
        assert TOKEN not in log, "the token must never reach the boot log"
        assert "Traceback" not in log
        return done.returncode, log

    @property
    def releases(self) -> list[str]:
        folder = self.folder / "releases"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []

    def environment(self) -> dict[str, str]:
        lines = (self.folder / "worker.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def machine(tmp_path: Path, world: World, certificate: tuple[Path, Path]) -> Machine:
    return Machine(tmp_path, world, certificate[0])


def test_a_machine_boots(machine: Machine, world: World) -> None:
    code, log = machine.start()
    assert code == 0, log
    environment = machine.environment()
    bundle = Path(environment["PYTHONPATH"])
    assert bundle == machine.folder / "releases" / hashlib.sha256(BUNDLE).hexdigest()
    assert (bundle / "holdfast/worker/__main__.py").read_text() == "print('worker')"
    sqlpackage = Path(environment["HOLDFAST_WORKER_SQLPACKAGE"])
    assert stat.S_IMODE(sqlpackage.stat().st_mode) == 0o755, "SqlPackage's own ZIP carries no modes"
    assert environment["AZURE_POD_IDENTITY_AUTHORITY_HOST"] == world.metadata
    assert environment["HOLDFAST_WORKER_NAME"] == "hf-1"
    assert environment["HOLDFAST_WORKER_SQL_PROBE"] == "\"probe 'a b'\""
    trust = Path(environment["REQUESTS_CA_BUNDLE"]).read_text()
    assert (machine.folder / "ca.pem").read_text() in trust
    assert not any(TOKEN in file.read_text(errors="replace") for file in machine.folder.rglob("*") if file.is_file())


def test_the_token_is_asked_for_with_the_client_id_and_sent_to_storage_only(machine: Machine, world: World) -> None:
    assert machine.start()[0] == 0
    metadata = [(path, headers) for path, headers in world.asked if "/metadata/identity" in path]
    assert metadata
    assert all("client_id=writer-id" in path and path.startswith("/vm/one/") for path, _ in metadata)
    assert not any("Authorization" in headers for _, headers in metadata)


def test_a_second_boot_fetches_nothing_again(machine: Machine, world: World) -> None:
    assert machine.start()[0] == 0
    world.asked.clear()
    (machine.folder / "worker.env").unlink()
    assert machine.start()[0] == 0
    assert world.asked == []
    assert "PYTHONPATH" in machine.environment(), "the environment is written anew at every boot"


def test_a_new_release_replaces_the_old_one(machine: Machine) -> None:
    assert machine.start()[0] == 0
    machine.boot["bundle"] = machine.archive("worker-2.tar.gz", tarred({"holdfast/two.py": b"2"}))
    assert machine.start()[0] == 0
    assert hashlib.sha256(BUNDLE).hexdigest() not in machine.releases
    assert len(machine.releases) == 2


@pytest.mark.parametrize("fault", ["refused", "truncated"])
def test_a_fault_that_passes_is_outlasted(machine: Machine, world: World, fault: str) -> None:
    world.token_failures, world.blob_faults = 1, [fault, fault, fault, fault]
    code, log = machine.start()
    assert code == 0, log


def test_a_download_cut_short_is_never_unpacked(machine: Machine, world: World) -> None:
    world.blob_faults = ["truncated"] * 1000
    code, log = machine.start(patience=0.5)
    assert code == 1
    assert "bytes arrived" in log or "IncompleteRead" in log
    assert [name for name in machine.releases if not name.startswith(".")] == []
    assert not (machine.folder / "worker.env").exists()


def test_a_file_with_another_sha256_is_refused(machine: Machine, world: World) -> None:
    world.blob_faults = ["swapped"] * 1000
    code, log = machine.start()
    assert code == 1
    assert "not the expected file" in log
    assert machine.releases == []
    assert len([path for path, _ in world.asked if "/bundles/" in path]) == 3, "it does not ask for ever"


def test_a_redirect_is_not_followed_with_the_token(machine: Machine, world: World) -> None:
    world.blob_faults = ["redirect"] * 1000
    code, log = machine.start(patience=0.3)
    assert code == 1
    assert "HTTP 302" in log
    assert not any("/stolen" in path for path, _ in world.asked)


def test_a_token_is_never_sent_in_the_clear(machine: Machine) -> None:
    machine.boot["bundle"]["url"] = machine.boot["bundle"]["url"].replace("https://", "http://")
    code, log = machine.start()
    assert code == 1
    assert "not https" in log


def test_a_storage_service_that_nobody_vouches_for_is_refused(machine: Machine) -> None:
    (machine.folder / "ca.pem").unlink()
    code, log = machine.start(patience=0.3)
    assert code == 1
    assert "CERTIFICATE_VERIFY_FAILED" in log


@pytest.mark.parametrize("sha256", ["", "abc", "../../../etc"])
def test_an_archive_without_a_real_checksum_is_refused(machine: Machine, sha256: str) -> None:
    machine.boot["bundle"]["sha256"] = sha256
    code, log = machine.start()
    assert code == 1
    assert "no SHA-256" in log


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    "archive",
    [
        tarred({"fine.py": b"", "../escaped.py": b"evil"}),
        tarred({"/escaped.py": b"evil"}),
        tarred({"a/../../escaped.py": b"evil"}),
        tarred({"fine.py": b""}, link("escaped.py", "/etc/passwd")),
        tarred({"fine.py": b""}, link("escaped.py", "fine.py", tarfile.LNKTYPE)),
        tarred({"fine.py": b""}, link("escaped.py", "", tarfile.FIFOTYPE)),
        zipped({"fine.py": b"", "../escaped.py": b"evil"}),
        zipped({"..\\escaped.py": b"evil"}),
        zipped({"/escaped.py": b"evil"}),
        zipped({"C:/escaped.py": b"evil"}),
        zipped({"escaped.py": b"/etc/passwd"}, {"escaped.py": stat.S_IFLNK | 0o777}),
        BUNDLE[: len(BUNDLE) // 2],
        BUNDLE[:60] + b"\xff" * 60,
        b"no archive at all",
        b"",
    ],
    ids=[
        "parent",
        "absolute",
        "parent-inside",
        "link-out",
        "hard-link",
        "fifo",
        "zip-parent",
        "zip-backslash",
        "zip-absolute",
        "zip-drive",
        "zip-link",
        "truncated",
        "corrupt",
        "no-archive",
        "empty",
    ],
)
def test_a_harmful_archive_leaves_nothing_behind(machine: Machine, archive: bytes) -> None:
    machine.boot["bundle"] = machine.archive("bad", archive)
    code, log = machine.start()
    assert code == 1, log
    assert "archive" in log
    assert not list(machine.folder.parent.rglob("escaped.py"))
    assert [name for name in machine.releases if not name.endswith(".download")] == []


def test_a_setting_with_a_line_break_is_refused(machine: Machine) -> None:
    machine.boot["environment"]["HOLDFAST_WORKER_NAME"] = "a\nLD_PRELOAD=/tmp/evil.so"
    code, log = machine.start()
    assert code == 1
    assert "line break" in log


@pytest.mark.parametrize(
    ("disk", "taken"),
    [
        ({"type": "disk", "model": "Microsoft NVMe Direct Disk v2", "fstype": None, "mountpoints": [None]}, True),
        ({"type": "disk", "model": "Microsoft NVMe Direct Disk", "fstype": "ext4", "mountpoints": [None]}, False),
        ({"type": "disk", "model": "Microsoft NVMe Direct Disk", "fstype": None, "mountpoints": ["/data"]}, False),
        ({"type": "disk", "model": "Microsoft NVMe Direct Disk", "fstype": None, "children": [{"path": "p1"}]}, False),
        ({"type": "disk", "model": "MSFT NVMe Accelerator v1.0", "fstype": None, "mountpoints": [None]}, False),
        ({"type": "disk", "model": None, "fstype": None, "mountpoints": [None]}, False),
        ({"type": "part", "model": "Microsoft NVMe Direct Disk", "fstype": None, "mountpoints": [None]}, False),
    ],
)
def test_only_an_untouched_local_disk_of_azure_is_formatted(disk: dict[str, Any], taken: bool) -> None:
    listing = {"blockdevices": [{"path": "/dev/nvme1n1", **disk}]}
    assert boot_script.raw_disk(listing) == ("/dev/nvme1n1" if taken else None)


@pytest.mark.parametrize(
    "value", ["plain", "two words", " edges ", 'say "hi"', "back\\slash", "it's", "a#b;c", "$HOME `x`"]
)
def test_systemd_reads_a_setting_back_as_it_was(value: str) -> None:
    """systemd's rules: bare to the end of the line, or in double quotes with backslashes."""
    written = boot_script.quoted(value)
    if written.startswith('"'):
        body = written[1:-1]
        out, at = "", 0
        while at < len(body):
            at += body[at] == "\\"
            out += body[at]
            at += 1
    else:
        out = written.strip()
    assert out == value

"""The emulator's folder: the one place that names its files."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


class StateFolder:
    """Paths below the folder that `--state` names. Everything in it may be deleted while the emulator is down."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def prepare(self) -> StateFolder:
        """Makes the folder and the two keys that others are given; harmless when they exist."""
        self.databases.mkdir(parents=True, exist_ok=True)
        for file in (self.admin_key, self.identity_header, self.url_key):
            if not file.exists():
                write_private(file, secrets.token_hex(24).encode())
        return self

    @property
    def ca(self) -> Path:
        """Certificate of our own authority: clients trust this file."""
        return self.root / "ca.pem"

    @property
    def ca_key(self) -> Path:
        """Key of our own authority."""
        return self.root / "ca-key.pem"

    @property
    def server_certificate(self) -> Path:
        """Certificate of 127.0.0.1 and localhost."""
        return self.root / "server.pem"

    @property
    def server_key(self) -> Path:
        """Its key."""
        return self.root / "server-key.pem"

    @property
    def token_key(self) -> Path:
        """Key that signs tokens; nobody but the emulator reads it."""
        return self.root / "token-key.pem"

    @property
    def token_public_key(self) -> Path:
        """Key that checks tokens; the storage front reads it too."""
        return self.root / "token-public.pem"

    @property
    def tokens_valid_from(self) -> Path:
        """Machine time, in seconds since 1970, before which issued tokens count as expired."""
        return self.root / "tokens-valid-from"

    @property
    def resources(self) -> Path:
        """SQLite file of resources, operations, faults and the request log."""
        return self.root / "resources.sqlite"

    @property
    def rights(self) -> Path:
        """SQLite file of identities' roles; other processes read it."""
        return self.root / "rights.sqlite"

    @property
    def admin_key(self) -> Path:
        """The key of the admin endpoint (header `x-local-key`)."""
        return self.root / "admin-key"

    @property
    def identity_header(self) -> Path:
        """The value of `IDENTITY_HEADER` of the app."""
        return self.root / "identity-header"

    @property
    def url_key(self) -> Path:
        """Key that signs the addresses of operations."""
        return self.root / "url-key"

    @property
    def databases(self) -> Path:
        """Contents of emulated databases, `<sha256>.bacpac`, each written once."""
        return self.root / "databases"


def write_private(file: Path, content: bytes) -> None:
    """Writes a file that only its owner reads, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    part.touch(mode=0o600)
    part.write_bytes(content)
    part.replace(file)

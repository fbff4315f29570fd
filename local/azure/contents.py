"""Contents of emulated databases: immutable BACPAC files named by their SHA-256, and which one a database had when."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import uuid
from pathlib import Path

from local.azure.state_folder import StateFolder
from local.azure.store import Resource

_BLOCK = 1 << 20


def take_in(folder: StateFolder, file: Path) -> str:
    """Checks that the file is a BACPAC, copies it in, returns its SHA-256. Raises BadBacpac, FileNotFoundError."""
    check(file)
    part = new_part(folder)
    digest = hashlib.sha256()
    with file.open("rb") as source, part.open("wb") as target:
        while block := source.read(_BLOCK):
            digest.update(block)
            target.write(block)
    return adopt(folder, part, digest.hexdigest())


def check(file: Path) -> None:
    """Raises BadBacpac where the file is none."""
    # The reader of BACPACs is asked for by name, so that the emulator runs in an installation without its native parts.
    if importlib.util.find_spec("holdfast.bacpac.package") is not None:
        package = importlib.import_module("holdfast.bacpac.package")
        with package.Bacpac.open(file):
            pass


def new_part(folder: StateFolder) -> Path:
    """A name for a file that is being received."""
    return folder.databases / f"{uuid.uuid4().hex}.part"


def adopt(folder: StateFolder, part: Path, sha256: str) -> str:
    """Gives a received file its name; the same content twice is one file."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path_of(folder, sha256))
    return sha256


def path_of(folder: StateFolder, sha256: str) -> Path:
    """The file of a content."""
    return folder.databases / f"{sha256}.bacpac"


def now_of(database: Resource) -> str | None:
    """The content that the database has; None: it is empty."""
    history: list[list[object]] = database.private.get("history") or []
    return str(history[-1][1]) if history and history[-1][1] else None


def at(database: Resource, stamp: float) -> str | None:
    """The content that the database had at a moment; before the first one, the first."""
    history: list[tuple[float, str | None]] = database.private.get("history") or []
    past = [content for since, content in history if since <= stamp]
    return past[-1] if past else (history[0][1] if history else None)


def set_content(database: Resource, sha256: str, since: float) -> None:
    """From `since` on the database has this content; what it had from then on before is forgotten."""
    history = [entry for entry in database.private.get("history") or [] if entry[0] < since]
    database.private["history"] = [*history, [since, sha256]]

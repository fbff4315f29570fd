"""A finished download, from the link that the app hands out to a file: whole and verified, or not at all."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from holdfast.cli.app import new_download_client
from holdfast.cli.output import stderr
from holdfast.model.errors import DiskFull, InvalidInput, Unavailable

_PIECE = 1 << 20
_NO_SPACE = 28


def fetch(download: Mapping[str, Any], to: Path, ca_file: Path | None) -> None:
    """Writes the file. What is at `to` is replaced at the end, and only by a file with the right size and SHA-256.

    Raises Unavailable where the link breaks off or gives something else (its address is a secret and is not told),
    InvalidInput and DiskFull where the file cannot be written.
    """
    partial = to.with_name(f".{to.name}.{secrets.token_hex(4)}.partial")
    try:
        found = _write(download, partial, ca_file)
        if found != download["sha256"]:
            raise Unavailable("the download is not the file that the worker wrote: its SHA-256 differs")
        partial.replace(to)
    except OSError as error:
        if error.errno == _NO_SPACE:
            raise DiskFull(f"writing {to}", help="Free some space, or name a file on another disk.") from None
        raise InvalidInput(f"{to} cannot be written: {error.strerror or error}") from None
    finally:
        partial.unlink(missing_ok=True)


def _write(download: Mapping[str, Any], partial: Path, ca_file: Path | None) -> str:
    digest = hashlib.sha256()
    columns = (TextColumn("download"), BarColumn(bar_width=24), DownloadColumn(), TransferSpeedColumn())
    console = stderr()
    try:
        with (
            partial.open("xb") as out,
            new_download_client(ca_file) as client,
            client.stream("GET", str(download["url"])) as answer,
            Progress(*columns, console=console, disable=not console.is_terminal) as progress,
        ):
            if answer.status_code != httpx.codes.OK:
                raise Unavailable(f"the link to the file answered {answer.status_code}")
            task = progress.add_task("download", total=download.get("bytes"))
            for piece in answer.iter_bytes(_PIECE):
                digest.update(piece)
                out.write(piece)
                progress.advance(task, len(piece))
    except httpx.HTTPError as error:
        raise Unavailable(f"the download broke off: {type(error).__name__}") from None
    return digest.hexdigest()

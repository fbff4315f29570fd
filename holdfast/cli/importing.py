"""Takes BACPACs that exist into a repository."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.cli.direct import owner
from holdfast.model.clock import parse_iso
from holdfast.model.errors import InvalidInput
from holdfast.model.job import Progress
from holdfast.model.point import RestorePoint, point_id
from holdfast.model.source import chain_id

if TYPE_CHECKING:
    from holdfast.repository import Repository


def import_files(
    repository: Repository,
    files: Sequence[Path],
    source: str,
    created_at: datetime | None,
    progress: Callable[[Progress], None],
) -> Iterator[RestorePoint]:
    """Stores each file as a point of the chain named `source`, oldest first. The same file again is the same point.

    Nobody knows whether a file was exported from a copy at rest, so its points count as live. Raises InvalidInput for a
    file that is not there or a source that is no name, BadBacpac before anything is stored, and whatever storing raises.
    """
    from holdfast.repository import PointHeader

    server, slash, database = source.partition("/")
    if not (server and slash and database) or "/" in database:
        raise InvalidInput(f"--source {source!r} is not of the form server/database")
    dated = sorted((created_at or exported_at(file), file) for file in files)
    for at, file in dated:
        chain, mark = chain_id(source), _sha256(file)
        session = f"import-{mark[:16]}"
        header = PointHeader(
            id=point_id(at, chain, session),
            source=source,
            chain=chain,
            created_at=at,
            consistency="live",
            session=session,
        )
        yield repository.store_point(file, header, owner=owner(), progress=progress)


def exported_at(file: Path) -> datetime:
    """When the file says that its export began; else when it was last written. Raises InvalidInput, BadBacpac."""
    from holdfast.bacpac.package import Bacpac

    if not file.is_file():
        raise InvalidInput(f"{file} is no file")
    with Bacpac.open(file) as package:
        started = package.origin().started
    try:
        return parse_iso(_six_digits(started)).replace(microsecond=0)
    except ValueError:
        return datetime.fromtimestamp(int(file.stat().st_mtime), UTC)


def _six_digits(moment: str) -> str:
    """.NET writes seven digits of a second; Python reads six."""
    head, dot, rest = moment.partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    return f"{head}{dot}{rest[: min(digits, 6)]}{rest[digits:]}"


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()

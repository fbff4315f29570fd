"""The export: from an emulated database's content to a new BACPAC, as a real export would write it."""

from __future__ import annotations

import hashlib
import io
import random
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from holdfast.bacpac.names import join_name
from holdfast.bacpac.package import CONTENT_TYPES, MODEL, ORIGIN, Bacpac
from holdfast.bacpac.writer import Level, write_package
from holdfast.model.errors import BadBacpac
from local.sqlpackage import connection_string, messages
from local.sqlpackage.arguments import ExportArguments
from local.sqlpackage.endpoint import DataEndpoint, Emulator
from local.sqlpackage.faults import Faults, FaultyFile, Pace
from local.sqlpackage.identity import access_token
from local.sqlpackage.origin_xml import new_origin, relationships
from local.sqlpackage.ranges import Part, cut, read_part
from local.sqlpackage.refusal import ExportError, Refusal
from local.sqlpackage.schema_errors import schema_errors

Say = Callable[[str], None]
RELATIONSHIPS = "_rels/.rels"
_LEVELS: dict[str, Level] = {
    "Normal": "normal",
    "Maximum": "normal",
    "Fast": "fastest-zlib",
    "SuperFast": "fastest-zlib",
    "NotCompressed": "stored",
}


def export(arguments: ExportArguments, say: Say) -> None:
    """Runs one export. Raises Refusal (ExportError where the export itself failed), OSError for the disk."""
    began = time.monotonic()
    connection = connection_string.parse(arguments.connection_string)
    if arguments.target_file.exists() and not arguments.overwrite:
        raise Refusal(messages.EXISTS(file=arguments.target_file))
    emulator = Emulator.read()
    faults = Faults.read(emulator.faults)
    say(messages.CONNECTING(database=connection.database, server=connection.server))
    endpoint = DataEndpoint(emulator, access_token(connection.client_id))
    if arguments.temporary_folder:
        arguments.temporary_folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sqlpackage-", dir=arguments.temporary_folder) as folder:
        content = Path(folder) / "content"
        endpoint.download(connection, content)
        try:
            with Bacpac.open(content) as bacpac:
                written = _export(bacpac, arguments, faults, say)
        except BadBacpac as error:
            raise ExportError(messages.EMPTY(detail=error.detail)) from error
    document = {"server": connection.host, "database": connection.database, "entries": written}
    # A new token, as a driver would use for a new connection: the old one may have expired meanwhile.
    DataEndpoint(emulator, access_token(connection.client_id)).log_export(document)
    say(messages.SUCCESS(file=arguments.target_file))
    say(messages.ELAPSED(elapsed=elapsed(time.monotonic() - began)))


def _export(bacpac: Bacpac, arguments: ExportArguments, faults: Faults, say: Say) -> dict[str, str]:
    """Writes the package; the SHA-256 of each entry that was written, by name."""
    chance = random.Random(faults.seed)
    started = datetime.now(UTC).astimezone()
    for line in (messages.EXTRACTING, messages.EXTRACTING_FROM, messages.RESOLVING, messages.VALIDATING):
        say(line())
    say(messages.VALIDATING_PACKAGE())
    errors = schema_errors(bacpac.model())
    if errors:
        references_only = all("unresolved reference" in line for line in errors)
        head = messages.INVALID_MODEL() if references_only else messages.UNSUPPORTED()
        raise ExportError("\n".join([head, *errors]))
    say(messages.EXPORTING_FROM())
    say(messages.EXPORTING())
    pace = Pace(faults.rows_per_second)
    parts: list[Part] = []
    rows: int | None = 0
    for table in bacpac.tables():
        say(messages.TABLE(table=join_name(table.schema, table.name)))
        made = cut(bacpac, table, chance, pace)
        parts += made.parts
        rows = None if rows is None or made.rows is None else rows + made.rows
    # Ranges end in whatever order the threads come to their ends.
    chance.shuffle(parts)
    origin = new_origin(b"".join(bacpac.pieces(ORIGIN)), started=started, rows=rows, chance=chance)
    say(messages.PROCESSING())
    digests: dict[str, str] = {}
    entries = _hashed(_entries(bacpac, parts, origin, chance), digests)
    with io.BufferedRandom(FaultyFile(arguments.target_file, faults), 1 << 20) as out:
        write_package(out, entries, _LEVELS[arguments.compression])
    return digests


def _entries(
    bacpac: Bacpac, parts: list[Part], origin: bytes, chance: random.Random
) -> Iterator[tuple[str, Iterable[bytes]]]:
    """As the .NET Framework writer orders them."""
    extra = [
        entry.name
        for entry in bacpac.entries
        if entry.name not in (MODEL, ORIGIN, CONTENT_TYPES, RELATIONSHIPS) and not entry.name.startswith("Data/")
    ]
    for name in (MODEL, *extra, CONTENT_TYPES):
        yield name, bacpac.pieces(name)
    for part in parts:
        yield part.name, read_part(bacpac, part)
    if parts:
        yield RELATIONSHIPS, [relationships(parts, chance)]
    yield ORIGIN, [origin]


def _hashed(
    entries: Iterable[tuple[str, Iterable[bytes]]], digests: dict[str, str]
) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The same entries; each one's SHA-256 goes to `digests` when it was read to its end."""

    def watched(name: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
        digest = hashlib.sha256()
        for piece in pieces:
            digest.update(piece)
            yield piece
        digests[name] = digest.hexdigest()

    for name, pieces in entries:
        yield name, watched(name, pieces)


def elapsed(seconds: float) -> str:
    """As SqlPackage writes a duration."""
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes // 60)}:{int(minutes % 60):02}:{rest:05.2f}"

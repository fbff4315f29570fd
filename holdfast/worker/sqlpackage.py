"""SqlPackage's export: the command line, the run, and what its end means.

The command is the documented one of SqlPackage 170 for Linux. Never run against the real program here: the tests and the
local profile use stand-ins that take the same arguments and print the same lines.
"""

from __future__ import annotations

import os
import shlex
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import structlog

from holdfast.model.errors import DiskFull, ExportFailed
from holdfast.model.job import SqlConnection
from holdfast.worker import child_process
from holdfast.worker.expectation import Expectation
from holdfast.worker.progress import ProgressBoard
from holdfast.worker.redaction import redact, shorten
from holdfast.worker.sqlpackage_errors import explain, is_error_line, is_final
from holdfast.worker.sqlpackage_progress import ProgressLines
from holdfast.worker.stopping import Stop

log = structlog.get_logger()

Compression = Literal["NotCompressed", "Fast"]

GIB = 1 << 30
#: Below this the disk counts as full: SqlPackage itself, its log and the worker need some room to end in order.
RESERVE_BYTES = 256 << 20
#: Room that an export of unknown size must find before it begins.
LEAST_FREE_BYTES = 1 * GIB
#: The export holds the rows twice: in files for each table, then in the package. Text grows on the way (UTF-16 in the
#: package, perhaps one byte a character and compressed pages in the database). Estimates, from SqlPackage's documentation.
PLAIN_ROOM_FACTOR = 3.0
FAST_ROOM_FACTOR = 1.5

NOT_STARTED = "SqlPackage could not be started"
CHECK_ARCHIVE = "Check the SqlPackage archive that HOLDFAST_SQLPACKAGE_URL names: it must hold `sqlpackage` for Linux."
_TAIL_LINES = 60
_ERROR_LINES = 200
_LINE_CHARACTERS = 2_000
_DISK_LOOK_SECONDS = 2.0


@dataclass(frozen=True)
class Export:
    """One run of SqlPackage's export."""

    command: str
    connection: SqlConnection
    client_id: str | None
    folder: Path
    to: Path
    compression: Compression = "NotCompressed"

    def arguments(self) -> list[str]:
        """The command line. No secret is in it: SqlPackage gets its tokens from the machine's metadata endpoint, and new
        ones when they expire, which a token on the command line would neither hide nor do.
        """
        return [
            *program(self.command),
            "/Action:Export",
            f"/SourceConnectionString:{connection_string(self.connection, self.client_id)}",
            f"/TargetFile:{self.to}",
            "/OverwriteFiles:True",
            f"/DiagnosticsFile:{self.folder / 'diagnostics.log'}",
            f"/MaxParallelism:{parallelism()}",
            f"/p:CompressionOption={self.compression}",
            f"/p:TempDirectoryForTableData={self.folder / 'tables'}",
            # Rows of a large table flow for hours in one command; the app's own deadline ends what hangs.
            "/p:CommandTimeout=0",
            "/p:LongRunningCommandTimeout=0",
            # A copy has nobody else's locks, a source may: rather fail after minutes than stand in somebody's queue.
            "/p:DatabaseLockTimeout=300",
            # Names what cannot be imported again before hours go into the rows.
            "/p:VerifyExtraction=True",
        ]

    def run(self, progress: ProgressBoard, stop: Stop, expected: Expectation) -> None:
        """Exports. Raises ExportBlocked, DiskFull, Forbidden, Unavailable, ExportFailed; Cancelled when told to stop."""
        for name in ("tables", "home"):
            (self.folder / name).mkdir()
        output = Output(ProgressLines(progress, expected.table_rows))
        watch = _Watch(self.folder, self.to, progress, stop)
        try:
            code = child_process.run(
                self.arguments(),
                folder=self.folder,
                environment=environment(self.folder),
                on_line=output.take,
                on_tick=watch.look,
            )
        except OSError as error:
            raise ExportFailed(f"{NOT_STARTED}: {error.strerror or error}", help=CHECK_ARCHIVE) from None
        if code != 0 or any(map(is_final, output.errors)):
            log.warning("SqlPackage failed", exit_code=code, output=[shorten(line, 300) for line in output.tail])
            if watch.free_bytes() < RESERVE_BYTES:
                raise DiskFull(watch.full_text())
            raise explain(list(output.errors), list(output.tail), code)
        if not self.to.exists() or self.to.stat().st_size == 0:
            raise ExportFailed("SqlPackage said that it was done, but wrote no file")
        output.progress.finish(self.to.stat().st_size)


class Output:
    """Keeps what is needed of SqlPackage's output, within bounds: its errors, and its last lines."""

    def __init__(self, progress: ProgressLines) -> None:
        self.progress = progress
        self.errors: deque[str] = deque(maxlen=_ERROR_LINES)
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)

    def take(self, line: str) -> None:
        """The next line."""
        text = shorten(redact(line), _LINE_CHARACTERS)
        self.tail.append(text)
        self.progress.take(text)
        if is_error_line(text):
            self.errors.append(text)


class _Watch:
    """Looks at the growing file, the disk and the stop signal while SqlPackage works."""

    def __init__(self, folder: Path, to: Path, progress: ProgressBoard, stop: Stop) -> None:
        self.folder, self.to, self.progress, self.stop = folder, to, progress, stop
        self._next_look = 0.0

    def look(self) -> None:
        """Raises Cancelled or DiskFull, which ends the process."""
        self.stop.check()
        moment = time.monotonic()
        if moment < self._next_look:
            return
        self._next_look = moment + _DISK_LOOK_SECONDS
        if self.to.exists():
            self.progress.update(bytes=self.to.stat().st_size)
        if self.free_bytes() < RESERVE_BYTES:
            raise DiskFull(self.full_text())

    def free_bytes(self) -> int:
        disk = os.statvfs(self.folder)
        return disk.f_bavail * disk.f_frsize

    def full_text(self) -> str:
        written = self.to.stat().st_size if self.to.exists() else 0
        return f"the export filled the worker's disk ({written:,} bytes of the BACPAC were written)"


def environment(folder: Path) -> dict[str, str]:
    """The worker's own environment, with home and temporary files on the local disk and without telemetry."""
    home = str(folder / "home")
    return {
        **os.environ,
        "HOME": home,
        "TMPDIR": home,
        "DOTNET_BUNDLE_EXTRACT_BASE_DIR": home,
        "DOTNET_CLI_TELEMETRY_OPTOUT": "1",
        "DACFX_TELEMETRY_OPTOUT": "1",
    }


def parallelism() -> int:
    """How many tables SqlPackage moves at once."""
    return max(4, min(16, 2 * (os.cpu_count() or 2)))


def program(command: str) -> list[str]:
    """The words of a command; a path with blanks that exists is one word."""
    return [command] if Path(command).exists() else shlex.split(command)


def connection_string(connection: SqlConnection, client_id: str | None) -> str:
    """For SqlClient, by managed identity. Any name of a database is kept as it is, whatever signs it holds."""
    parts = {
        "Server": f"tcp:{connection.host},{connection.port}",
        "Initial Catalog": connection.database,
        "Authentication": "Active Directory Managed Identity",
        **({"User Id": client_id} if client_id else {}),
        "Encrypt": "True",
        "TrustServerCertificate": "False",
        "Connect Timeout": "60",
        "Application Name": "Holdfast",
    }
    return ";".join(f"{key}={_value(value)}" for key, value in parts.items())


def _value(text: str) -> str:
    """A value of a connection string, in double quotes where it needs them."""
    plain = text == text.strip() and not set(text) & set(";\"'={}")
    return text if plain and text else '"' + text.replace('"', '""') + '"'


def choose_compression(free_bytes: int, expected: Expectation) -> Compression:
    """How the package is to be compressed. Raises DiskFull where even a compressed one will hardly fit.

    Not at all where there is room: nothing is deflated by SqlPackage only to be inflated again here, and every entry can
    be rebuilt to the very same file. Fast where the disk is too small for that, since a package shrinks to a half or less.
    """
    if free_bytes < LEAST_FREE_BYTES:
        raise DiskFull(f"an export needs at least {LEAST_FREE_BYTES:,} free bytes, and the disk has {free_bytes:,}")
    if expected.data_bytes is None or free_bytes >= expected.data_bytes * PLAIN_ROOM_FACTOR:
        return "NotCompressed"
    needed = int(expected.data_bytes * FAST_ROOM_FACTOR)
    if free_bytes < needed:
        raise DiskFull(
            f"the database holds {expected.data_bytes:,} bytes; its export needs about {needed:,}, and the worker's disk "
            f"has {free_bytes:,} free"
        )
    return "Fast"

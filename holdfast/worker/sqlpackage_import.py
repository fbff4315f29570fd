"""SqlPackage's import: the command line and the run. Its end is explained in `sqlpackage_import_errors`.

The command is the documented one of SqlPackage 170 for Linux. Never run against the real program here: the tests and the
local profile use stand-ins that take the same arguments and print the same lines.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from holdfast.model.errors import DiskFull
from holdfast.model.job import SqlConnection
from holdfast.model.restore.errors import ImportFailed
from holdfast.worker import child_process
from holdfast.worker.progress import ProgressBoard
from holdfast.worker.redaction import shorten
from holdfast.worker.sqlpackage import (
    CHECK_ARCHIVE,
    NOT_STARTED,
    RESERVE_BYTES,
    Output,
    connection_string,
    environment,
    parallelism,
    program,
)
from holdfast.worker.sqlpackage_errors import is_final
from holdfast.worker.sqlpackage_import_errors import explain
from holdfast.worker.sqlpackage_progress import ProgressLines
from holdfast.worker.stopping import Stop

log = structlog.get_logger()

_DISK_LOOK_SECONDS = 2.0


@dataclass(frozen=True)
class Import:
    """One run of SqlPackage's import. The database it fills must be empty."""

    command: str
    connection: SqlConnection
    client_id: str | None
    folder: Path
    file: Path

    def arguments(self) -> list[str]:
        """The command line; no secret is in it, for the reasons that `Export.arguments` gives."""
        return [
            *program(self.command),
            "/Action:Import",
            f"/TargetConnectionString:{connection_string(self.connection, self.client_id)}",
            f"/SourceFile:{self.file}",
            f"/DiagnosticsFile:{self.folder / 'diagnostics.log'}",
            f"/MaxParallelism:{parallelism()}",
            # Rows of a large table flow for hours in one command, and so is a large index built.
            "/p:CommandTimeout=0",
            "/p:LongRunningCommandTimeout=0",
            # Without it the next row that somebody inserts gets the number after the largest that was exported.
            "/p:PreserveIdentityLastValues=True",
        ]

    def run(self, progress: ProgressBoard, stop: Stop, table_rows: Mapping[str, int]) -> None:
        """Imports. Raises ImportBlocked, ImportFailed, DiskFull, Forbidden, Unavailable; Cancelled when told to stop."""
        (self.folder / "home").mkdir(exist_ok=True)
        output = Output(ProgressLines(progress, table_rows, doing="importing rows", done="imported"))
        watch = _Watch(self.folder, stop)
        try:
            code = child_process.run(
                self.arguments(),
                folder=self.folder,
                environment=environment(self.folder),
                on_line=output.take,
                on_tick=watch.look,
            )
        except OSError as error:
            raise ImportFailed(f"{NOT_STARTED}: {error.strerror or error}", help=CHECK_ARCHIVE) from None
        if code != 0 or any(map(is_final, output.errors)):
            log.warning("SqlPackage failed", exit_code=code, output=[shorten(line, 300) for line in output.tail])
            raise explain(list(output.errors), list(output.tail), code)
        output.progress.finish(self.file.stat().st_size)


class _Watch:
    """Looks at the disk and the stop signal while SqlPackage works."""

    def __init__(self, folder: Path, stop: Stop) -> None:
        self.folder, self.stop = folder, stop
        self._next_look = 0.0

    def look(self) -> None:
        """Raises Cancelled or DiskFull, which ends the process."""
        self.stop.check()
        moment = time.monotonic()
        if moment < self._next_look:
            return
        self._next_look = moment + _DISK_LOOK_SECONDS
        disk = os.statvfs(self.folder)
        if disk.f_bavail * disk.f_frsize < RESERVE_BYTES:
            raise DiskFull("the import filled the worker's disk with its temporary files")

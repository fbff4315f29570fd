"""A child process in a group of its own: its lines are read as they come, and the whole group ends with the job.

The process's id and start time are kept in a file beside its work, so that a worker that was killed finds and ends what
it left running before it does the same job again.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

_RECORD = "process.json"
_LINE_BYTES = 16_384
_TICK_SECONDS = 0.2
_POLITE_SECONDS = 5.0


def run(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    on_line: Callable[[str], None],
    on_tick: Callable[[], None],
) -> int:
    """Runs the command in `folder` and returns its exit code (negative: killed by that signal).

    `on_line` gets every line of its output, both streams as one, in the order in which they came. `on_tick` is called a
    few times a second; what it raises ends the process group and passes on. Raises OSError where the command cannot be
    started.
    """
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None  # noqa: S101 (asked for above; tells the type checker)
    reader = threading.Thread(target=_read_lines, args=(process.stdout, on_line), name="child-output", daemon=True)
    try:
        _record(folder, process.pid)
        reader.start()
        while process.poll() is None:
            on_tick()
            time.sleep(_TICK_SECONDS)
    finally:
        _end_group(process)
        if reader.ident is not None:
            reader.join(timeout=10)
        process.stdout.close()
        (folder / _RECORD).unlink(missing_ok=True)
    return process.returncode


def kill_recorded(folder: Path) -> bool:
    """Kills the process group that an earlier worker left at work in the folder; tells whether there was one.

    A process of that id that started at another time is somebody else's and is left alone.
    """
    try:
        record = json.loads((folder / _RECORD).read_text())
        pid, started = int(record["pid"]), record["started"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    if started is None or _start_time(pid) != started:
        return False
    _signal_group(pid, signal.SIGKILL)
    return True


def _record(folder: Path, pid: int) -> None:
    draft = folder / f".{_RECORD}"
    draft.write_text(json.dumps({"pid": pid, "started": _start_time(pid)}))
    draft.rename(folder / _RECORD)


def _start_time(pid: int) -> str | None:
    """When the process started, in the kernel's ticks since boot; None where there is no such process."""
    try:
        # The name, in brackets, may hold blanks and brackets itself.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends the group: politely first if the process still runs, then for good, its children too."""
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_POLITE_SECONDS)
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()


def _signal_group(leader: int, number: int) -> None:
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):
        return


def _read_lines(stream: IO[bytes], on_line: Callable[[str], None]) -> None:
    """Gives on the lines; a line without end is cut into pieces, so that memory stays bounded."""
    while piece := stream.readline(_LINE_BYTES):
        for line in piece.decode("utf-8", "replace").split("\r"):
            if text := line.strip():
                on_line(text)

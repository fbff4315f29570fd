"""A session as it goes: a live bar a database on a terminal, a line for each change elsewhere. All of it on stderr."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from holdfast.cli.app import App, pause
from holdfast.cli.output import human_bytes, say, stderr
from holdfast.cli.session_views import ENDED, current_step
from holdfast.model.errors import HoldfastError, Unavailable

#: Environment: how often to look, in seconds.
_POLL = "HOLDFAST_POLL_SECONDS"
#: The app may be deployed or restarted while a session goes on: this many looks in a row may fail.
_FAILURES = 30


def watch_session(app: App, session: str) -> dict[str, Any]:
    """Looks until the session has ended; the session then. An interrupt stops the looking and not the session."""
    console = stderr()
    shown = _Bars(console) if console.is_terminal else _Lines(session)
    try:
        with shown:
            return _until_ended(app, session, shown)
    except KeyboardInterrupt:
        say(f"the session goes on; `holdfast session cancel {session}` stops it")
        raise


def _until_ended(app: App, session: str, shown: _Bars | _Lines) -> dict[str, Any]:
    path = f"sessions/{quote(session)}"
    failures = 0
    while True:
        try:
            found: dict[str, Any] = app.get(path)
            ended = found["state"] in ENDED
            shown.show(found, [] if ended else app.get(f"{path}/progress")["value"])
            failures = 0
        except HoldfastError as error:
            # By its code: what the app reports of itself is not of the class.
            failures += 1
            if error.info().code != Unavailable.code or failures == _FAILURES:
                raise
            ended = False
        if ended:
            return found
        pause(float(os.environ.get(_POLL, "1")))


class _Lines:
    """For pipes and logs: one line whenever a database gets to another step or ends."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._told: dict[str, str] = {}

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def show(self, session: Mapping[str, Any], _progress: list[dict[str, Any]]) -> None:
        """Tells what is new."""
        self._tell(self._session, f"session {self._session}: {session['state']}")
        for source in session.get("sources") or []:
            name, state = source["source"], source["state"]
            running = next((step["name"] for step in source.get("steps") or [] if step["state"] == "running"), "")
            if state == "running" and not running:
                continue  # between two steps
            line = f"{name}: {state}, {running}" if state == "running" else f"{name}: {state}"
            if source.get("error"):
                line += f" ({source['error'].get('title')}: {source['error'].get('detail')})"
            if source.get("restore_point"):
                line += f", point {source['restore_point']}"
            self._tell(name, line)

    def _tell(self, key: str, line: str) -> None:
        if self._told.get(key) != line:
            self._told[key] = line
            say(line)


class _Bars:
    """For terminals: step, table, rows, bytes and rate of each database."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.fields[source]}"),
            TextColumn("{task.fields[step]}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[how_far]}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}
        self._seen: dict[str, tuple[str, float, int]] = {}

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, session: Mapping[str, Any], progress: list[dict[str, Any]]) -> None:
        """Moves the bars."""
        now = {item["source"]: item for item in progress}
        for source in session.get("sources") or []:
            name = source["source"]
            if name not in self._tasks:
                self._tasks[name] = self._progress.add_task("", source=escape(name), step="", how_far="", total=None)
            self._move(self._tasks[name], source, now.get(name))

    def _move(self, task: TaskID, source: Mapping[str, Any], item: Mapping[str, Any] | None) -> None:
        ended = source["state"] in ENDED or source["state"] == "skipped"
        step = source["state"] if ended else current_step(source)
        if item is None:
            total = 1 if ended else None
            self._progress.update(task, step=escape(str(step)), how_far="", total=total, completed=1 if ended else 0)
            return
        done = item["progress"]
        rate = self._rate(source["source"], f"{item['step']} {done.get('phase')}", int(done.get("bytes") or 0))
        self._progress.update(
            task,
            step=escape(str(item["step"])),
            how_far=escape(describe(done) + (f", {human_bytes(rate)}/s" if rate else "")),
            total=done.get("bytes_total"),
            completed=done.get("bytes") or 0,
        )

    def _rate(self, source: str, phase: str, count: int) -> int:
        now = time.monotonic()
        before = self._seen.get(source)
        if before is None or before[0] != phase or count < before[2]:
            self._seen[source] = (phase, now, count)
            return 0
        return int((count - before[2]) / max(now - before[1], 0.001))


def describe(progress: Mapping[str, Any]) -> str:
    """How far a job is, in words: `dbo.Orders, 12,000 rows, 3.4 MB`."""
    parts = []
    if progress.get("table"):
        parts.append(str(progress["table"]))
    elif progress.get("phase"):
        parts.append(str(progress["phase"]))
    if progress.get("rows"):
        parts.append(f"{progress['rows']:,} rows")
    if progress.get("bytes"):
        parts.append(human_bytes(progress["bytes"]))
    return ", ".join(parts)

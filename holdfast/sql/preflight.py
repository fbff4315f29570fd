"""Runs the probe: a command that asks a database the preflight queries and prints the rows."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from holdfast.model.errors import Cancelled, ErrorInfo, ReportedError, Unavailable
from holdfast.model.job import SqlConnection

#: Catalogue views of the largest databases answer in minutes.
DEADLINE_SECONDS = 1_800.0
_TICK_SECONDS = 0.5

Rows = dict[str, list[dict[str, Any]]]


def run_probe(
    command: str, connection: SqlConnection, *, cancelled: Callable[[], bool], deadline: float = DEADLINE_SECONDS
) -> tuple[Rows, dict[str, str]]:
    """Rows by query id, and what the queries that failed said, by id.

    `command` is the setting `sql_probe`; empty means the built-in probe. Raises what the probe reports (Forbidden,
    Unavailable), Unavailable where it does not answer, and Cancelled once `cancelled` says so.
    """
    words = shlex.split(command) if command else [sys.executable, "-m", "holdfast.sql.probe"]
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    except OSError as error:
        raise Unavailable(f"the preflight probe could not be started: {error.strerror or error}") from None
    with process:
        try:
            out, complaint = _talk(process, connection.model_dump_json(), cancelled, deadline)
        finally:
            _kill(process)
    return _answer(process.returncode, out, complaint)


def _talk(
    process: subprocess.Popen[str], question: str, cancelled: Callable[[], bool], deadline: float
) -> tuple[str, str]:
    waited, unsaid = 0.0, question
    while True:
        try:
            return process.communicate(unsaid, timeout=_TICK_SECONDS)
        except subprocess.TimeoutExpired:
            # What was not sent yet goes on by itself; giving it again is an error.
            waited, unsaid = waited + _TICK_SECONDS, ""
        if cancelled():
            raise Cancelled("the preflight was stopped")
        if waited >= deadline:
            raise Unavailable(f"the database did not answer the preflight queries within {deadline:.0f} seconds")


def _kill(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def _answer(code: int, out: str, complaint: str) -> tuple[Rows, dict[str, str]]:
    try:
        answer = json.loads(out)
    except ValueError:
        answer = {}
    if not isinstance(answer, dict):
        answer = {}
    if isinstance(answer.get("error"), dict):
        raise ReportedError(ErrorInfo.model_validate(answer["error"]))
    if code != 0 or not answer:
        said = (complaint.strip().splitlines() or ["it said nothing"])[-1]
        raise Unavailable(f"the preflight probe failed (exit code {code}): {said[:400]}")
    errors = answer.pop("errors", {})
    return {key: rows for key, rows in answer.items() if isinstance(rows, list)}, dict(errors)

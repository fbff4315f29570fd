"""Runs the probe: a command that asks a database the preflight queries and prints the rows."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from holdfast.model.errors import Cancelled, ErrorInfo, ReportedError, Unavailable
from holdfast.sql.protocol import Inquiry, assert_copy

#: Catalogue views of the largest databases answer in minutes.
DEADLINE_SECONDS = 1_800.0
_TICK_SECONDS = 0.5

Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Answer:
    """Rows by query id; what the queries that failed said; what the server said of repairs that it refused, by id."""

    rows: Rows
    errors: dict[str, str]
    refused: dict[str, str] = field(default_factory=dict)


def run_probe(
    command: str, inquiry: Inquiry, *, cancelled: Callable[[], bool], deadline: float = DEADLINE_SECONDS
) -> Answer:
    """Asks a database, after the repairs that the inquiry wants there.

    `command` is the setting `sql_probe`; empty means the built-in probe. Raises what the probe reports (Forbidden,
    Unavailable), Unavailable where it does not answer, and Cancelled once `cancelled` says so. Raises NotACopy, before
    anything runs, where repairs are wanted of what is no staging copy.
    """
    if inquiry.repairs:
        assert_copy(inquiry)
    words = shlex.split(command) if command else [sys.executable, "-m", "holdfast.sql.probe"]
    return _answer(*talk(words, "the preflight probe", inquiry.model_dump_json(), cancelled, deadline))


def talk(
    words: list[str], what: str, question: str, cancelled: Callable[[], bool], deadline: float
) -> tuple[int, str, str]:
    """Runs a command that reads a question and prints an answer: its exit code, what it printed, what it complained.

    Raises Unavailable where it cannot be started or passes the deadline, Cancelled once `cancelled` says so.
    """
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
        raise Unavailable(f"{what} could not be started: {error.strerror or error}") from None
    with process:
        try:
            out, complaint = _talk(process, what, question, cancelled, deadline)
        finally:
            _kill(process)
    return process.returncode, out, complaint


def _talk(
    process: subprocess.Popen[str], what: str, question: str, cancelled: Callable[[], bool], deadline: float
) -> tuple[str, str]:
    waited, unsaid = 0.0, question
    while True:
        try:
            return process.communicate(unsaid, timeout=_TICK_SECONDS)
        except subprocess.TimeoutExpired:
            # What was not sent yet goes on by itself; giving it again is an error.
            waited, unsaid = waited + _TICK_SECONDS, ""
        if cancelled():
            raise Cancelled(f"{what} was stopped")
        if waited >= deadline:
            raise Unavailable(f"{what} had no answer from the database within {deadline:.0f} seconds")


def _kill(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def _answer(code: int, out: str, complaint: str) -> Answer:
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
    errors, refused = answer.pop("errors", {}), answer.pop("refused", {})
    return Answer({key: rows for key, rows in answer.items() if isinstance(rows, list)}, dict(errors), dict(refused))

"""Runs the loader: a command that makes a table in a live database and fills it."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable

from holdfast.model.errors import ErrorInfo, ReportedError
from holdfast.sql.preflight import talk
from holdfast.sql.table_protocol import Load, LoadFailed

#: The largest tables take hours; the app's own deadline ends what hangs.
DEADLINE_SECONDS = 48 * 3600.0


def run_load(command: str, load: Load, *, cancelled: Callable[[], bool], deadline: float = DEADLINE_SECONDS) -> int:
    """Loads; how many rows the table has.

    `command` is the setting `sql_table_load`; empty means the built-in loader. Raises what the loader reports,
    LoadFailed where it ends without a word, Cancelled once `cancelled` says so.
    """
    words = shlex.split(command) if command else [sys.executable, "-m", "holdfast.sql.table_load"]
    code, out, complaint = talk(words, "the table loader", load.model_dump_json(), cancelled, deadline)
    try:
        answer = json.loads(out)
        if isinstance(answer.get("error"), dict):
            raise ReportedError(ErrorInfo.model_validate(answer["error"]))
        return int(answer["rows"])
    except (ValueError, KeyError, TypeError, AttributeError):
        said = (complaint.strip().splitlines() or ["it said nothing"])[-1]
        raise LoadFailed(f"the table loader failed (exit code {code}): {said[:400]}") from None

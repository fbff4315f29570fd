"""How a session is printed, and with which exit code it ends a command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast.cli.explain import known_errors
from holdfast.cli.output import Column, Output, field, human_bytes, human_time, print_object, print_table, say, when
from holdfast.model.errors import Cancelled, HoldfastError

#: A session of which only a part succeeded.
PARTIAL_EXIT_CODE = 3
ENDED = frozenset({"succeeded", "partial", "failed", "cancelled"})


def current_step(source: Mapping[str, Any]) -> str:
    """The step that runs, with its detail, or that failed; else how many are done."""
    steps = source.get("steps") or []
    for step in steps:
        if step["state"] == "failed":
            return str(step["name"])  # its detail is the source's error
        if step["state"] == "running":
            return f"{step['name']}: {step['detail']}" if step.get("detail") else str(step["name"])
    done = sum(step["state"] in ("succeeded", "skipped") for step in steps)
    return f"{done}/{len(steps)}" if steps else ""


LIST_COLUMNS = (field("id"), field("policy"), field("kind"), field("state"), when("started_at"), when("ended_at"))
_SOURCES = (
    field("source"),
    field("state"),
    Column("step", current_step),
    field("restore_point", "restore point"),
    Column("error", lambda source: _error(source.get("error"))),
)


_COMPARED = (field("what"), field("outcome"), field("detail"))
_AFTERCARE = (field("kind"), field("name"), field("why"))


def print_session(session: Mapping[str, Any], output: Output) -> None:
    """One session: as it is, or its head and a row a source."""
    if output is Output.JSON:
        print_object(session, output)
        return
    head = {name: session.get(name) for name in ("id", "policy", "kind", "state")}
    times = {name: human_time(session.get(f"{name}_at")) for name in ("started", "ended")}
    print_object({name: value for name, value in {**head, **times}.items() if value}, output)
    if session.get("error"):
        say(_error(session["error"]))
        say(str(session["error"].get("help") or ""))
    print_table(session.get("sources") or [], _SOURCES, "databases")
    if session.get("restore"):
        _print_restore(session["restore"], str(session["id"]))
    _print_retention(session.get("retention") or {})


def _print_retention(done: Mapping[str, Any]) -> None:
    """What retention did, where it did anything, and what a person should look at."""
    parts = [f"{done['deleted']} restore points deleted"] if done.get("deleted") else []
    parts += [f"{human_bytes(done['freed_bytes'])} freed"] if done.get("freed_bytes") else []
    parts += [f"{done['locked']} expired and still locked"] if done.get("locked") else []
    parts += [f"{done['lock_changes']} objects locked"] if done.get("lock_changes") else []
    if parts:
        say(f"retention: {', '.join(parts)}")
    for alarm in done.get("alarms") or []:
        say(f"retention deleted nothing: {alarm}; look at `holdfast retention alarms`")
    for problem in done.get("problems") or []:
        say(f"retention: {problem}")


def _print_restore(report: Mapping[str, Any], session: str) -> None:
    """What became of a restore, and what is left for a person."""
    print_table(report.get("compared") or [], _COMPARED, "compared with the point")
    print_table(report.get("aftercare") or [], _AFTERCARE, "left for you")
    if report.get("kept_as"):
        say(f"{report['kept_as']} is not what the point holds; it was kept and did not get the name")
    if report.get("replaced"):
        say(f"the old database is {report['replaced']}; `holdfast restore discard` deletes it once you are sure")
    if report.get("script"):
        say(f"`holdfast restore script {session}` writes the T-SQL for what is left")


def exit_code(session: Mapping[str, Any]) -> int:
    """0 for success, 3 for a part, 130 for cancelled; a failed one ends with the exit code of its first error."""
    state = session.get("state")
    if state == "partial":
        return PARTIAL_EXIT_CODE
    if state == "cancelled":
        return Cancelled.exit_code
    if state != "failed":
        return 0
    errors = [session.get("error"), *(source.get("error") for source in session.get("sources") or [])]
    for error in errors:
        if error:
            kind = known_errors().get(str(error.get("code")), HoldfastError)
            return kind.exit_code
    return HoldfastError.exit_code


def _error(error: Mapping[str, Any] | None) -> str:
    if not error:
        return ""
    return f"{error.get('title')}: {error.get('detail')}" if error.get("detail") else str(error.get("title"))

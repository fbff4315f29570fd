"""`holdfast status`: the installation on one screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from holdfast.cli.app import App, StateOption
from holdfast.cli.output import Column, Output, OutputOption, field, print_object, print_table, say
from holdfast.cli.watching import describe
from holdfast.model.errors import HoldfastError

_JOBS = (
    field("session"),
    field("source"),
    field("step"),
    Column("progress", lambda job: describe(job["progress"])),
    field("worker"),
)


def status(state: StateOption = None, output: OutputOption = Output.TABLE) -> None:
    """Shows the installation on one screen: databases by state, running sessions and their jobs, workers, repositories."""
    app = App(state)
    found = app.get("status")
    databases = _databases(app)
    jobs = [{"session": one, **job} for one in found.get("running_sessions", ()) for job in _jobs(app, one)]
    if output is Output.JSON:
        print_object({"url": app.address.url, **found, "databases": databases, "jobs": jobs}, output)
        return
    print_object({"url": app.address.url, "databases": _in_words(databases), **found}, output)
    print_table(jobs, _JOBS, "at work")
    if found.get("policies") == 0:
        say("No policy yet: `holdfast policy apply -f FILE` makes one.")
    elif databases and databases.get("unprotected"):
        say("`holdfast source list --unprotected` says which databases nobody protects, and why.")


def _databases(app: App) -> dict[str, int] | None:
    # Azure is asked for databases: where it cannot be, all else is worth showing.
    try:
        return dict(Counter(str(one["state"]) for one in app.pages("sources")))
    except HoldfastError as error:
        say(f"The databases cannot be listed now: {error}")
        return None


def _jobs(app: App, session: str) -> list[dict[str, Any]]:
    try:
        return list(app.get(f"sessions/{session}/progress")["value"])
    except HoldfastError as error:  # it may have ended since it was named
        say(f"The progress of {session} cannot be shown now: {error}")
        return []


def _in_words(databases: Mapping[str, int] | None) -> str:
    if databases is None:
        return "not known now"
    return ", ".join(f"{count:,} {state}" for state, count in sorted(databases.items())) or "none"

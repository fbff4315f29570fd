"""What is told: one notice an event, the same for every channel. Pure; how it looks is `holdfast.notify`'s part.

Titles and lines name database, error code and what to do. They are cut to a length that every receiver takes; the
session that is linked has the rest.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from holdfast.model.channel import Event
from holdfast.model.errors import ErrorInfo
from holdfast.model.overdue import Overdue
from holdfast.model.policy import Policy
from holdfast.model.session import LogEntry, Session, State

Tone = Literal["good", "warning", "bad"]

#: Lines of one notice; how many more there were is told.
MOST_LINES = 20
_LONGEST = 500
_LONGEST_TITLE = 150

_BAD = (State.FAILED, State.CANCELLED)


class NoticeLine(BaseModel):
    """One thing that a notice tells, mostly of one database."""

    model_config = ConfigDict(frozen=True)

    source: str = Field(default="", description="`server/database`; empty where it is about the whole session")
    code: str = Field(default="", description="code of the error, as everywhere else")
    text: str
    help: str = ""


class Notice(BaseModel):
    """One event, told."""

    model_config = ConfigDict(frozen=True)

    event: Event | Literal["recovered", "test"]
    occasion: str = Field(description="what it is about, once and for all: the same occasion is never told twice")
    about: datetime | None = Field(default=None, description="a moment of the occasion, where that is not `at`")
    tone: Tone
    title: str
    at: datetime = Field(description="when it happened or was seen")
    policy: str | None = None
    session: str | None = None
    link: str = Field(default="", description="address of the session; empty where the app's address is not known")
    facts: dict[str, str] = Field(default_factory=dict)
    lines: list[NoticeLine] = Field(default_factory=list)
    more: int = Field(default=0, description="lines that were left out")

    @property
    def asked_by(self) -> str:
        """The event that a channel must want to be told of this."""
        return "overdue" if self.event == "recovered" else self.event

    def id_for(self, channel: str) -> str:
        """The same whenever the same occasion is told to the same channel: the key that receivers drop repeats by."""
        return notice_id(self.about or self.at, self.occasion, channel)

    def rewritten(self, write: Callable[[str], str]) -> Notice:
        """The same with every text for people passed through `write`: the second wall against secrets."""
        lines = [n.model_copy(update={"text": write(n.text), "help": write(n.help)}) for n in self.lines]
        facts = {name: write(value) for name, value in self.facts.items()}
        return self.model_copy(update={"title": write(self.title), "facts": facts, "lines": lines})


def notice_id(at: datetime, occasion: str, channel: str) -> str:
    """`Notice.id_for`, for whoever knows the occasion before there is a notice. Ids sort by time."""
    digest = hashlib.sha256(f"{occasion}\n{channel}".encode()).hexdigest()[:16]
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{digest}"


def summary_occasion(policy: Policy, until: datetime) -> str:
    """What a summary is about: the policy and the local day that it ends on."""
    return f"summary {policy.name} {until.astimezone(policy.zone):%Y-%m-%d}"


def of_session(session: Session, log: Sequence[LogEntry], *, link: str, zone: ZoneInfo) -> Notice:
    """How a session ended: `failure`, `warning` or `success`. `log` is its log; warnings are taken from it."""
    failed = [run for run in session.sources if run.state in _BAD]
    lines = [_error_line("", session.error)] if session.error else []
    lines += [_error_line(run.source, run.error) for run in failed]
    lines += _retention_lines(session)
    event: Event = "failure" if session.state in (State.FAILED, State.PARTIAL) else "warning"
    if session.state is State.SUCCEEDED:
        warned = dict.fromkeys((entry.source or "", entry.message) for entry in log if entry.level == "warning")
        lines = [NoticeLine(source=source, text=_cut(message)) for source, message in warned]
        event = "warning" if lines else "success"
    what = f"{session.kind.capitalize()} of policy {session.policy}" if session.policy else session.kind.capitalize()
    counts = Counter(run.state for run in session.sources)
    good = counts[State.SUCCEEDED]
    tone: Tone = "bad" if event == "failure" else "good" if event == "success" else "warning"
    facts = {
        "Session": session.id,
        "Started": _moment(session.started_at, zone),
        "Ended": _moment(session.ended_at, zone) if session.ended_at else "",
        "Databases": f"{good} of {len(session.sources)} succeeded",
    }
    word = (
        "succeeded with warnings" if event == "warning" and session.state is State.SUCCEEDED else _WORDS[session.state]
    )
    return Notice(
        event=event,
        occasion=f"session {session.id}",
        tone=tone,
        title=_title(f"{what} {word}: {_tally(session, [run.source for run in failed], good)}"),
        at=session.ended_at or session.started_at,
        policy=session.policy,
        session=session.id,
        link=link,
        facts={name: value for name, value in facts.items() if value},
        lines=lines[:MOST_LINES],
        more=_left_out(lines),
    )


def _retention_lines(session: Session) -> list[NoticeLine]:
    """What retention wants a person to look at."""
    done = session.retention
    if done is None:
        return []
    ask = f"`holdfast retention alarms --policy {session.policy}` tells how to approve that"
    told = [f"retention deleted nothing: {alarm}; {ask}" for alarm in done.alarms]
    told += [f"retention: {problem}" for problem in done.problems]
    return [NoticeLine(source="", text=_cut(text)) for text in told]


_WORDS = {
    State.SUCCEEDED: "succeeded",
    State.PARTIAL: "succeeded in part",
    State.FAILED: "failed",
    State.CANCELLED: "was cancelled",
}


def _tally(session: Session, failed: Sequence[str], good: int) -> str:
    if session.error is not None and not failed:
        return session.error.title
    count = f"{good} database" if good == 1 else f"{good} databases"
    done = session.retention
    if not failed and done is not None and (done.alarms or done.problems):
        return f"{count} done, retention needs a person"
    if not failed:
        return f"{count} done"
    return f"{_named(failed)} failed" + (f", {count} succeeded" if good else "")


def of_overdue(policy: Policy, overdue: Sequence[Overdue], now: datetime) -> Notice:
    """Databases that have no point in time. `overdue` is not empty."""
    lines = [
        NoticeLine(
            source=found.source,
            text=f"no restore point for {_moment(found.missed, policy.zone)}; newest: "
            + (_moment(found.newest, policy.zone) if found.newest else "none at all"),
        )
        for found in overdue
    ]
    names = _named([found.source for found in overdue])
    return Notice(
        event="overdue",
        occasion=f"overdue {policy.name} {_together(overdue)}",
        about=max(found.missed for found in overdue),
        tone="bad",
        title=_title(f"Overdue under policy {policy.name}: {names}"),
        at=now,
        policy=policy.name,
        facts={"Policy": policy.name, "What to do": "Look at the policy's latest sessions: holdfast session list"},
        lines=lines[:MOST_LINES],
        more=_left_out(lines),
    )


def of_recovered(policy: str, recovered: Mapping[str, str], overdue: Sequence[Overdue], now: datetime) -> Notice:
    """Databases that were told as overdue and are no more. `recovered` is source to why; `overdue` what was told."""
    lines = [NoticeLine(source=source, text=why) for source, why in sorted(recovered.items())]
    return Notice(
        event="recovered",
        occasion=f"recovered {policy} {_together(overdue)}",
        about=max(found.missed for found in overdue),
        tone="good",
        title=_title(f"No longer overdue under policy {policy}: {_named(sorted(recovered))}"),
        at=now,
        policy=policy,
        facts={"Policy": policy},
        lines=lines[:MOST_LINES],
        more=_left_out(lines),
    )


def of_summary(
    policy: Policy, sessions: Sequence[Session], overdue: Sequence[Overdue], since: datetime, until: datetime
) -> Notice:
    """A policy's day: what ended in [since, until), and what is overdue now. `sessions` come with their sources."""
    runs = [run for session in sessions for run in session.sources]
    good = sum(run.state is State.SUCCEEDED for run in runs)
    failed = [(session, run) for session in sessions for run in session.sources if run.state in _BAD]
    points = sum(run.restore_point is not None for session in sessions for run in session.sources)
    lines = [
        NoticeLine(source=found.source, text=f"overdue since {_moment(found.missed, policy.zone)}") for found in overdue
    ]
    lines += [_error_line("", session.error) for session in sessions if session.error]
    lines += [_error_line(run.source, run.error) for _, run in failed]
    tone: Tone = "bad" if overdue or failed or any(s.error for s in sessions) else "good" if sessions else "warning"
    states = Counter(str(session.state) for session in sessions)
    day = until.astimezone(policy.zone)
    told = f"{good} of {len(runs)} backups succeeded" if sessions else "nothing ran"
    return Notice(
        event="summary",
        occasion=summary_occasion(policy, until),
        tone=tone,
        title=_title(
            f"Policy {policy.name}, {day:%A %d %B %Y}: {told}" + (f", {len(overdue)} overdue" if overdue else "")
        ),
        at=until,
        policy=policy.name,
        facts={
            "From": _moment(since, policy.zone),
            "To": _moment(until, policy.zone),
            "Sessions": ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none",
            "Restore points": str(points),
            "Overdue": str(len(overdue)),
        },
        lines=lines[:MOST_LINES],
        more=_left_out(lines),
    )


def of_test(channel: str, at: datetime) -> Notice:
    """What `holdfast notify test` sends. Every one is its own occasion."""
    return Notice(
        event="test",
        occasion=f"test {channel} {at.isoformat()}",
        tone="good",
        title=f"Test of notification channel {channel}",
        at=at,
        lines=[NoticeLine(text="If you can read this, the channel works. Nothing has happened.")],
    )


def _error_line(source: str, error: ErrorInfo | None) -> NoticeLine:
    if error is None:
        return NoticeLine(source=source, text="ended without a restore point", help="Look at the session's log.")
    text = f"{error.title}: {error.detail}" if error.detail else error.title
    return NoticeLine(source=source, code=error.code, text=_cut(text), help=_cut(error.help))


def _left_out(lines: Sequence[NoticeLine]) -> int:
    return max(0, len(lines) - MOST_LINES)


def _together(overdue: Sequence[Overdue]) -> str:
    """One word for a set of overdue databases and what each missed."""
    told = sorted(f"{found.chain} {found.missed.isoformat()}" for found in overdue)
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


def _named(sources: Sequence[str]) -> str:
    return sources[0] if len(sources) == 1 else f"{len(sources)} databases"


def _moment(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def one_line(text: str) -> str:
    """The text without line breaks and control characters: a name of a database may hold any."""
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text).strip()


def _cut(text: str, most: int = _LONGEST) -> str:
    flat = one_line(text)
    return flat if len(flat) <= most else flat[: most - 1].rstrip() + "…"


def _title(text: str) -> str:
    return _cut(text, _LONGEST_TITLE)

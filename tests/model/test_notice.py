"""What a notice says, and that it is told once, in bounds, and for people."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.channel import EmailChannel, SlackChannel, WebhookChannel
from holdfast.model.errors import ExportBlocked, HoldfastError
from holdfast.model.notice import MOST_LINES, notice_id, of_overdue, of_recovered, of_session, of_summary, one_line
from holdfast.model.overdue import Overdue
from holdfast.model.policy import policy_from
from holdfast.model.retrying import pause_after
from holdfast.model.session import LogEntry, RetentionSummary, Session, SourceRun, State
from holdfast.model.summary import summary_window

AT = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
POLICY = policy_from({"name": "nightly", "time_zone": "Europe/Berlin"})


def session(state: State, *runs: SourceRun, **more: Any) -> Session:
    fields = {"id": "s1", "policy": "nightly", "started_at": AT, "ended_at": AT + timedelta(hours=1)}
    return Session(state=state, sources=list(runs), **{**fields, **more})


def run(source: str, error: HoldfastError | None = None, point: str | None = None) -> SourceRun:
    state = State.FAILED if error else State.SUCCEEDED
    return SourceRun(source=source, key=source, state=state, error=error and error.info(), restore_point=point)


def told(found: Session, log: list[LogEntry] | None = None) -> Any:
    return of_session(found, log or [], link="https://app/s1", zone=BERLIN)


def test_a_failure_names_database_code_and_what_to_do() -> None:
    notice = told(session(State.PARTIAL, run("srv/a"), run("srv/b", ExportBlocked("view v", help="mend it"))))
    assert (notice.event, notice.tone) == ("failure", "bad")
    assert notice.title == "Backup of policy nightly succeeded in part: srv/b failed, 1 database succeeded"
    (line,) = notice.lines
    assert (line.source, line.code, line.help) == ("srv/b", "export-blocked", "mend it")
    assert "view v" in line.text
    assert notice.facts["Started"] == "2026-03-01 03:00 CET"
    assert notice.link == "https://app/s1"


def test_a_session_that_never_began_says_why() -> None:
    notice = told(session(State.FAILED, error=ExportBlocked("x").info()))
    assert notice.title == f"Backup of policy nightly failed: {ExportBlocked.title}"
    assert notice.lines[0].source == ""


def test_what_stopped_retention_is_told_with_how_to_go_on() -> None:
    stopped = RetentionSummary(alarms=["it is 30 days after retention last ran"], problems=["srv/a: in the way"])
    notice = told(session(State.PARTIAL, run("srv/a"), retention=stopped))
    assert (notice.event, notice.title) == (
        "failure",
        "Backup of policy nightly succeeded in part: 1 database done, retention needs a person",
    )
    alarm, problem = notice.lines
    assert "30 days after" in alarm.text
    assert "`holdfast retention alarms --policy nightly`" in alarm.text
    assert problem.text == "retention: srv/a: in the way"


def test_success_is_a_warning_where_the_log_warns_and_each_warning_is_told_once() -> None:
    good = session(State.SUCCEEDED, run("srv/a"))
    assert told(good).event == "success"
    warned = LogEntry(at=AT, level="warning", source="srv/a", message="direct export")
    notice = told(good, [warned, warned, LogEntry(at=AT, level="info", message="fine")])
    assert (notice.event, notice.tone, len(notice.lines)) == ("warning", "warning", 1)
    assert "with warnings" in notice.title


def test_a_cancelled_session_is_a_warning() -> None:
    assert told(session(State.CANCELLED, run("srv/a"))).event == "warning"


def test_of_three_thousand_failures_twenty_are_told_and_the_rest_counted() -> None:
    notice = told(session(State.FAILED, *(run(f"srv/d{n}", ExportBlocked("x" * 5000)) for n in range(3000))))
    assert (len(notice.lines), notice.more) == (MOST_LINES, 2980)
    assert len(notice.model_dump_json()) < 40_000
    assert "3000 databases failed" in notice.title


@given(st.text(max_size=300))
def test_a_name_of_any_kind_makes_a_title_of_one_line(name: str) -> None:
    notice = told(session(State.FAILED, run(name, ExportBlocked(name))))
    for text in (notice.title, notice.lines[0].text):
        assert len(text.splitlines()) <= 1
        assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in text)
    assert len(notice.title) <= 150
    assert one_line(one_line(name)) == one_line(name)


def test_the_second_wall_goes_over_every_text_for_people() -> None:
    notice = told(session(State.FAILED, run("srv/a", ExportBlocked("password=hunter2", help="password=hunter2"))))
    clean = notice.rewritten(lambda text: text.replace("hunter2", "?"))
    assert "hunter2" not in clean.model_dump_json()


def overdue(source: str, day: int = 1) -> Overdue:
    return Overdue(policy="nightly", source=source, chain=f"c-{source}", missed=AT + timedelta(days=day))


def test_overdue_and_recovered_are_occasions_of_their_own() -> None:
    one = of_overdue(POLICY, [overdue("srv/a"), overdue("srv/b")], AT)
    same = of_overdue(POLICY, [overdue("srv/b"), overdue("srv/a")], AT + timedelta(minutes=10))
    assert one.id_for("ops") == same.id_for("ops")
    assert one.occasion != of_overdue(POLICY, [overdue("srv/a")], AT).occasion
    assert one.occasion != of_overdue(POLICY, [overdue("srv/a", 2), overdue("srv/b")], AT).occasion
    assert "2026-03-02 03:00 CET; newest: none at all" in one.lines[0].text
    back = of_recovered("nightly", {"srv/a": "restore point of …"}, [overdue("srv/a")], AT)
    assert (back.event, back.asked_by, back.tone) == ("recovered", "overdue", "good")


def test_a_summary_counts_the_day_and_leads_with_what_is_overdue() -> None:
    failed = session(State.PARTIAL, run("srv/a", point="p1"), run("srv/b", ExportBlocked("v")))
    notice = of_summary(POLICY, [failed], [overdue("srv/z")], AT - timedelta(days=1), AT)
    assert notice.title == "Policy nightly, Sunday 01 March 2026: 1 of 2 backups succeeded, 1 overdue"
    assert [line.source for line in notice.lines] == ["srv/z", "srv/b"]
    assert notice.facts["Restore points"] == "1"
    empty = of_summary(POLICY, [], [], AT - timedelta(days=1), AT)
    assert (empty.tone, "nothing ran" in empty.title) == ("warning", True)


def test_an_id_is_of_the_occasion_and_the_channel() -> None:
    assert notice_id(AT, "x", "ops") == notice_id(AT, "x", "ops")
    assert len({notice_id(AT, "x", "ops"), notice_id(AT, "x", "dba"), notice_id(AT, "y", "ops")}) == 3
    assert notice_id(AT, "x", "ops").startswith("20260301T020000Z-")


@given(
    st.timedeltas(timedelta(0), timedelta(days=365)).map(lambda since: datetime(2026, 1, 1, tzinfo=UTC) + since),
    st.sampled_from([time(0), time(2, 30), time(8), time(23, 59)]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia", "Pacific/Kiritimati"]),
)
def test_every_moment_belongs_to_one_summary(now: datetime, at: time, zone: str) -> None:
    """Days touch and never overlap, also where the clocks change."""
    policy = policy_from({"name": "p", "time_zone": zone})
    since, until = summary_window(policy, at, now)
    assert since < until <= now
    assert timedelta(hours=22) < until - since < timedelta(hours=26)
    assert now - until < timedelta(hours=26)
    assert summary_window(policy, at, until)[1] == until
    assert summary_window(policy, at, until - timedelta(seconds=1))[1] == since


@given(st.integers(1, 1000), st.text(max_size=20), st.none() | st.timedeltas(timedelta(0), timedelta(hours=6)))
def test_pauses_grow_to_an_hour_and_never_undercut_what_the_peer_asked(
    attempts: int, name: str, asked: timedelta | None
) -> None:
    pause = pause_after(attempts, name, asked)
    assert pause >= max(timedelta(seconds=30), asked or timedelta(0))
    assert pause <= max(timedelta(minutes=72), asked or timedelta(0))
    assert pause_after(attempts + 1, name) >= pause_after(attempts, name) or attempts >= 7


def test_a_channel_names_secrets_and_never_holds_one() -> None:
    for url in (
        "https://prod.logic.azure.com/workflows/x?sig=s3cr3t",
        "s3cr3t",
        "http://v.vault.azure.net/secrets/s3cr3t",
    ):
        with pytest.raises(ValueError, match="Key Vault") as raised:
            SlackChannel.model_validate({"kind": "slack", "url_secret": url})
        assert "s3cr3t" not in str(raised.value)
    good = "https://v.vault.azure.net/secrets/hook"
    assert "success" not in SlackChannel(kind="slack", url_secret=good).events
    with pytest.raises(ValueError, match="signing_secret"):
        WebhookChannel.model_validate({"kind": "webhook", "url_secret": good})
    mail = {"kind": "email", "host": "smtp", "sender": "a@b", "recipients": ["c@d"]}
    assert EmailChannel.model_validate(mail).security == "starttls"
    for wrong in ({"user": "u"}, {"security": "none"}, {"recipients": []}, {"recipients": ["a@b\nBcc: x@y"]}):
        with pytest.raises(ValueError, match="validation error"):
            EmailChannel.model_validate({**mail, **wrong})

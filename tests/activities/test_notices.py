"""Notifications: told once, sent at last, given up in the end, and never in the way of a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest

from activities import find_overdue, send_notices, tell_session, write_summaries
from holdfast.model.channel import WebhookChannel
from holdfast.model.errors import ExportBlocked, HoldfastError, NotFound, Unavailable
from holdfast.model.lineage import noticed
from holdfast.model.notice import Notice
from holdfast.model.point import RestorePoint
from holdfast.model.policy import policy_from
from holdfast.model.session import State
from holdfast.model.source import Source, SourceKind
from holdfast.notify import Undelivered

SECRET = "https://v.vault.azure.net/secrets/x"
Activity = Callable[[ModuleType, str], Callable[[dict[str, Any]], dict[str, Any]]]


class Peer:
    """What `deliver` was asked for; raises what it is told to."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []
        self.error: Exception | None = None

    def __call__(self, channel: Any, envelope: Any, read_secret: Any) -> None:
        self.got.append((envelope.id, envelope.notice.title))
        if self.error is not None:
            raise self.error


class Servers:
    """The databases that Azure has."""

    def __init__(self) -> None:
        self.names = ["srv/a", "srv/b"]
        self.error: HoldfastError | None = None

    def list_sources(self) -> Iterator[Source]:
        if self.error is not None:
            raise self.error
        for name in self.names:
            server, _, database = name.partition("/")
            where = f"/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers/{server}/databases/{database}"
            kind = SourceKind.SQL_DATABASE
            yield Source(kind=kind, resource_id=where, server=server, database=database, region="r", host="h")


@pytest.fixture
def world(app: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The app with two channels, a policy that names both, databases, and a peer in place of the network."""
    channels = {
        "ops": WebhookChannel(kind="webhook", url_secret=SECRET, signing_secret=SECRET),
        "all": WebhookChannel(kind="webhook", url_secret=SECRET, signing_secret=SECRET, events=["success", "failure"]),
    }
    app.settings = app.settings.model_copy(update={"notification_channels": channels})
    app.servers, app.peer = Servers(), Peer()
    app.channel = lambda name: channels[name]
    app.read_secret = lambda url: "x"
    app.session_link = lambda session: f"https://app/{session}"
    schedule = {"daily": {"at": ["03:00"], "keep_days": 7}}
    app.catalog.policies.put(policy_from({"name": "p", "notify": ["ops", "all"], "schedules": schedule}))
    monkeypatch.setattr(send_notices, "deliver", app.peer)
    return app


def end(world: Any, error: HoldfastError | None = None) -> None:
    for key in ("k1", "k2"):
        world.catalog.sessions.set_source("s1", key, State.FAILED if error else State.SUCCEEDED, error and error.info())
    world.catalog.sessions.close("s1")


def waiting(world: Any) -> list[tuple[str, str]]:
    return sorted((w.channel, w.notice.event) for w in world.catalog.outbox.waiting())


def test_each_channel_hears_what_it_wants_and_once(world: Any, activity: Activity) -> None:
    end(world, ExportBlocked("view v; password=hunter2"))
    for _ in range(3):
        assert activity(tell_session, "tell_session")({"session": "s1"})["ok"]
    assert waiting(world) == [("all", "failure"), ("ops", "failure")]
    notice = world.catalog.outbox.waiting()[0].notice
    assert "hunter2" not in notice.model_dump_json()
    assert notice.link == "https://app/s1"


def test_success_is_told_to_who_asked_for_it(world: Any, activity: Activity) -> None:
    end(world)
    activity(tell_session, "tell_session")({"session": "s1"})
    assert waiting(world) == [("all", "success")]


def test_a_channel_that_is_gone_is_told_in_the_log(world: Any, activity: Activity) -> None:
    world.settings = world.settings.model_copy(update={"notification_channels": {}})
    end(world, ExportBlocked("v"))
    assert activity(tell_session, "tell_session")({"session": "s1"})["told"] == 0
    assert any("channel ops" in line and "not configured" in line for line in world.log())


def sending(world: Any, activity: Activity) -> int:
    answer = activity(send_notices, "send_notices")({})
    assert answer["ok"]
    return int(answer["sent"])


def test_what_was_sent_is_not_sent_again(world: Any, activity: Activity) -> None:
    end(world, ExportBlocked("v"))
    activity(tell_session, "tell_session")({"session": "s1"})
    assert sending(world, activity) == 2
    activity(tell_session, "tell_session")({"session": "s1"})
    world.clock.advance(minutes=6)  # a claim that was not ended would have run out
    assert sending(world, activity) == 0
    assert len({name for name, _ in world.peer.got}) == 2


def test_a_peer_that_is_not_there_is_left_alone_and_told_at_last(world: Any, activity: Activity) -> None:
    end(world, ExportBlocked("v"))
    activity(tell_session, "tell_session")({"session": "s1"})
    world.peer.error = Undelivered("the receiver answered 503", wait=timedelta(minutes=10))
    assert sending(world, activity) == 0
    assert len(world.peer.got) == 2  # one a channel
    assert sum("could not be told" in line for line in world.log()) == 2
    assert world.catalog.outbox.standing("ops").failure.startswith("the receiver answered 503")
    world.clock.advance(minutes=9)
    assert (sending(world, activity), len(world.peer.got)) == (0, 2)
    world.clock.advance(minutes=2)
    world.peer.error = None
    assert sending(world, activity) == 2
    assert world.catalog.outbox.standing("ops").failure == ""
    assert sum("at attempt 2" in line for line in world.log()) == 2
    assert {first for first, _ in world.peer.got[:2]} == {second for second, _ in world.peer.got[2:]}
    assert world.catalog.sessions.get("s1").state is State.FAILED


def test_a_broken_channel_is_asked_once_a_round_and_keeps_no_other_waiting(
    world: Any, activity: Activity, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(5):
        for channel in ("ops", "all"):
            told = Notice(event="failure", occasion=f"o{n}", tone="bad", title="t", at=world.clock.now())
            world.catalog.outbox.add(channel, told)

    def deliver(channel: Any, envelope: Any, read_secret: Any) -> None:
        world.peer(channel, envelope, read_secret)
        if "success" not in channel.events:
            raise Undelivered("nobody answers")

    monkeypatch.setattr(send_notices, "deliver", deliver)
    assert sending(world, activity) == 5
    assert len(world.peer.got) == 6


def test_what_nobody_foresaw_is_tried_again_and_not_quoted(world: Any, activity: Activity) -> None:
    end(world, ExportBlocked("v"))
    activity(tell_session, "tell_session")({"session": "s1"})
    world.peer.error = RuntimeError("password=x")
    assert sending(world, activity) == 0
    assert "RuntimeError" in world.catalog.outbox.standing("ops").failure
    assert "password=x" not in str(world.log())
    world.peer.error = None
    world.clock.advance(minutes=2)
    assert sending(world, activity) == 2


@pytest.mark.parametrize("error", [Undelivered("404", busy=False), NotFound("secret")])
def test_after_two_days_it_is_given_up_and_said(world: Any, activity: Activity, error: Exception) -> None:
    end(world, ExportBlocked("v"))
    activity(tell_session, "tell_session")({"session": "s1"})
    world.peer.error = error
    for _ in range(17):
        assert sending(world, activity) == 0
        world.clock.advance(hours=3)
    assert world.catalog.outbox.waiting() == []
    assert len(world.catalog.outbox.ended(state="failed")) == 2
    assert len(world.peer.got) == 2 * 17
    said = [line for line in world.log() if line.startswith("notifications")]
    assert len(said) == 4  # at first and at last, a channel


def look(world: Any, activity: Activity) -> dict[str, Any]:
    answer = activity(find_overdue, "find_overdue")({})
    assert answer["ok"], answer
    return answer


def point(world: Any, source: str) -> None:
    chain = next(s.chain for s in world.servers.list_sources() if s.name == source)
    now = world.clock.now()
    world.catalog.points.put(
        RestorePoint(
            id=f"{now:%Y%m%dT%H%M%SZ}-abc",
            source=source,
            chain=chain,
            repository="default",
            created_at=now,
            kind="full",
            consistency="live",
        )
    )


def overdue(world: Any) -> list[str]:
    return sorted(found.source for found in world.catalog.promises.broken())


def test_overdue_is_told_once_until_it_changes_and_then_recovered(world: Any, activity: Activity) -> None:
    assert look(world, activity)["looked"]
    assert not look(world, activity)["looked"]
    world.clock.advance(days=1)  # 03:00 of the next day
    point(world, "srv/a")
    world.clock.advance(hours=5, minutes=59)
    assert look(world, activity)["overdue"] == 0
    world.clock.advance(minutes=11)
    assert look(world, activity)["overdue"] == 1
    assert (overdue(world), waiting(world)) == (["srv/b"], [("ops", "overdue")])
    for _ in range(3):
        world.clock.advance(hours=1)
        look(world, activity)
    assert waiting(world) == [("ops", "overdue")]
    point(world, "srv/b")
    world.clock.advance(minutes=15)
    look(world, activity)
    assert (overdue(world), waiting(world)) == ([], [("ops", "overdue"), ("ops", "recovered")])


def test_a_look_that_dies_before_it_notes_tells_nothing_twice(
    world: Any, activity: Activity, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(world, activity)
    world.clock.advance(days=1, hours=7)
    with monkeypatch.context() as dying:
        dying.setattr(type(world.catalog.promises), "keep", lambda *_: (_ for _ in ()).throw(Unavailable("killed")))
        assert not activity(find_overdue, "find_overdue")({})["ok"]
    world.clock.advance(minutes=1)
    look(world, activity)
    assert waiting(world) == [("ops", "overdue")]


def test_a_database_that_azure_cannot_list_is_overdue_all_the_same(world: Any, activity: Activity) -> None:
    look(world, activity)
    world.servers.error = Unavailable("Azure is away")
    world.clock.advance(days=1, hours=7)
    assert look(world, activity)["overdue"] == 2


def test_a_database_that_goes_is_told_as_no_longer_taken(world: Any, activity: Activity) -> None:
    look(world, activity)
    world.clock.advance(days=1, hours=7)
    look(world, activity)
    world.servers.names = ["srv/a"]
    world.clock.advance(hours=1)
    look(world, activity)
    assert overdue(world) == ["srv/a"]
    recovered = next(w.notice for w in world.catalog.outbox.waiting() if w.notice.event == "recovered")
    assert [(line.source, line.text) for line in recovered.lines] == [("srv/b", "the policy takes it no more")]
    world.catalog.policies.delete("p")
    world.clock.advance(hours=1)
    look(world, activity)
    assert overdue(world) == []


def test_a_renamed_database_goes_on_with_the_promise_of_its_chain(world: Any, activity: Activity) -> None:
    look(world, activity)
    world.clock.advance(days=1, hours=7)
    look(world, activity)
    kept, moved = list(world.servers.list_sources())
    renamed = noticed(moved, world.clock.now()).model_copy(update={"identity": "new", "lineage": moved.identity})
    world.catalog.known.change(lambda _: [renamed.model_copy(update={"holds": True})])
    world.servers.list_sources = lambda: iter(
        [kept, moved.model_copy(update={"database_guid": "new", "database": "c"})]
    )
    world.clock.advance(hours=1)
    look(world, activity)
    assert overdue(world) == ["srv/a", "srv/c"]
    assert waiting(world) == [("ops", "overdue")]


def test_a_summary_is_written_once_a_day_at_its_hour(world: Any, activity: Activity) -> None:
    write = activity(write_summaries, "write_summaries")
    assert write({})["written"] == 0  # the policy is younger than yesterday's hour
    end(world, ExportBlocked("v"))
    world.clock.advance(hours=4, minutes=59)
    assert write({})["written"] == 0
    world.clock.advance(minutes=2)
    assert write({})["written"] == 1
    assert write({})["written"] == 0
    (notice,) = (w.notice for w in world.catalog.outbox.waiting())
    assert (notice.event, notice.at) == ("summary", datetime(2026, 3, 1, 8, tzinfo=UTC))
    assert notice.title.endswith("0 of 2 backups succeeded")
    world.clock.advance(days=1)
    assert write({})["written"] == 1

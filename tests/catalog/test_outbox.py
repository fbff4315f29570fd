"""The outbox: nothing is lost, nothing is taken twice, and only one sends at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from holdfast.catalog import Catalog
from holdfast.catalog.promises import Promise
from holdfast.model.notice import Notice

from .conftest import HandClock


def notice(clock: HandClock, occasion: str = "session s1", **more: Any) -> Notice:
    return Notice(event="failure", occasion=occasion, tone="bad", title="It failed", at=clock.now(), **more)


def test_the_same_occasion_is_told_once_to_each_channel(catalog: Catalog, clock: HandClock) -> None:
    outbox, told = catalog.outbox, notice(clock)
    assert outbox.add("ops", told)
    assert not outbox.add("ops", told)
    assert outbox.add("dba", told)
    assert outbox.end(told.id_for("ops"))
    clock.advance(days=2)
    assert not outbox.add("ops", told)
    assert [waiting.channel for waiting in outbox.waiting()] == ["dba"]
    assert outbox.waiting()[0].notice == told


def test_of_many_who_claim_one_gets_it(catalog: Catalog, clock: HandClock) -> None:
    catalog.outbox.add("ops", notice(clock))
    (waiting,), until = catalog.outbox.waiting(), clock.now() + timedelta(minutes=5)
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: catalog.outbox.claim(waiting.id, until=until), range(8)))
    assert [claim.attempts for claim in claims if claim is not None] == [1]


def test_a_claim_runs_out_and_a_failure_is_due_again_at_its_time(catalog: Catalog, clock: HandClock) -> None:
    outbox = catalog.outbox
    outbox.add("ops", notice(clock))
    name = outbox.waiting()[0].id
    assert outbox.claim(name, until=clock.now() + timedelta(minutes=5))
    clock.advance(minutes=4)
    assert outbox.claim(name, until=clock.now()) is None
    clock.advance(minutes=1)
    second = outbox.claim(name, until=clock.now() + timedelta(minutes=5))
    assert second is not None
    assert second.attempts == 2
    outbox.delay(name, "it answered 500", until=clock.now() + timedelta(hours=1))
    assert outbox.waiting()[0].failure == "it answered 500"
    assert outbox.claim(name, until=clock.now()) is None
    clock.advance(hours=1)
    assert outbox.claim(name, until=clock.now()) is not None


def test_what_was_given_up_is_kept_for_a_month_with_its_reason(catalog: Catalog, clock: HandClock) -> None:
    outbox = catalog.outbox
    for occasion in ("a", "b"):
        outbox.add("ops", notice(clock, occasion))
    first, second = (waiting.id for waiting in outbox.waiting())
    assert outbox.end(first, "nobody answers")
    assert not outbox.end(first)
    assert outbox.end(second)
    outbox.delay(first, "late", until=clock.now())
    assert outbox.waiting() == []
    assert [(e.id, e.failure) for e in outbox.ended(state="failed")] == [(first, "nobody answers")]
    clock.advance(days=29)
    assert outbox.forget_old() == 0
    clock.advance(days=2)
    assert outbox.forget_old() == 2
    assert outbox.ended() == []


def test_a_channel_stands_as_its_latest_attempt_went(catalog: Catalog, clock: HandClock) -> None:
    outbox, later = catalog.outbox, clock.now() + timedelta(minutes=1)
    assert outbox.standing("ops").last_sent_at is None
    assert outbox.record("ops", "it hangs", not_before=later).not_before == later
    sent = clock.advance(minutes=2)
    found = outbox.record("ops")
    assert (found.failure, found.not_before, found.last_sent_at) == ("", None, sent)
    assert found.last_failed_at == sent - timedelta(minutes=2)


def test_counts_know_channels_that_are_configured_no_more(catalog: Catalog, clock: HandClock) -> None:
    for channel in ("ops", "ops", "gone"):
        catalog.outbox.add(channel, notice(clock, f"x {len(catalog.outbox.waiting())}"))
    assert catalog.outbox.counts(["ops", "idle"]) == {"ops": 2, "idle": 0, "gone": 1}


def promise(clock: HandClock, number: int, **more: Any) -> Promise:
    fields = {"policy": "p", "source": f"srv/d{number}", "chain": f"c{number}", "since": clock.now()}
    return Promise(**{**fields, **more})


def test_promises_are_kept_changed_and_forgotten_by_the_hundred(catalog: Catalog, clock: HandClock) -> None:
    many = [promise(clock, n) for n in range(230)]
    catalog.promises.keep(many)
    missed = promise(clock, 7, missed=clock.now())
    catalog.promises.keep([missed, promise(clock, 1, policy="q")])
    assert len(catalog.promises.of("p")) == 230
    assert catalog.promises.policies() == {"p", "q"}
    assert catalog.promises.broken() == [missed.broken()]
    catalog.promises.forget([missed, promise(clock, 999)])
    assert catalog.promises.broken() == []
    assert "c7" not in catalog.promises.of("p")


def test_a_schedule_counts_from_its_latest_change(catalog: Catalog, clock: HandClock) -> None:
    first = clock.now()
    assert catalog.promises.since("p", "daily", first) == first
    changed = clock.advance(days=1)
    assert catalog.promises.since("p", "daily", changed) == first
    assert catalog.promises.since("p", "weekly", changed) == changed
    assert catalog.promises.looked_at() is None
    catalog.promises.looked()
    assert catalog.promises.looked_at() == changed

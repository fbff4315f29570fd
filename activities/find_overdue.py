"""Looks which databases have no point within what their policy promises; tells each once, and once more when it has one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import azure.durable_functions as df
import structlog

from activities.answering import Answer, Given, answered
from activities.tell_session import tell
from activities.telling import alive, tell_overdue
from holdfast.catalog import StoredPolicy
from holdfast.catalog.promises import Promise
from holdfast.model.errors import HoldfastError
from holdfast.model.notice import of_overdue, of_recovered
from holdfast.model.overdue import expected, missed_slot, still_missed
from holdfast.model.selection import winning_policy
from holdfast.wiring import Services

bp = df.Blueprint()

_log = structlog.get_logger("overdue")

_FIRST = datetime(2000, 1, 1, tzinfo=UTC)


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def find_overdue(app: Services, given: Given) -> Answer:
    """Answers `looked: false` where the latest look is not old enough. Told first and noted then: a look that dies
    half-way tells the same again, which the outbox knows."""
    last, now = app.catalog.promises.looked_at(), app.clock.now()
    if last is not None and now - last < app.settings.overdue_look:
        return {"looked": False}
    stored = app.catalog.policies.list()
    taken = _taken(app, stored)
    overdue = sum(_look(app, policy, None if taken is None else taken[policy.policy.name], now) for policy in stored)
    for name in app.catalog.promises.policies() - {policy.policy.name for policy in stored}:
        app.catalog.promises.forget(app.catalog.promises.of(name).values())
    app.catalog.promises.looked()
    alive(len(stored), overdue)
    return {"looked": True, "overdue": overdue}


def _taken(app: Services, stored: Sequence[StoredPolicy]) -> dict[str, dict[str, str]] | None:
    """The databases of each policy, by chain; None where Azure does not say: then what was known before is looked at."""
    policies = [found.policy for found in stored]
    known = {one.identity: one for one in app.catalog.known.all()}
    found: dict[str, dict[str, str]] = {policy.name: {} for policy in policies}
    try:
        for source in app.servers.list_sources():
            winner = winning_policy(source, policies)
            if winner is not None:
                row = known.get(source.identity)
                # A database that was renamed or failed over goes on with the chain that it had.
                found[winner.name][row.chain if row is not None and row.holds else source.chain] = source.name
    except HoldfastError as error:
        _log.warning("databases cannot be listed; those known before are looked at", error=str(error))
        return None
    return found


def _look(app: Services, stored: StoredPolicy, sources: dict[str, str] | None, now: datetime) -> int:
    """One policy; how many of its databases are overdue."""
    policy, promises = stored.policy, app.catalog.promises
    # A policy whose schedule changed promises nothing for the slots before.
    since = promises.since(policy.name, policy.model_dump_json(include=_SCHEDULE), stored.changed_at)
    known = promises.of(policy.name)
    present = dict(known)
    if sources is not None:
        present = {
            chain: known[chain].model_copy(update={"source": name})
            if chain in known
            else Promise(policy=policy.name, source=name, chain=chain, since=now)
            for chain, name in sources.items()
        }
    judged = {
        chain: _judged(app, stored, promise, max(since, promise.since), now) for chain, promise in present.items()
    }
    broken = [found for promise in judged.values() if (found := promise.broken()) is not None]
    newly = [found for found in broken if known.get(found.chain) is None or known[found.chain].missed is None]
    healed = {
        chain: was
        for chain, was in known.items()
        if was.missed is not None and (chain not in judged or judged[chain].missed is None)
    }
    if newly:
        tell_overdue(policy.name, newly, "overdue")
        tell(app, policy, of_overdue(policy, sorted(newly, key=lambda found: found.source), now))
    if healed:
        why = {was.source: _why(judged.get(chain)) for chain, was in healed.items()}
        told = [found for was in healed.values() if (found := was.broken()) is not None]
        tell_overdue(policy.name, told, "recovered")
        tell(app, policy, of_recovered(policy.name, why, told, now))
    promises.keep(judged.values())
    promises.forget(was for chain, was in known.items() if chain not in judged)
    return len(broken)


_SCHEDULE = {"schedules", "time_zone", "start_date", "blackout"}


def _judged(app: Services, stored: StoredPolicy, promise: Promise, since: datetime, now: datetime) -> Promise:
    """The promise as it stands now. The catalog is asked only for what is not known to be good."""
    policy = stored.policy
    # The last of its databases starts so much later.
    grace = app.settings.overdue_grace + timedelta(minutes=policy.jitter_minutes)
    wanted = max((at for at in (expected(policy, now, since, grace), promise.missed) if at is not None), default=None)
    newest = promise.newest
    if wanted is not None and (newest is None or newest < wanted):
        found = app.catalog.points.newest_since(promise.chain, repository=policy.repository, since=newest or _FIRST)
        newest = found or newest
    if promise.missed is None:
        missed = missed_slot(policy, now, since=since, grace=grace, newest=newest)
    else:
        still = still_missed(policy, now, promise.missed, since=since, grace=grace, newest=newest)
        missed = promise.missed if still else None
    return promise.model_copy(update={"newest": newest, "missed": missed})


def _why(now: Promise | None) -> str:
    return "the policy takes it no more" if now is None else f"restore point of {now.newest:%Y-%m-%d %H:%M} UTC"

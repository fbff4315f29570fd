"""Compares the databases of a session with those of earlier ones: settles their chains, and says once what changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from holdfast.catalog.log import Level
from holdfast.model.lineage import KnownSource, Settled, noticed, settle, unsettled
from holdfast.model.policy import Policy
from holdfast.model.selection import is_meant, left_out, not_backed_up, selects
from holdfast.model.source import Source
from holdfast.wiring import Services


def know(app: Services, session: str, chosen: Sequence[Source], found: Sequence[Source], policy: Policy | None) -> None:
    """Remembers `chosen`, with their chains; with `policy`, also what it no longer takes or never will, and says so.

    Every line is written before what it is about is remembered, and once a session however often this runs: a crash
    in between loses none.
    """

    def edit(known: Mapping[str, KnownSource]) -> Iterable[KnownSource]:
        now = app.clock.now()
        links = app.servers.partners(unsettled(chosen, known))
        changes: dict[str, KnownSource] = {}
        for settled in settle(chosen, found, known, links, now):
            before, after = known.get(settled.known.identity), settled.known
            for level, text in _tidings(settled, before, policy):
                say(level, text, after)
            if settled.came_from is not None:
                changes[settled.came_from.identity] = settled.came_from
            taken = {"policy": policy.name, "note": None} if policy is not None else {}
            changes[after.identity] = after.model_copy(update={**taken, "dropped_at": None})
        if policy is not None:
            for level, text, after in _absences(known, changes, found, policy, now):
                say(level, text, after)
                stamp = {"dropped_at": now} if after.policy == policy.name and after.note is None else {}
                changes[after.identity] = after.model_copy(update=stamp)
        return changes.values()

    def say(level: Level, text: str, about: KnownSource) -> None:
        app.catalog.log.write(session, level, text, source=about.name, once=f"known {about.identity} {text}")

    app.catalog.known.change(edit)


def _tidings(settled: Settled, before: KnownSource | None, policy: Policy | None) -> Iterable[tuple[Level, str]]:
    """What people are told of a database that is part of the session."""
    after, other = settled.known, settled.came_from
    if other is not None and settled.how == "renamed":
        yield "info", f"renamed: it was {other.name} before; its chain goes on"
    elif other is not None:
        yield "info", f"failed over: the primary was {other.name} before; its chain goes on here"
    elif before is not None and before.lineage and not before.holds:
        yield "warning", "stands alone again, and what it was linked to goes on with its chain: a new chain begins"
    if before is not None and before.name != after.name:
        yield "info", f"renamed: it was {before.name} before; its chain goes on"
    if before is not None and before.holds and before.made_at != after.made_at:
        yield "info", "was made again under its name; its chain goes on"
    if policy is None:
        return
    if before is not None and before.dropped_at is not None:
        yield "info", "is there again"
    if before is None and other is None:
        yield "info", f"new: policy {policy.name} takes it from now on"
    elif before is not None and before.policy != policy.name:
        yield "info", f"policy {policy.name} takes it from now on" + (f", not {before.policy}" if before.policy else "")


def _absences(
    known: Mapping[str, KnownSource],
    taken: Mapping[str, KnownSource],
    found: Sequence[Source],
    policy: Policy,
    now: datetime,
) -> Iterable[tuple[Level, str, KnownSource]]:
    """What people are told of a database that is not part of the session, though they may think so."""
    there = {source.identity: source for source in found}
    told = set(taken)
    for source in found:
        reason = not_backed_up(policy.select, source) if is_meant(policy.select, source) else None
        if reason is None or source.identity in told:
            continue
        told.add(source.identity)
        row = known.get(source.identity)
        if row is None or row.note != reason:
            row = row or noticed(source, now)
            yield "info", f"not backed up: {reason}", row.model_copy(update={"note": reason, "policy": None})
    for identity, row in known.items():
        if identity in told or row.policy != policy.name or row.dropped_at is not None:
            continue
        if identity in there:
            if not selects(policy.select, there[identity]):
                rule = left_out(policy.select, there[identity])
                note = f"policy {policy.name} no longer selects it" + (f" ({rule})" if rule else "")
                yield (
                    "warning",
                    f"{note}; its restore points stay",
                    row.model_copy(update={"policy": None, "note": note}),
                )
        elif row.holds:
            yield "warning", "dropped: it is no longer there; its restore points stay", row

"""Finds the databases of this session: what the policy selects now, or what a person named."""

from __future__ import annotations

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from activities.knowing import know
from holdfast.catalog import Catalog, first_id
from holdfast.catalog.log import Level
from holdfast.model.clock import parse_iso
from holdfast.model.errors import NoSuchSource, SourceUnusable
from holdfast.model.policy import Policy
from holdfast.model.selection import database_matches, glob_matches, not_backed_up, selects, winning_policy
from holdfast.model.session import State
from holdfast.model.source import Source
from holdfast.wiring import Services

bp = df.Blueprint()

#: Sources of one batch orchestration: replay costs grow with the square of it (docs/explanation/durable.md).
BATCH = 100


@bp.activity_trigger(input_name="given")
@answered()
def discover_sources(app: Services, given: Given) -> Answer:
    """Adds the sources to the session and answers how many batches they make."""
    session = given["session"]
    policy = app.catalog.policies.get(given["policy"]).policy
    found = list(app.servers.list_sources())
    named = given.get("databases")
    if named:
        chosen = _named(app.catalog, policy, found, named, session)
    else:
        # Who runs a policy by name means all that it selects; only the clock leaves what two policies select to one.
        others = [p.policy for p in app.catalog.policies.list()] if given.get("slot") else [policy]
        chosen = _selected(app.catalog, policy, others, found, session)
    know(app, session, chosen, found, None if named else policy)
    if given.get("due_since"):
        chosen = _without_point(app.catalog, policy, given["due_since"], chosen, session)
    app.catalog.sessions.add_sources(session, [(s.name, s.key) for s in chosen])
    level: Level = "info" if chosen else "warning"
    app.catalog.log.write(session, level, f"{len(chosen)} of {len(found)} databases are part of this session")
    return {"batches": -(-len(chosen) // BATCH), "sources": len(chosen)}


def _without_point(catalog: Catalog, policy: Policy, since: str, chosen: list[Source], session: str) -> list[Source]:
    """Those of which no scheduled session of this policy has made a point since then."""
    runs = (
        run
        for one in catalog.sessions.list(policy=policy.name, kind="backup", after=first_id(parse_iso(since)))
        if one.slot is not None and one.id != session
        for run in catalog.sessions.get(one.id).sources
    )
    done = {run.key for run in runs if run.state is State.SUCCEEDED}
    left = [source for source in chosen if source.key not in done]
    text = f"tries again what has failed since {since}: {len(left)} of {len(chosen)} databases"
    catalog.log.write(session, "info", text)
    return left


def _named(catalog: Catalog, policy: Policy, found: list[Source], globs: list[str], session: str) -> list[Source]:
    chosen: dict[str, Source] = {}
    for pattern in globs:
        fitting = [s for s in found if database_matches(pattern, s.name)]
        if not fitting:
            server = pattern.rpartition("/")[0]
            servers = sorted({s.server for s in found})
            if server and not any(glob_matches(server, name) for name in servers):
                raise NoSuchSource(
                    f"no server or instance {server!r} was found",
                    help=f"Servers with databases that this installation can see: {', '.join(servers) or 'none'}. "
                    "A missing one needs its subscription in HOLDFAST_SUBSCRIPTIONS and the reader right on it.",
                )
            raise NoSuchSource(
                f"no database matches {pattern!r}",
                help="A name without a slash is a database on any server; `*` stands for any text.",
            )
        for source in fitting:
            reason = not_backed_up(policy.select, source)
            # Whoever names a replica by its whole name means it.
            if reason is None or (source.unfit is None and pattern.lower() == source.name.lower()):
                chosen[source.key] = source
            elif len(fitting) == 1:
                raise SourceUnusable(f"{source.name}: {reason}", help=f"Name a replica whole: {source.name}.")
            else:
                catalog.log.write(session, "info", f"left out: {reason}", source=source.name)
    return sorted(chosen.values(), key=lambda s: s.name)


def _selected(
    catalog: Catalog, policy: Policy, others: list[Policy], found: list[Source], session: str
) -> list[Source]:
    chosen = []
    for source in found:
        if not selects(policy.select, source):
            continue
        winner = winning_policy(source, others)
        if winner is not None and winner.name != policy.name:
            text = f"left to policy {winner.name}, whose priority comes first"
            catalog.log.write(session, "info", text, source=source.name, once=f"left {source.key}")
            continue
        chosen.append(source)
    return sorted(chosen, key=lambda s: s.name)

"""What a session says of databases that came, went, moved or are not backed up: once, and not at every session."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

import activities.discover_sources
import activities.validate_source
from holdfast.catalog import new_id
from holdfast.model.clock import iso
from holdfast.model.policy import policy_from
from holdfast.model.session import Session, State
from holdfast.model.source import Source, SourceKind

_GROUP = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql"
_Activity = Callable[[dict[str, Any]], dict[str, Any]]


class Servers:
    """What Azure has."""

    def __init__(self) -> None:
        self.sources: list[Source] = []
        self.links: dict[str, set[str]] = {}
        self.asked: list[str] = []

    def list_sources(self) -> Iterable[Source]:
        return iter(self.sources)

    def find_source(self, name: str) -> Source:
        return next(s for s in self.sources if s.name == name)

    def partners(self, sources: Iterable[Source]) -> dict[str, set[str]]:
        found = [s.identity for s in sources]
        self.asked += found
        return {identity: self.links.get(identity, set()) for identity in found}


def sql(name: str, guid: str, **more: Any) -> Source:
    server, database = name.split("/")
    return Source(
        kind=SourceKind.SQL_DATABASE,
        resource_id=f"{_GROUP}/servers/{server}/databases/{database}",
        server=server,
        database=database,
        region="westeurope",
        host="h",
        database_guid=guid,
        **more,
    )


@pytest.fixture
def servers(app: Any) -> Servers:
    app.servers = Servers()
    app.catalog.policies.put(policy_from({"name": "p", "priority": 5}))
    return app.servers


@pytest.fixture
def said(app: Any, activity: Callable[..., _Activity], servers: Servers) -> Callable[..., list[str]]:
    """Runs a session of a policy; what its log says of single databases."""
    discover = activity(activities.discover_sources, "discover_sources")

    def run(session: str, policy: str = "p", **more: Any) -> list[str]:
        app.clock.advance(hours=1)
        app.catalog.sessions.create(
            Session(id=session, policy=policy, kind="backup", state=State.RUNNING, started_at=app.clock.now())
        )
        answer = discover({"session": session, "policy": policy, "slot": "x", **more})
        assert answer["ok"], answer
        assert discover({"session": session, "policy": policy, "slot": "x", **more})["ok"], "safe to repeat"
        return [f"{line.source}: {line.message}" for line in app.catalog.log.read(session) if line.source]

    return run


def sources_of(app: Any, session: str) -> set[str]:
    return {run.source for run in app.catalog.sessions.get(session).sources}


def test_a_new_database_is_picked_up_and_said_once(app: Any, servers: Servers, said: Callable[..., list[str]]) -> None:
    servers.sources = [sql("a/one", "g1")]
    assert said("first") == ["a/one: new: policy p takes it from now on"]
    servers.sources.append(sql("a/two", "g2"))
    assert said("second") == ["a/two: new: policy p takes it from now on"]
    assert sources_of(app, "second") == {"a/one", "a/two"}
    assert said("third") == []


def test_a_dropped_database_is_said_once_and_said_again_when_it_returns(
    app: Any, servers: Servers, said: Callable[..., list[str]]
) -> None:
    one, two = sql("a/one", "g1"), sql("a/two", "g2")
    servers.sources = [one, two]
    said("first")
    servers.sources = [one]
    assert said("second") == ["a/two: dropped: it is no longer there; its restore points stay"]
    assert said("third") == []
    servers.sources = [one, two]
    assert said("fourth") == ["a/two: is there again"]
    assert said("fifth") == []


def test_a_renamed_and_a_failed_over_database_are_said_and_keep_their_chains(
    app: Any, servers: Servers, said: Callable[..., list[str]], activity: Callable[..., _Activity]
) -> None:
    servers.sources = [sql("a/one", "g1"), sql("a/two", "g2"), sql("b/two", "g3", secondary="Geo")]
    assert any("b/two: not backed up: a replica (Geo)" in line for line in said("first"))
    assert servers.asked == [], "nothing can have moved in the first session"
    before = {k.name: k.chain for k in app.catalog.known.all()}
    servers.sources = [sql("a/uno", "g1"), sql("a/two", "g2", secondary="Geo"), sql("b/two", "g3")]
    servers.links = {"g3": {"A/two"}}
    lines = said("second")
    assert "a/uno: renamed: it was a/one before; its chain goes on" in lines
    assert "b/two: failed over: the primary was a/two before; its chain goes on here" in lines
    assert not any("dropped" in line or "new:" in line for line in lines)
    assert said("third") == []
    after = {k.name: k.chain for k in app.catalog.known.all() if k.holds}
    assert (after["a/uno"], after["b/two"]) == (before["a/one"], before["a/two"])
    with_chain = activities.validate_source._with_chain(app, servers.find_source("b/two"))
    assert with_chain.chain == before["a/two"]


def test_a_replica_is_said_once_and_backed_up_where_the_policy_says_so(
    app: Any, servers: Servers, said: Callable[..., list[str]]
) -> None:
    servers.sources = [sql("a/one", "g1"), sql("b/one", "g2", secondary="Geo")]
    assert sum("replica" in line for line in said("first")) == 1
    assert sources_of(app, "first") == {"a/one"}
    assert said("second") == []
    app.catalog.policies.put(policy_from({"name": "p", "select": {"replicas": True}}))
    assert said("third") == ["b/one: policy p takes it from now on"]
    assert sources_of(app, "third") == {"a/one", "b/one"}


def test_a_database_that_two_policies_select_goes_to_the_first_and_the_move_is_said(
    app: Any, servers: Servers, said: Callable[..., list[str]]
) -> None:
    servers.sources = [sql("a/one", "g1")]
    said("first")
    app.catalog.policies.put(policy_from({"name": "better", "priority": 1}))
    assert said("second") == ["a/one: left to policy better, whose priority comes first"]
    assert sources_of(app, "second") == set()
    assert said("third", "better") == ["a/one: policy better takes it from now on, not p"]


def test_a_database_that_the_policy_no_longer_selects_is_said_once(
    app: Any, servers: Servers, said: Callable[..., list[str]]
) -> None:
    servers.sources = [sql("a/one", "g1"), sql("a/two", "g2")]
    said("first")
    app.catalog.policies.put(policy_from({"name": "p", "select": {"exclude": {"databases": ["two"]}}}))
    (line,) = said("second")
    assert "no longer selects it (exclude.databases: two)" in line
    assert said("third") == []


def test_naming_a_replica_whole_takes_it_and_a_glob_leaves_it_and_says_so(
    app: Any, servers: Servers, said: Callable[..., list[str]], activity: Callable[..., _Activity]
) -> None:
    servers.sources = [sql("a/one", "g1"), sql("b/one", "g2", secondary="Geo"), sql("c/pool", "g3", unfit="a pool")]
    assert "b/one: left out: a replica (Geo)" in said("glob", databases=["one"])[0]
    assert sources_of(app, "glob") == {"a/one"}
    said("whole", databases=["B/one"])
    assert sources_of(app, "whole") == {"b/one"}
    discover = activity(activities.discover_sources, "discover_sources")
    answer = discover({"session": "whole", "policy": "p", "databases": ["c/pool"]})
    assert answer["error"]["code"] == "source-unusable"


def test_a_chain_that_another_database_goes_on_with_is_never_written_to(app: Any, servers: Servers) -> None:
    from holdfast.model.errors import Conflict
    from holdfast.model.lineage import noticed

    gone = noticed(sql("a/one", "g1"), datetime(2026, 1, 1, tzinfo=UTC)).model_copy(update={"lineage": "g1"})
    app.catalog.known.change(lambda _: [gone])
    with pytest.raises(Conflict, match="another database goes on"):
        activities.validate_source._with_chain(app, sql("a/one", "g1"))


def test_a_session_that_makes_up_for_failed_ones_takes_only_what_has_no_point_since(
    app: Any, servers: Servers, said: Callable[..., list[str]]
) -> None:
    """Also over several of them, and where one failed before it came to its databases."""
    servers.sources = [sql("a/one", "g1"), sql("a/two", "g2"), sql("a/three", "g3")]
    since = iso(app.clock.now())

    def session(*done: str, **more: Any) -> set[str]:
        app.clock.advance(hours=1)
        name = new_id(app.clock.now(), "p")
        app.catalog.sessions.create(Session(id=name, policy="p", started_at=app.clock.now(), slot="x"))
        said(name, **more)
        for run in app.catalog.sessions.get(name).sources:
            state = State.SUCCEEDED if run.source in done else State.FAILED
            app.catalog.sessions.set_source(name, run.key, state)
        return sources_of(app, name)

    assert session("a/one") == {"a/one", "a/two", "a/three"}
    assert session("a/two", due_since=since) == {"a/two", "a/three"}
    assert session(due_since=since) == {"a/three"}
    assert session() == {"a/one", "a/two", "a/three"}

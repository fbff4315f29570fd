"""The list of databases over HTTP: pages that join without a gap, and the filter for what nobody protects."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from holdfast.model.errors import InvalidInput
from holdfast.model.policy import policy_from
from holdfast.model.source import Source, SourceKind
from triggers.http_sources import list_sources
from triggers.routes import Call

_DAILY = {"daily": {"at": ["03:00"], "keep_days": 7}}


def source(name: str) -> Source:
    server, database = name.split("/")
    return Source(
        kind=SourceKind.SQL_DATABASE,
        resource_id=f"/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers/{server}/databases/{database}",
        server=server,
        database=database,
        region="r",
        host="h",
    )


def ask(**query: str) -> Any:
    """Seven databases, two of which the one policy leaves out; the archive's points count for nobody."""
    policy = policy_from({"name": "p", "schedules": _DAILY, "select": {"exclude": {"databases": ["b*"]}}})
    asked: list[list[str]] = []
    app = SimpleNamespace(
        settings=SimpleNamespace(
            repositories={"default": SimpleNamespace(archive=False), "cold": SimpleNamespace(archive=True)}
        ),
        servers=SimpleNamespace(list_sources=lambda: [source(f"s/{n}") for n in ("a", "B1", "b2", "c", "d", "e", "f")]),
        catalog=SimpleNamespace(
            known=SimpleNamespace(all=list),
            drills=SimpleNamespace(proven=dict),
            policies=SimpleNamespace(list=lambda: [SimpleNamespace(policy=policy)]),
            points=SimpleNamespace(newest=lambda leave_out: asked.append(leave_out) or {}),
        ),
    )
    reply = list_sources(Call(app, {}, query, {}, b""))  # type: ignore[arg-type]
    assert asked == [["cold"]]
    return reply.value


@pytest.mark.parametrize("limit", ["1", "2", "3", "7", "500"])
def test_the_pages_hold_every_database_once_and_in_order(limit: str) -> None:
    names: list[str] = []
    after: str | None = ""
    while after is not None:
        page = ask(limit=limit, after=after)
        names += [one["source"] for one in page["value"]]
        after = page["next"]
    assert names == ["s/a", "s/B1", "s/b2", "s/c", "s/d", "s/e", "s/f"]


def test_only_what_no_policy_protects_is_listed_where_that_is_asked_for() -> None:
    assert [one["source"] for one in ask(unprotected="true")["value"]] == ["s/B1", "s/b2"]
    assert [one["source"] for one in ask(unprotected="true", database="b1")["value"]] == ["s/B1"]
    assert len(ask(unprotected="false")["value"]) == 7


def test_a_filter_that_is_neither_true_nor_false_is_refused() -> None:
    with pytest.raises(InvalidInput, match="unprotected"):
        ask(unprotected="maybe")

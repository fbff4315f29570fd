"""Estimates over HTTP: through the real route, with a catalog and a control plane that answer from lists."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest

from holdfast.model.costs import packaged_prices
from holdfast.model.errors import Forbidden, NotFound, StagingServerUnusable
from holdfast.model.point import RestorePoint
from holdfast.model.policy import Policy, policy_from
from holdfast.model.source import Source, SourceKind
from holdfast.settings import RegionProfile, RepositorySettings, Settings, WorkerProfile
from holdfast.wiring import Services
from triggers import http_costs, routes  # noqa: F401 (fills the table of routes)

GB = 10**9
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SERVERS = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers"
NIGHTLY = {"name": "nightly", "schedules": {"daily": {"at": ["03:00"], "keep_days": 7}}}


def source(name: str, **more: Any) -> Source:
    fields = {
        "kind": SourceKind.SQL_DATABASE,
        "resource_id": f"{SERVERS}/sql-a/databases/{name}",
        "server": "sql-a",
        "database": name,
        "region": "westeurope",
        "host": "sql-a.test",
        "objective": "S3",
        "max_size_bytes": 250 * GB,
    }
    return Source(**{**fields, **more})


class Servers:
    """A control plane with these databases, used as far as it says."""

    def __init__(self, *sources: Source, used: dict[str, int] | None = None) -> None:
        self.sources, self.used = sources, used or {}
        self.asked: list[str] = []

    def list_sources(self) -> list[Source]:
        return list(self.sources)

    def used_bytes(self, of: Source) -> int | None:
        self.asked.append(of.name)
        if of.database == "closed":
            raise Forbidden("no")
        return self.used.get(of.database)

    def staging_server(self, resource_id: str) -> Any:
        if resource_id.endswith("/gone"):
            raise StagingServerUnusable("there is no staging server gone")
        return SimpleNamespace(region="northeurope")


class Policies:
    def __init__(self, *policies: Policy) -> None:
        self.known = {policy.name: policy for policy in policies}

    def get(self, name: str) -> Any:
        if name not in self.known:
            raise NotFound(f"there is no policy {name!r}")
        return SimpleNamespace(policy=self.known[name])

    def list(self) -> list[Any]:
        return [SimpleNamespace(policy=policy) for policy in self.known.values()]


class Points:
    def __init__(self, *points: RestorePoint) -> None:
        self.points = points

    def list(self, *, chain: str, repository: str) -> Any:
        return SimpleNamespace(points=[p for p in self.points if (p.chain, p.repository) == (chain, repository)])


def app(servers: Servers, *policies: Policy, points: tuple[RestorePoint, ...] = ()) -> Services:
    region = RegionProfile(size="Standard_D8ds_v5", resource_group="g", subnet="n")
    made = Services(
        Settings(
            repositories={
                "default": RepositorySettings(url="https://x/r", region="westeurope", password_secret="https://v/s/p"),
                "archive": RepositorySettings(
                    url="https://x/a", region="northeurope", password_secret="https://v/s/p", archive=True
                ),
            },
            worker_profiles={
                "standard": WorkerProfile(
                    regions={"westeurope": region, "northeurope": region}, writer_identity="w", writer_client_id="c"
                )
            },
        )
    )
    parts = {
        "servers": servers,
        "clock": SimpleNamespace(now=lambda: NOW),
        "catalog": SimpleNamespace(
            installation="an-id",
            policies=Policies(*policies),
            points=Points(*points),
            sessions=SimpleNamespace(list=lambda **_: []),
        ),
    }
    vars(made).update(parts)
    return made


def ask(of: Services, body: object, monkeypatch: pytest.MonkeyPatch) -> tuple[int, Any]:
    monkeypatch.setattr(routes, "services", lambda: of)
    request = func.HttpRequest("POST", "https://app/api/costs/estimate", body=json.dumps(body).encode())
    served = next(r for r in routes.ROUTES if (r.method, r.path) == ("POST", "costs/estimate"))
    answer = asyncio.run(routes._answer(served, request, client=None))
    return answer.status_code, json.loads(answer.get_body())


def test_a_policy_that_is_not_saved_is_estimated_with_what_azure_knows(monkeypatch) -> None:
    servers = Servers(source("shop"), source("hr"), used={"shop": 10 * GB})
    status, found = ask(app(servers), {"policy": NIGHTLY}, monkeypatch)
    assert status == 200
    by_name = {one["source"]: one for one in found["databases"]}
    assert by_name["sql-a/shop"]["size_from"] == "used size in Azure"
    assert by_name["sql-a/shop"]["size"]["expected"] == 10 * GB
    assert by_name["sql-a/hr"]["size_from"] == "maximum size in Azure"
    assert by_name["sql-a/hr"]["size"] == {"low": 25 * GB, "expected": 100 * GB, "high": 250 * GB}
    assert found["month"]["expected"] == pytest.approx(sum(line["month"]["expected"] for line in found["lines"]))
    assert "vm.Standard_D8ds_v5" in found["prices"]["used"]


def test_the_newest_point_says_how_large_a_database_is(monkeypatch) -> None:
    shop = source("shop")
    point = RestorePoint(
        id="p1",
        source=shop.name,
        chain=shop.chain,
        repository="default",
        created_at=NOW,
        kind="full",
        consistency="live",
        inflated_bytes=3 * GB,
    )
    servers = Servers(shop, used={"shop": 10 * GB})
    _, found = ask(app(servers, points=(point,)), {"policy": NIGHTLY}, monkeypatch)
    assert found["databases"][0]["size"]["expected"] == 3 * GB
    assert found["databases"][0]["size_from"] == "restore point p1"
    assert servers.asked == []


def test_a_size_that_nobody_knows_is_told_and_not_counted(monkeypatch) -> None:
    mine = source("mine", kind=SourceKind.MANAGED_DATABASE, max_size_bytes=None)
    _, found = ask(app(Servers(source("closed"), mine)), {"policy": NIGHTLY}, monkeypatch)
    assert [one["source"] for one in found["databases"]] == ["sql-a/closed"]
    assert any("sql-a/mine" in note and "not counted" in note for note in found["notes"])


def test_databases_of_a_policy_that_comes_first_are_not_counted(monkeypatch) -> None:
    first = policy_from({**NIGHTLY, "name": "first", "priority": 1, "select": {"databases": ["hr"]}})
    servers = Servers(source("shop"), source("hr"))
    _, found = ask(app(servers, first), {"policy": {**NIGHTLY, "priority": 5}}, monkeypatch)
    assert [one["source"] for one in found["databases"]] == ["sql-a/shop"]
    _, found = ask(app(servers, first), {"name": "first"}, monkeypatch)
    assert [one["source"] for one in found["databases"]] == ["sql-a/hr"]


def test_a_saved_policy_is_estimated_as_it_would_be_after_the_edit(monkeypatch) -> None:
    saved = policy_from(NIGHTLY)
    longer = {**NIGHTLY, "schedules": {"daily": {"at": ["03:00"], "keep_days": 70}}}
    of = app(Servers(source("shop")), saved)
    _, now = ask(of, {"name": "nightly"}, monkeypatch)
    _, then = ask(of, {"policy": longer}, monkeypatch)
    assert then["month"]["expected"] > now["month"]["expected"]
    assert then["points"]["living"] > now["points"]["living"]


def test_regions_come_from_settings_and_staging_server(monkeypatch) -> None:
    staged = {**NIGHTLY, "staging": {"sql_server": f"{SERVERS}/staging"}}
    _, found = ask(app(Servers(source("shop"))), {"policy": staged}, monkeypatch)
    items = {line["item"] for line in found["lines"]}
    assert {"transfer-staging", "transfer-backup", "staging-compute"} <= items
    gone = {**NIGHTLY, "staging": {"sql_server": f"{SERVERS}/gone"}}
    status, found = ask(app(Servers(source("shop"))), {"policy": gone}, monkeypatch)
    assert status == 200
    assert any("staging server gone" in note for note in found["notes"])


def test_given_sizes_assumptions_and_prices_take_the_place_of_what_the_app_knows(monkeypatch) -> None:
    servers = Servers(source("shop"))
    prices = packaged_prices().model_copy(update={"currency": "EUR"})
    body = {
        "policy": NIGHTLY,
        "sizes": {"databases": [{"name": "x", "size_gb": 7}], "assumptions": {"change": 0.5}},
        "prices": json.loads(prices.model_dump_json(exclude_none=True)),
    }
    _, found = ask(app(servers), body, monkeypatch)
    assert [one["source"] for one in found["databases"]] == ["x"]
    assert found["currency"] == "EUR"
    assert {line["name"]: line["source"] for line in found["assumptions"]}["change"] == "given"
    assert "vm.Standard_D8ds_v5" in found["prices"]["used"]  # the places are still those of the settings
    assert servers.asked == []


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ({}, 400, "name or policy"),
        ({"name": "nightly", "policy": NIGHTLY}, 400, "not both"),
        ({"name": "nobody"}, 404, "nobody"),
        ({"policy": {"name": "p", "keep": 1}}, 400, "policy.keep"),
        ({"policy": NIGHTLY, "sizes": {"databases": []}}, 400, "sizes.databases"),
        ({"policy": NIGHTLY, "prices": {"currency": "USD"}}, 400, "prices.prices"),
        ({"policy": {**NIGHTLY, "repository": "nowhere"}}, 400, "nowhere"),
        ({"policy": {**NIGHTLY, "worker": "giant"}}, 400, "giant"),
        ({"policy": NIGHTLY, "sessions": -1}, 400, "sessions"),
    ],
)
def test_what_is_wrong_is_named(monkeypatch, body: dict, status: int, named: str) -> None:
    found, answer = ask(app(Servers(source("shop"))), body, monkeypatch)
    assert found == status
    assert named in answer["detail"]


def test_prices_of_the_settings_are_read_or_refused_by_name(tmp_path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(packaged_prices().model_copy(update={"region": "westeurope"}).model_dump_json(exclude_none=True))
    assert Services(Settings(prices=file)).prices.region == "westeurope"
    with pytest.raises(Exception, match=r"HOLDFAST_PRICES: .*none\.yaml"):
        _ = Services(Settings(prices=tmp_path / "none.yaml")).prices

"""The plan of a restore: every hindrance is named before anything is done, and nothing that exists is overwritten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from activities.restore_planning import AskedRestore, Planned, planned
from holdfast.cloud.restore_targets import Found
from holdfast.model.costs import packaged_prices
from holdfast.model.errors import InvalidInput, NoSuchSource, StagingServerUnusable
from holdfast.model.job import RepositoryRef
from holdfast.model.plan import StagingServer
from holdfast.model.point import RestorePoint
from holdfast.model.source import Source, SourceKind
from holdfast.settings import RegionProfile, Settings, WorkerProfile

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
GROUP = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql"
SERVER, INSTANCE = f"{GROUP}/servers/sql", f"{GROUP}/managedInstances/mi"
GIB = 1 << 30


class App:
    """One server and one instance; the point's database still stands on the server unless a test takes it away."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.prices = packaged_prices()
        self.clock = SimpleNamespace(now=lambda: NOW)
        place = RegionProfile(size="Standard_D4ds_v5", resource_group="g", subnet="/subnet")
        self.profile = WorkerProfile(
            regions={"westeurope": place},
            writer_identity="/w",
            writer_client_id="w",
            restorer_identity="/r",
            restorer_client_id="r",
        )
        self.point = RestorePoint(
            id="20260201T030000Z-abcdef01",
            source="sql/sales",
            chain="c",
            repository="default",
            created_at=NOW - timedelta(days=28),
            kind="full",
            consistency="transactional",
            inflated_bytes=40 * GIB,
            stored_bytes=10 * GIB,
            warnings=["User [anna]: is an Entra user"],
        )
        self.original: Source | None = Source(
            kind=SourceKind.SQL_DATABASE,
            resource_id=f"{SERVER}/databases/sales",
            server="sql",
            database="sales",
            region="westeurope",
            host="sql.database.windows.net",
            database_guid="guid",
            objective="S3",
            max_size_bytes=250 * GIB,
        )
        self.there = {"sales": Found(f"{SERVER}/databases/sales", "Online", "guid", {"owner": "anna"})}
        self.hindered: list[str] = []
        self.regions = {SERVER: "westeurope", INSTANCE: "westeurope"}
        self.pools: list[str] = []
        self.lacking: list[str] = []
        self.catalog = SimpleNamespace(points=SimpleNamespace(get=lambda *_, **__: self.point))
        self.servers = SimpleNamespace(find_source=self._find_source, staging_server=self._server)
        self.targets = SimpleNamespace(
            servers_named=lambda name: [one for one in self.regions if one.endswith(f"/{name}")],
            find=lambda resource_id: self.there.get(resource_id.rpartition("/")[2]),
            hindrances=lambda _: self.hindered,
            lacking=lambda _: self.lacking,
            settings_of=lambda _: {"collation": "Latin1_General_CI_AS", "redundancy": "Zone"},
            pool_exists=lambda pool: pool in self.pools,
        )

    def _find_source(self, name: str) -> Source:
        if self.original is None:
            raise NoSuchSource(name)
        return self.original

    def _server(self, resource_id: str) -> StagingServer:
        if resource_id not in self.regions:
            raise StagingServerUnusable(f"there is no staging server {resource_id}")
        kind = SourceKind.MANAGED_DATABASE if resource_id == INSTANCE else SourceKind.SQL_DATABASE
        name = resource_id.rpartition("/")[2]
        return StagingServer(kind=kind, resource_id=resource_id, name=name, region=self.regions[resource_id], host=name)

    def repository(self, name: str) -> RepositoryRef:
        return RepositoryRef(name=name, url="https://x", region="westeurope")

    def worker_profile(self, _name: str) -> WorkerProfile:
        return self.profile

    def place(self, name: str, region: str) -> RegionProfile:
        if region not in self.profile.regions:
            raise InvalidInput(f"worker profile {name!r} has no entry for the region {region}")
        return self.profile.regions[region]

    def plan(self, **asked: Any) -> Planned:
        given = AskedRestore(point=self.point.id, **asked)
        return planned(self, given, "20260301T030000000Z-restore-abcdef", NOW)  # type: ignore[arg-type]


@pytest.fixture
def app() -> App:
    return App()


def hindrances(found: Planned) -> str:
    assert found.plan is None
    return "; ".join(check.detail for check in found.hindrances)


def test_a_new_name_gets_the_size_and_settings_of_the_original(app: App) -> None:
    plan = app.plan(to="sql/sales-march").plan
    assert plan is not None
    assert (plan.database, plan.temporary[:20]) == ("sales-march", "sales-march-restore-")
    assert (plan.sku, plan.max_size_bytes, plan.collation, plan.redundancy) == (
        "S3", 250 * GIB, "Latin1_General_CI_AS", "Zone",
    )  # fmt: skip
    assert (plan.role, plan.replaces, plan.worker_region) == ("restorer", None, "westeurope")


def test_a_name_that_is_taken_is_never_overwritten(app: App) -> None:
    assert "exists, and nothing is overwritten" in hindrances(app.plan(to="sql/sales"))


def test_in_the_original_place_the_old_one_is_renamed_and_kept(app: App) -> None:
    plan = app.plan(original=True, keep_days=30).plan
    assert plan is not None
    assert plan.replaces is not None
    assert (plan.database, plan.replaces.aside, plan.replaces.guid) == ("sales", "sales-pre-20260301T030000Z", "guid")
    assert plan.replaces.expires == NOW + timedelta(days=30)


def test_in_the_original_place_the_pool_is_the_same(app: App) -> None:
    assert app.original is not None
    pool = f"{SERVER}/elasticPools/p1"
    app.original, app.pools = app.original.model_copy(update={"elastic_pool": pool}), [pool]
    plan = app.plan(original=True).plan
    assert plan is not None
    assert (plan.pool, plan.sku) == (pool, "")
    app.pools = []
    assert "no elastic pool p1" in hindrances(app.plan(original=True))


@pytest.mark.parametrize(
    "why", ["it is linked to far/sales (geo-replication or a failover group)", "a lock forbids it: keep (CanNotDelete)"]
)
def test_what_forbids_a_rename_forbids_the_original_place_and_no_other(app: App, why: str) -> None:
    app.hindered = [why]
    assert why in hindrances(app.plan(original=True))
    assert app.plan(to="sql/sales-march").plan is not None


def test_a_database_that_is_gone_cannot_be_replaced_but_made(app: App) -> None:
    app.original, app.there = None, {}
    assert "no sql/sales to be replaced" in hindrances(app.plan(original=True))
    plan = app.plan(to="sql/sales").plan
    assert plan is not None
    assert (plan.sku, plan.max_size_bytes) == ("GP_Gen5_2", 60 * GIB)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"to": "nowhere/sales"}, "there is no server or managed instance nowhere"),
        ({"to": "sql/x", "managed_instance": True}, "there is no managed instance sql"),
        ({"to": "sql/master"}, "cannot be the name"),
        ({"to": "sql/a?b"}, "cannot be the name"),
        ({"to": "sql/a."}, "cannot be the name"),
        ({"to": "sql/x", "sku": "Basic"}, "Basic holds at most"),
        ({"to": "sql/x", "pool": "p1"}, "no elastic pool p1"),
    ],
)
def test_what_stands_in_the_way_is_named(app: App, asked: dict[str, Any], says: str) -> None:
    assert says in hindrances(app.plan(**asked))


def test_another_region_needs_a_worker_there(app: App) -> None:
    app.regions[f"{GROUP}/servers/far"] = "northeurope"
    assert "no entry for the region northeurope" in hindrances(app.plan(to="far/sales"))


def test_a_resource_id_names_a_server_in_any_subscription(app: App) -> None:
    other = SERVER.replace("/subscriptions/s/", "/subscriptions/other/")
    app.regions[other] = "westeurope"
    plan = app.plan(to=f"{other}/databases/sales-march").plan
    assert plan is not None
    assert plan.target.resource_id == other


def test_an_instance_takes_no_size(app: App) -> None:
    plan = app.plan(to="mi/sales-march").plan
    assert plan is not None
    assert (plan.managed, plan.sku, plan.max_size_bytes, plan.temporary_id[: len(INSTANCE)]) == (
        True,
        "",
        None,
        INSTANCE,
    )
    assert plan.connection.managed_instance


@pytest.mark.parametrize("asked", [{}, {"to": "sql/x", "original": True}, {"to": "sales"}, {"to": "sql/"}])
def test_where_to_is_said_once_and_whole(app: App, asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        app.plan(**asked)


def test_an_objective_that_is_none_is_refused(app: App) -> None:
    with pytest.raises(InvalidInput, match="no service objective"):
        app.plan(to="sql/x", sku="huge")


def test_a_point_in_the_archive_says_what_it_costs_and_how_long_it_takes(app: App) -> None:
    plain = app.plan(to="sql/x").quote
    app.point = app.point.model_copy(update={"tier": "archive"})
    standard, high = (app.plan(to="sql/x", priority=priority) for priority in ("Standard", "High"))
    assert "rehydrated first" in "; ".join(c.detail for c in standard.checks if c.outcome == "warning")
    assert plain is not None
    assert standard.quote is not None
    assert high.quote is not None
    assert plain.hours.high < high.quote.hours.high < standard.quote.hours.high
    assert plain.total.expected < standard.quote.total.expected < high.quote.total.expected
    assert standard.plan is not None
    assert standard.plan.archived


def test_without_a_restorer_the_writer_does_it_and_that_is_told(app: App) -> None:
    app.profile = app.profile.model_copy(update={"restorer_identity": None, "restorer_client_id": None})
    found = app.plan(to="sql/x")
    assert found.plan is not None
    assert found.plan.role == "writer"
    assert "no restorer identity" in "; ".join(c.detail for c in found.checks if c.outcome == "warning")


def test_what_a_person_must_do_is_said_beforehand(app: App) -> None:
    afterwards = app.plan(to="sql/x").afterwards
    assert "User [anna]: is an Entra user" in afterwards
    assert any("firewall" in one for one in afterwards)


def test_a_right_that_the_app_lacks_is_named_before_anything_is_done(app: App) -> None:
    app.lacking = ["Microsoft.Sql/servers/databases/move/action"]
    found = app.plan(to="sql/x")
    assert "databases/move/action" in hindrances(found)
    assert "databases/move/action" in found.hindrances[0].help

"""The configuration database over HTTP: out, in, and filled again from the repositories."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from holdfast.model.catalog_file import CatalogHead, CatalogRow, Identity, Taken
from triggers.http_sessions import STARTS, started
from triggers.routes import AFTER, Call, Reply, page, route
from triggers.views import Glob


class ImportRows(BaseModel):
    """Some rows of an export, with its head."""

    model_config = ConfigDict(extra="forbid")

    head: CatalogHead
    rows: list[CatalogRow] = Field(max_length=5000)
    identity: Identity = Field(default="keep", description="whether this catalog becomes the exported installation")
    last: bool = Field(default=False, description="no more rows follow")
    dry_run: bool = False


def _json(model: BaseModel) -> Any:
    return model.model_dump(mode="json", by_alias=True)


@route("GET", "catalog", "The head of an export of the configuration database", gives=CatalogHead)
def catalog_head(call: Call) -> Reply:
    return Reply(_json(call.app.catalog.transfer.head(call.app.settings.installation)))


@route(
    "GET",
    "catalog/rows",
    "The configuration database row by row, without secrets; pages of about 2 MB",
    gives=CatalogRow,
    many=True,
    parameters=(AFTER,),
)
def catalog_rows(call: Call) -> Reply:
    rows, after = call.app.catalog.transfer.page(call.query.get("after", ""))
    return Reply(page([_json(row) for row in rows], after))


@route(
    "POST",
    "catalog/rows",
    "Adds exported rows that are not there; what is there is never overwritten",
    takes=ImportRows,
    gives=Taken,
)
def import_rows(call: Call) -> Reply:
    asked = call.body(ImportRows)
    taken = call.app.catalog.transfer.take(
        asked.head, asked.rows, identity=asked.identity, dry_run=asked.dry_run, last=asked.last
    )
    return Reply(_json(taken))


class Rebuild(BaseModel):
    """Fills the catalog again from the repositories alone."""

    model_config = ConfigDict(extra="forbid")

    repositories: list[str] | None = Field(default=None, max_length=50, description="absent: all that are configured")
    adopt: bool = Field(default=False, description="take the chains over, too")
    dry_run: bool = False
    worker: str = Field(default="standard", description="worker profile")


class Adopt(BaseModel):
    """Makes this installation the owner of chains: it may then remove points of them."""

    model_config = ConfigDict(extra="forbid")

    databases: list[Glob] | None = Field(default=None, max_length=50, description="globs; absent: all chains")
    dry_run: bool = False
    worker: str = Field(default="standard", description="worker profile")


@route("POST", "catalog/rebuild", "Fills the points in again from the repositories", takes=Rebuild, **STARTS)
def rebuild_catalog(call: Call) -> Reply:
    asked = call.body(Rebuild)
    for name in asked.repositories or []:
        call.app.repository(name)
    call.app.worker_profile(asked.worker)
    given: dict[str, object] = {
        "repositories": asked.repositories,
        "adopt": asked.adopt,
        "dry_run": asked.dry_run,
        "worker_profile": asked.worker,
    }
    return started(call, "rebuild", None, given, "rebuild")


@route("POST", "repositories/{name}/adopt", "Takes chains of a repository over", takes=Adopt, **STARTS)
def adopt_repository(call: Call) -> Reply:
    asked = call.body(Adopt)
    name = call.app.repository(call.path["name"]).name
    call.app.worker_profile(asked.worker)
    given: dict[str, object] = {
        "repositories": [name],
        "databases": asked.databases,
        "adopt": True,
        "dry_run": asked.dry_run,
        "worker_profile": asked.worker,
    }
    return started(call, "adopt", None, given, f"adopt-{name}")

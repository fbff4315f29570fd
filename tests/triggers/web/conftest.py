"""The pages in process: the real routes, templates and handlers over a catalog and a control plane of plain lists."""

from __future__ import annotations

import base64
import json
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from holdfast.model.session import LogEntry
from holdfast.settings import RegionProfile, RepositorySettings, Settings, WorkerProfile
from holdfast.wiring import Services
from tests.chromium.window import axe, browser  # noqa: F401 (fixtures)
from tests.triggers.web.fakes import NOW, Points, Policies, Sessions, Visits
from tests.triggers.web.made_up import Site
from triggers import routes, web


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    """A signed-in browser before an empty installation."""
    region = RegionProfile(size="Standard_D8ds_v5", resource_group="g", subnet="n")
    app = Services(
        Settings(
            repositories={
                "default": RepositorySettings(url="https://x/r", region="westeurope", password_secret="https://v/s/p"),
                "archive": RepositorySettings(
                    url="https://x/a", region="northeurope", password_secret="https://v/s/p", archive=True
                ),
            },
            worker_profiles={
                "standard": WorkerProfile(regions={"westeurope": region}, writer_identity="w", writer_client_id="c")
            },
        )
    )
    sessions, proven = Sessions(), []
    sessions.occasions = {}
    catalog = SimpleNamespace(
        installation="an-id",
        visits=Visits(),
        policies=Policies(),
        sessions=sessions,
        points=Points(),
        proven=proven,
        retention=SimpleNamespace(proofs=lambda: list(proven), holds=list),
        retention_runs=SimpleNamespace(alarms=lambda name: [], approved=lambda name: set()),
        known=SimpleNamespace(all=list),
        promises=SimpleNamespace(broken=list),
        drills=SimpleNamespace(proven=dict),
        outbox=SimpleNamespace(counts=lambda names: Counter()),
        workers=SimpleNamespace(list=list),
        jobs=SimpleNamespace(open_jobs=list),
        log=SimpleNamespace(
            lines=[],
            read=lambda name, limit=None: catalog.log.lines[:limit],
            page=lambda name, after="", limit=None: [(str(n), line) for n, line in enumerate(catalog.log.lines)][
                :limit
            ],
        ),
        standings=lambda **_: iter(()),
    )
    servers = SimpleNamespace(sources=[], used_bytes=lambda of: None, list_copies=lambda installation: [])
    servers.list_sources = lambda: list(servers.sources)
    parts = {
        "clock": SimpleNamespace(now=lambda: NOW),
        "catalog": catalog,
        "servers": servers,
        "machines": SimpleNamespace(list=lambda installation: []),
        "targets": SimpleNamespace(made=list),
        "doctor": SimpleNamespace(examine=lambda policies: []),
        "dispatch": SimpleNamespace(heartbeat=lambda session, job: None, cancel=lambda session, job: None),
        "exports": SimpleNamespace(link=lambda blob, life: f"https://x/exports/{blob}?sig=s"),
    }
    vars(app).update(parts)
    for module in (routes, web):
        monkeypatch.setattr(module, "services", lambda: app)
    found = Site(app)
    found.sign_in()
    return found


@pytest.fixture
def line() -> Any:
    """Makes a line of a log."""
    return lambda message, level="info": LogEntry(at=NOW, level=level, message=message)


@pytest.fixture
def principal() -> Any:
    """The platform's header for somebody with app roles."""

    def made(name: str, *roles: str) -> dict[str, str]:
        claims = [{"typ": "preferred_username", "val": name}, *({"typ": "roles", "val": role} for role in roles)]
        told = {"auth_typ": "aad", "claims": claims, "name_typ": "name", "role_typ": "roles"}
        return {"x-ms-client-principal": base64.b64encode(json.dumps(told).encode()).decode()}

    return made

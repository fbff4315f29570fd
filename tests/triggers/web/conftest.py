"""The pages in process: the real routes, templates and handlers over a catalog and a control plane of plain lists."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import azure.functions as func
import pytest
from aiohttp import web as http

from holdfast.catalog import Proven
from holdfast.model.errors import Conflict, NotFound
from holdfast.model.point import RestorePoint
from holdfast.model.policy import Policy, policy_from
from holdfast.model.protection import NewestPoint
from holdfast.model.session import LogEntry, Session, State
from holdfast.model.source import Source, SourceKind
from holdfast.settings import RegionProfile, RepositorySettings, Settings, WorkerProfile
from holdfast.wiring import Services
from tests.chromium.window import axe, browser  # noqa: F401 (fixtures)
from triggers import routes, web

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SERVERS = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers"
NIGHTLY: dict[str, Any] = {"name": "nightly", "schedules": {"daily": {"at": ["03:00"], "keep_days": 7}}}
#: A name as nobody should give it, in every place where a name is shown.
HOSTILE = "<script>alert(1)</script>\"' onerror=x &amp; {{7*7}}"


class Visits:
    """Visits of this test."""

    def __init__(self) -> None:
        self.open: set[str] = set()

    def begin(self) -> str:
        self.open.add(secret := f"secret-{len(self.open)}")
        return secret

    def is_open(self, secret: str) -> bool:
        return secret in self.open

    def end(self, secret: str) -> None:
        self.open.discard(secret)


class Policies:
    def __init__(self) -> None:
        self.known: dict[str, Policy] = {}

    def get(self, name: str) -> Any:
        if name not in self.known:
            raise NotFound(f"there is no policy {name!r}")
        return SimpleNamespace(policy=self.known[name], etag=f"etag-of-{name}", changed_at=NOW)

    def list(self) -> list[Any]:
        return [self.get(name) for name in sorted(self.known)]

    def put(self, policy: Policy, *, etag: str | None = None) -> Any:
        there = f"etag-of-{policy.name}" if policy.name in self.known else ""
        if etag is not None and etag != there:
            raise Conflict(f"policy {policy.name} was changed since it was read")
        self.known[policy.name] = policy
        return self.get(policy.name)

    def delete(self, name: str, *, etag: str | None = None) -> None:
        self.get(name)
        del self.known[name]


class Sessions:
    def __init__(self) -> None:
        self.known: dict[str, Session] = {}

    def get(self, name: str, *, sources: bool = True) -> Session:
        if name not in self.known:
            raise NotFound(f"there is no session {name}")
        return self.known[name]

    def list(self, *, after: str = "", policy: str | None = None, state: State | None = None, kind: str | None = None):
        return [
            one
            for name, one in sorted(self.known.items())
            if name > after and policy in (None, one.policy) and state in (None, one.state) and kind in (None, one.kind)
        ]

    def source(self, name: str, key: str) -> Any:
        raise NotFound(f"session {name} has no such source")

    def unended(self) -> Any:
        return [one for one in self.known.values() if one.state in (State.PENDING, State.RUNNING)]

    def counts(self, name: str) -> Counter[State]:
        return Counter(one.state for one in self.known[name].sources)

    def create(self, session: Session) -> Session:
        return self.known.setdefault(session.id, session)

    def once(self, occasion: str, name: str) -> str:
        return self.occasions.setdefault(occasion, name)

    occasions: dict[str, str]

    def request_cancel(self, name: str) -> bool:
        self.known[name] = self.get(name).model_copy(update={"cancel_requested": True})
        return True


class Points:
    def __init__(self) -> None:
        self.known: list[RestorePoint] = []

    def get(self, name: str, *, repository: str | None = None) -> RestorePoint:
        for one in self.known:
            if one.id == name and repository in (None, one.repository):
                return one
        raise NotFound(f"there is no point {name}")

    def list(self, *, chain: str, absent: bool = False, **_: Any) -> Any:
        return SimpleNamespace(points=[one for one in self.known if one.chain == chain])

    def since(self, chain: str, moment: datetime) -> Any:
        return [one for one in self.known if one.chain == chain and one.created_at >= moment]

    def everything(self) -> Iterable[RestorePoint]:
        return iter(self.known)

    def newest(self, *, leave_out: Any = ()) -> dict[str, NewestPoint]:
        return {
            one.chain: NewestPoint(id=one.id, chain=one.chain, source=one.source, created_at=one.created_at)
            for one in sorted(self.known, key=lambda one: one.created_at)
        }


class Answer:
    """What a browser gets."""

    def __init__(self, raw: func.HttpResponse) -> None:
        self.status, self.headers, self.content = raw.status_code, raw.headers, raw.get_body()
        self.kind = raw.mimetype or ""

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def words(self) -> str:
        """What a person reads, with single spaces."""
        reader = _Reader()
        reader.feed(self.text)
        return " ".join(" ".join(reader.parts).split())

    @property
    def elements(self) -> list[tuple[str, dict[str, str | None]]]:
        reader = _Reader()
        reader.feed(self.text)
        return reader.elements


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


def _served(built: Any) -> Any:
    """The function itself, without what the SDK puts around it for the host."""
    function = built.build().get_user_function()
    return getattr(function, "client_function", function)


def _waited(coroutine: Any) -> Any:
    """Its result. On a thread of its own, since Playwright keeps a loop running on the test's."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


class Site:
    """The app with what a test puts into it, and a browser that is signed in."""

    def __init__(self, app: Services) -> None:
        self.app, self.catalog = app, app.catalog
        self.servers: Any = app.servers
        self.started: list[tuple[str, str, Any]] = []
        self.cookie = ""

    # --- a browser -------------------------------------------------------------------------------------------------

    def sign_in(self) -> None:
        answer = _waited(_served(web.web_key)(self._request("POST", "web-key", b"", {})))
        self.cookie = str(answer.headers["Set-Cookie"]).partition(";")[0]

    def get(self, path: str, **headers: str) -> Answer:
        return self._ask("GET", path, b"", headers)

    def post(self, path: str, *, own: bool = True, headers: dict[str, str] | None = None, **form: str) -> Answer:
        token = {"csrf": self.csrf()} if own else {}
        return self._ask("POST", path, urlencode({**token, **form}).encode(), headers or {})

    def csrf(self) -> str:
        """From a page, as a browser has it."""
        found = re.search(r'name="csrf" value="(\w+)"', self.get("policies").text)
        assert found is not None
        return found[1]

    async def serve(self, request: http.Request) -> http.Response:
        """Answers a real browser over HTTP, as the host would."""
        rest = request.rel_url.path.removeprefix("/api/")
        asked = func.HttpRequest(
            request.method,
            str(request.url),
            headers=dict(request.headers),
            params=dict(request.query),
            route_params={"rest": rest.removeprefix("web").strip("/")},
            body=await request.read(),
        )
        answer = await (_served(web.web_key)(asked) if rest == "web-key" else _served(web.web)(asked, client=self))
        text = "; charset=utf-8" if answer.mimetype.startswith("text/") else ""  # as the SDK adds it
        headers = {**answer.headers, "content-type": answer.mimetype + text}
        return http.Response(body=answer.get_body(), status=answer.status_code, headers=headers)

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        return Answer(_waited(_served(web.web)(self._request(method, path, body, headers), client=self)))

    def _request(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> func.HttpRequest:
        parts = urlsplit(path)
        return func.HttpRequest(
            method,
            f"https://app.example/api/web/{path}",
            headers={"cookie": self.cookie, "accept": "text/html", **headers},
            params=dict(parse_qsl(parts.query)),
            route_params={"rest": unquote(parts.path)},
            body=body,
        )

    # --- the durable client ----------------------------------------------------------------------------------------

    async def start_new(self, orchestrator: str, instance: str, given: Any) -> str:
        self.started.append((orchestrator, instance, given))
        return instance

    # --- what is in the world --------------------------------------------------------------------------------------

    def policy(self, **fields: Any) -> Policy:
        made = policy_from({**NIGHTLY, **fields})
        self.catalog.policies.known[made.name] = made
        return made

    def source(self, name: str, **more: Any) -> Source:
        made = Source(
            kind=SourceKind.SQL_DATABASE,
            resource_id=f"{SERVERS}/sql-a/databases/{len(self.servers.sources)}",
            server="sql-a",
            database=name,
            region="westeurope",
            host="sql-a.test",
            objective="S3",
            max_size_bytes=10**9,
            status="Online",
            **more,
        )
        self.servers.sources.append(made)
        return made

    def point(self, source: Source, *, ago: timedelta = timedelta(hours=9), **more: Any) -> RestorePoint:
        at = NOW - ago
        fields = {
            "id": f"{at:%Y%m%dT%H%M%SZ}-{source.chain[:8]}",
            "source": source.name,
            "chain": source.chain,
            "repository": "default",
            "created_at": at,
            "kind": "full",
            "consistency": "transactional",
            "stored_bytes": 4_000_000,
            "inflated_bytes": 12_000_000,
        }
        made = RestorePoint.model_validate({**fields, **more})
        self.catalog.points.known.append(made)
        return made

    def session(self, state: State, *, ago: timedelta = timedelta(hours=9), **more: Any) -> Session:
        at = NOW - ago
        ended = None if state in (State.PENDING, State.RUNNING) else at + timedelta(minutes=7)
        fields = {"id": f"{at:%Y%m%dT%H%M%S}000Z-nightly-{len(self.catalog.sessions.known):06d}", "policy": "nightly"}
        made = Session(**{**fields, "state": state, "started_at": at, "ended_at": ended, **more})
        self.catalog.sessions.known[made.id] = made
        return made

    def proven(self, point: RestorePoint) -> None:
        self.catalog.proven.append(Proven(point.repository, point.chain, point.id, NOW - timedelta(days=1)))


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
    import base64

    def made(name: str, *roles: str) -> dict[str, str]:
        claims = [{"typ": "preferred_username", "val": name}, *({"typ": "roles", "val": role} for role in roles)]
        told = {"auth_typ": "aad", "claims": claims, "name_typ": "name", "role_typ": "roles"}
        return {"x-ms-client-principal": base64.b64encode(json.dumps(told).encode()).decode()}

    return made

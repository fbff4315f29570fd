"""A made-up installation behind the real pages, and a browser that is signed in to it."""

from __future__ import annotations

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import azure.functions as func
from aiohttp import web as http

from holdfast.catalog import Proven
from holdfast.model.point import RestorePoint
from holdfast.model.policy import Policy, policy_from
from holdfast.model.session import Session, State
from holdfast.model.source import Source, SourceKind
from holdfast.wiring import Services
from tests.triggers.web.fakes import NOW
from triggers import web

SERVERS = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers"
NIGHTLY: dict[str, Any] = {"name": "nightly", "schedules": {"daily": {"at": ["03:00"], "keep_days": 7}}}


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

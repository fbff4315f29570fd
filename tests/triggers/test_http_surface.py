"""The HTTP API: what it serves is what it documents, and what goes wrong is said as a problem, never as a traceback."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest
from openapi_spec_validator import validate

import triggers.http_api
from holdfast.model.errors import NotFound
from triggers import routes
from triggers.openapi import document
from triggers.routes import ROUTES, Call, Reply, Route


def served(handler: Any, **about: Any) -> Route:
    return Route("POST", "things/{name}", "thing", "A thing", handler, **about)


def ask(route: Route, monkeypatch: pytest.MonkeyPatch, body: bytes = b"", **query: str) -> tuple[int, Any, Any]:
    monkeypatch.setattr(routes, "services", SimpleNamespace)
    request = func.HttpRequest("POST", "https://app/api/things/a", params=query, route_params={"name": "a"}, body=body)
    answer = asyncio.run(routes._answer(route, request, client=None))
    return answer.status_code, answer, json.loads(answer.get_body() or b"null")


def test_the_document_is_valid_and_has_every_route() -> None:
    made = document(ROUTES)
    validate(made)
    assert {(m.upper(), p) for p, ops in made["paths"].items() for m in ops} == {
        (r.method, f"/{r.path}") for r in ROUTES
    }
    assert all(r.summary for r in ROUTES)


def test_every_route_is_closed_by_a_function_key() -> None:
    found = {f.get_function_name(): f.get_trigger() for f in _functions()}
    assert set(found) == {r.name for r in ROUTES}
    assert {str(t.auth_level).rpartition(".")[2] for t in found.values()} == {"FUNCTION"}


def _functions() -> list[Any]:
    import azure.durable_functions as df

    app = df.DFApp()
    app.register_functions(triggers.http_api.bp)
    return app.get_functions()


def test_an_error_is_a_problem_document_with_code_and_help(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(call: Call) -> Reply:
        raise NotFound(f"there is no thing {call.path['name']!r}")

    status, answer, body = ask(served(missing), monkeypatch)
    assert status == 404
    assert answer.mimetype == "application/problem+json"
    assert body["code"] == "not-found"
    assert "'a'" in body["detail"]
    assert body["help"]


def test_what_nobody_foresaw_shows_no_message_of_a_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(call: Call) -> Reply:
        raise ValueError("sig=secret-of-somebody")

    status, answer, body = ask(served(broken), monkeypatch)
    assert (status, body["code"]) == (500, "internal")
    assert b"secret-of-somebody" not in answer.get_body()


@pytest.mark.parametrize("limit", ["0", "-1", "501", "ten", "١٠", "1e3", ""])
def test_a_limit_that_is_no_number_in_range_is_named(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    status, _, body = ask(served(lambda call: Reply(call.number("limit", 100, 500))), monkeypatch, limit=limit)
    assert status == 400
    assert "limit" in body["detail"]


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"unknown": 1}', b"\xff", b'{"policy": 7}'])
def test_a_body_that_does_not_fit_is_refused_by_field(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    from triggers.views import StartBackup

    status, _, answer = ask(served(lambda call: Reply(call.body(StartBackup).policy)), monkeypatch, body=body)
    assert status == 400
    assert answer["code"] == "invalid-input"

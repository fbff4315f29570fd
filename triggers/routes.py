"""The HTTP API's one table of routes: what is served, what the OpenAPI document says, and how a call is answered.

Every route is closed by a function key. A handler is plain: a call in, a reply out, `HoldfastError` for what went wrong;
what starts an orchestration is named in the reply and started here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar

import azure.durable_functions as df
import azure.functions as func
import structlog
from pydantic import BaseModel, ValidationError

from holdfast.model.errors import ErrorInfo, HoldfastError, InvalidInput
from holdfast.model.policy import explain_validation
from holdfast.wiring import Services, services
from triggers.starting import Start, begin

_log = structlog.get_logger("http")

_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True)
class Call:
    """One request, taken apart."""

    app: Services
    path: dict[str, str]
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes

    def text(self) -> str:
        """The body as text. Raises InvalidInput where it is none."""
        try:
            return self.raw.decode("utf-8")
        except UnicodeDecodeError:
            raise InvalidInput("the body is not UTF-8") from None

    def body(self, model: type[_Model]) -> _Model:
        """The body as a model. Raises InvalidInput that names each wrong field."""
        try:
            return model.model_validate_json(self.raw or b"{}")
        except ValidationError as error:
            raise InvalidInput(f"the body: {explain_validation(error)}") from None

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number of the query, from 1 to `most`. Raises InvalidInput."""
        text = self.query.get(name, str(default))
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
            raise InvalidInput(f"{name} must be a whole number from 1 to {most}, not {text!r}")
        return int(text)


@dataclass(frozen=True)
class Reply:
    """An answer: JSON, and what it starts."""

    value: Any = None
    status: int = 200
    start: Start | None = None
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Reply]


@dataclass(frozen=True)
class Parameter:
    """A query parameter or header of a route, for the OpenAPI document."""

    name: str
    about: str
    where: str = "query"
    kind: str = "string"


@dataclass(frozen=True)
class Route:
    """One method of one path."""

    method: str
    path: str
    name: str
    summary: str
    handler: Handler
    takes: type[BaseModel] | None = None
    gives: type[BaseModel] | None = None
    many: bool = False
    status: int = 200
    parameters: tuple[Parameter, ...] = ()
    takes_yaml: bool = False


ROUTES: list[Route] = []

AFTER = Parameter("after", "cursor of the page before: the `next` of its answer")
LIMIT = Parameter("limit", "how many at most, 1 to 500; default 100", kind="integer")
IDEMPOTENCY = Parameter("Idempotency-Key", "the same key starts one session, however often it is sent", where="header")


def route(
    method: str, path: str, summary: str, **about: Any
) -> Callable[[Callable[[Call], Reply]], Callable[[Call], Reply]]:
    """Adds a handler to the table."""

    def add(handler: Callable[[Call], Reply]) -> Callable[[Call], Reply]:
        ROUTES.append(Route(method, path, handler.__name__, summary, handler, **about))
        return handler

    return add


def page(values: list[Any], after: str | None) -> dict[str, Any]:
    """A page of a list; `next` is null on the last."""
    return {"value": values, "next": after}


def problem(info: ErrorInfo) -> func.HttpResponse:
    """An error as RFC 9457's problem document, with the same code as everywhere else."""
    body = {
        "type": f"https://holdfast.dev/errors/{info.code}",
        "title": info.title,
        "status": info.http_status,
        "detail": info.detail,
        "code": info.code,
        "help": info.help,
        "exit_code": info.exit_code,
    }
    headers = {"Retry-After": "5"} if info.http_status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return func.HttpResponse(
        json.dumps(body), status_code=info.http_status, mimetype="application/problem+json", headers=headers
    )


def serve(blueprint: df.Blueprint, served: Route) -> None:
    """Makes a function of a route."""

    async def handle(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
        return await _answer(served, req, client)

    handle.__name__ = served.name
    # The decorators wrap from the inside out: client binding, trigger, name.
    bound = blueprint.durable_client_input(client_name="client")(handle)
    triggered = blueprint.route(route=served.path, methods=[served.method], auth_level=func.AuthLevel.FUNCTION)(bound)
    blueprint.function_name(served.name)(triggered)


async def _answer(served: Route, req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    call = Call(
        app=services(),
        path=dict(req.route_params),
        query=dict(req.params),
        headers={k.lower(): v for k, v in req.headers.items()},
        raw=req.get_body(),
    )
    try:
        reply = await asyncio.to_thread(served.handler, call)
        if reply.start is not None:
            await begin(client, reply.start)
    except HoldfastError as error:
        return problem(error.info())
    except Exception as error:  # noqa: BLE001 (the last line before the wire: a person gets a problem, not a traceback)
        _log.exception("request failed", function=served.name)
        return problem(HoldfastError(f"{type(error).__name__} while answering {served.method} {served.path}").info())
    headers = dict(reply.headers)
    if reply.status == HTTPStatus.ACCEPTED:
        headers.setdefault("Retry-After", "2")
    body = "" if reply.value is None else json.dumps(reply.value)
    return func.HttpResponse(body, status_code=reply.status, mimetype="application/json", headers=headers)

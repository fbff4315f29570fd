"""Serves the pages: one function below one route, and one that takes a function key once and opens a visit.

They stand below `api/` like every function of an app (the route prefix of host.json is one for all), in Azure and locally
alike. The platform asks no key for them, since a browser that follows a link has none to show; who may see what is decided
here, in `visitors`. `web-key` is closed by a key: whoever gets through to it had one.
"""

from __future__ import annotations

import asyncio
import secrets
from http import HTTPStatus
from urllib.parse import quote, urlencode

import azure.durable_functions as df
import azure.functions as func
import structlog

from holdfast.catalog.visits import VISIT_LIFE
from holdfast.model.errors import HoldfastError, NotFound
from holdfast.web.rendering import BASE, Frame, assets, render
from holdfast.web.signs import Again, NotSignedIn, SignIn, Wrong
from holdfast.wiring import Services, services
from triggers import web_machines, web_overview, web_points, web_policies, web_restores, web_sessions, web_sources
from triggers.routes import problem
from triggers.starting import begin
from triggers.visitors import Visitor, cookie_of, set_cookie, visitor
from triggers.web_table import Moved, Shown, Visit, find, form_of

_log = structlog.get_logger("web")

#: Importing them fills the table of pages.
PARTS = (web_overview, web_sources, web_policies, web_sessions, web_points, web_restores, web_machines)

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Accept, Cookie",
}
_FOR_EVER = "public, max-age=31536000, immutable"

bp = df.Blueprint()


@bp.function_name("web")
@bp.route(route="web/{*rest}", methods=["GET", "POST"], auth_level=func.AuthLevel.ANONYMOUS)
@bp.durable_client_input(client_name="client")
async def web(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Every page."""
    path = (req.route_params.get("rest") or "").strip("/")
    if path.startswith("static/"):
        return _static(path)
    if path == "sign-in":
        return await asyncio.to_thread(_sign_in, services(), req)
    wants_json = path.endswith(".json") or _prefers_json(req.headers.get("accept", ""))
    path = path.removesuffix(".json")
    path = "" if path == "overview" else path
    headers = {name.lower(): value for name, value in req.headers.items()}
    who: Visitor | None = None
    try:
        app = services()
        who = await asyncio.to_thread(visitor, app, headers)
        answer = await asyncio.to_thread(_answer, app, who, req, path, headers)
        if isinstance(answer, Moved):
            if answer.start is not None:
                await begin(client, answer.start)
            return _response(req, "", HTTPStatus.SEE_OTHER, who, location=answer.to)
        if wants_json:
            return _response(
                req, answer.view.model_dump_json(by_alias=True), answer.status, who, kind="application/json"
            )
        return _response(req, render(answer.template, answer.view, _frame(app, who, path, req)), answer.status, who)
    except NotSignedIn as error:
        if wants_json or req.method != "GET":
            return _as_problem(error)
        return _to_sign_in(req, services(), headers)
    except HoldfastError as error:
        return _wrong(req, error, who, path, as_json=wants_json)
    except Exception as error:  # noqa: BLE001 (the last line before the wire: a person gets a page, not a traceback)
        _log.exception("page failed", path=path)
        told = HoldfastError(f"{type(error).__name__} while showing /{path}")
        return _wrong(req, told, who, path, as_json=wants_json)


@bp.function_name("web_key")
@bp.route(route="web-key", methods=["GET", "POST"], auth_level=func.AuthLevel.FUNCTION)
async def web_key(req: func.HttpRequest) -> func.HttpResponse:
    """Opens a visit for whoever has a key: by header from the sign-in page, or by a link that holds it."""
    try:
        secret = await asyncio.to_thread(_begin_visit)
    except HoldfastError as error:
        return _as_problem(error)
    status = HTTPStatus.NO_CONTENT if req.method == "POST" else HTTPStatus.SEE_OTHER
    cookie = set_cookie(secret, req.url, life=int(VISIT_LIFE.total_seconds()))
    return func.HttpResponse("", status_code=status, headers={**_HEADERS, "Location": BASE, "Set-Cookie": cookie})


def _begin_visit() -> str:
    return services().catalog.visits.begin()


def _answer(app: Services, who: Visitor, req: func.HttpRequest, path: str, headers: dict[str, str]) -> Shown | Moved:
    form = form_of(req.get_body()) if req.method == "POST" else {}
    if req.method == "POST":
        who.require_own_form(form, headers)
    if (req.method, path) == ("POST", "sign-out"):
        app.catalog.visits.end(cookie_of(headers))
        return Moved(f"{BASE}sign-in")
    found = find(req.method, path)
    if found is None:
        raise NotFound(f"there is no page /{path}", help="The pages are listed at the top.")
    served, parts = found
    who.require(served.right)
    return served.handler(Visit(app, who, parts, dict(req.params), form))


def _sign_in(app: Services, req: func.HttpRequest) -> func.HttpResponse:
    frame = Frame(now=app.clock.now(), path="sign-in")
    home = BASE + quote(req.params.get("next", ""), safe="/?=&%")  # below our own pages, whatever it is
    view = SignIn(entra=app.settings.entra_sign_in, home=home)
    return _response(req, render("sign_in.html", view, frame), HTTPStatus.OK, None)


def _to_sign_in(req: func.HttpRequest, app: Services, headers: dict[str, str]) -> func.HttpResponse:
    """To the sign-in page, which leads back. A link in a mail or chat first leads here once more, from our own page: a
    strict cookie does not come along from elsewhere, and its owner may well be signed in."""
    wanted = (req.route_params.get("rest") or "").strip("/")
    wanted += f"?{urlencode(dict(req.params))}" if req.params else ""
    if headers.get("sec-fetch-site") == "cross-site" and not cookie_of(headers):
        frame = Frame(now=app.clock.now(), path=wanted)
        return _response(req, render("again.html", Again(to=BASE + wanted), frame), HTTPStatus.OK, None)
    to = f"{BASE}sign-in?{urlencode({'next': wanted})}" if wanted else f"{BASE}sign-in"
    return _response(req, "", HTTPStatus.SEE_OTHER, None, location=to)


def _static(path: str) -> func.HttpResponse:
    """A file of the pages; nothing in it is anybody's secret. An address with an old digest is gone."""
    _, _, rest = path.partition("/")
    digest, _, name = rest.partition("/")
    found = assets().get(name)
    if found is None or found.digest != digest:
        return func.HttpResponse("", status_code=HTTPStatus.NOT_FOUND, headers=_HEADERS)
    headers = {**_HEADERS, "Cache-Control": _FOR_EVER}
    return func.HttpResponse(found.content, status_code=HTTPStatus.OK, mimetype=found.kind, headers=headers)


def _frame(app: Services, who: Visitor | None, path: str, req: func.HttpRequest) -> Frame:
    if who is None:
        return Frame(now=app.clock.now(), path=path)
    return Frame(
        now=app.clock.now(),
        path=path,
        query=urlencode(dict(req.params)),
        visitor=who.name,
        may=frozenset(str(right) for right in who.rights),
        csrf=who.csrf,
        once=secrets.token_hex(16),
    )


def _wrong(
    req: func.HttpRequest, error: HoldfastError, who: Visitor | None, path: str, *, as_json: bool
) -> func.HttpResponse:
    if as_json:
        return _as_problem(error)
    info = error.info()
    return _response(
        req, render("wrong.html", Wrong(error=info), _frame(services(), who, path, req)), info.http_status, who
    )


def _as_problem(error: HoldfastError) -> func.HttpResponse:
    answer = problem(error.info())
    for name, value in _HEADERS.items():
        answer.headers[name] = value
    return answer


def _response(
    req: func.HttpRequest,
    text: str,
    status: int,
    who: Visitor | None,
    *,
    kind: str = "text/html",
    location: str = "",
) -> func.HttpResponse:
    headers = dict(_HEADERS)
    headers |= {"Location": location} if location else {}
    if who is not None and who.fresh:
        headers["Set-Cookie"] = set_cookie(who.secret, req.url)
    return func.HttpResponse(text, status_code=int(status), mimetype=kind, headers=headers)


def _prefers_json(accept: str) -> bool:
    return "application/json" in accept and "text/html" not in accept

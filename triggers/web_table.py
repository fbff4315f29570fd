"""The table of pages: path, what it shows, the right that it needs. One function serves them all, below one route."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from pydantic import BaseModel

from holdfast.model.errors import InvalidInput
from holdfast.web.rendering import BASE
from holdfast.wiring import Services
from triggers.routes import Call, Reply
from triggers.starting import Start
from triggers.visitors import Right, Visitor

#: The largest form: a policy, and what stands around it.
_LARGEST_FORM = 256 * 1024
_FIELDS = 50


@dataclass(frozen=True)
class Visit:
    """One request of a page, taken apart."""

    app: Services
    visitor: Visitor
    path: dict[str, str]
    query: dict[str, str]
    form: dict[str, str]

    def page(self) -> int:
        """Which page of a list: `page` of the query, 1 where it is none."""
        text = self.query.get("page", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1

    def call(
        self, body: Any = None, *, path: dict[str, str] | None = None, query: dict[str, str] | None = None
    ) -> Call:
        """The same request for a handler of the HTTP API: what a page does, the API does."""
        raw = body.encode() if isinstance(body, str) else json.dumps(body or {}).encode()
        headers = {"x-ms-client-principal-name": self.visitor.name[:120]}
        headers |= {"idempotency-key": self.form["once"]} if self.form.get("once") else {}
        return Call(self.app, path if path is not None else self.path, query or {}, headers, raw)


@dataclass(frozen=True)
class Shown:
    """A page: the view, which is also its JSON, and the template that shows it."""

    template: str
    view: BaseModel
    status: int = 200


@dataclass(frozen=True)
class Moved:
    """What follows a form: another page, and what it starts."""

    to: str
    start: Start | None = None


@dataclass(frozen=True)
class Page:
    """One page, or what a form does."""

    method: str
    path: str
    about: str
    right: Right
    handler: Callable[[Visit], Shown | Moved]
    pattern: re.Pattern[str] = field(repr=False)


PAGES: list[Page] = []

_Handler = Callable[[Visit], Shown | Moved]


def page(method: str, path: str, about: str, right: Right = Right.READ) -> Callable[[_Handler], _Handler]:
    """Adds a page to the table. `{name}` in the path is one part of it."""
    pattern = re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)))

    def add(handler: _Handler) -> _Handler:
        PAGES.append(Page(method, path, about, right, handler, pattern))
        return handler

    return add


def find(method: str, path: str) -> tuple[Page, dict[str, str]] | None:
    """The page of a path; literal parts win over named ones, since they come first in the table."""
    for one in PAGES:
        match = one.pattern.fullmatch(path) if one.method == method else None
        if match is not None:
            return one, {name: unquote(value) for name, value in match.groupdict().items()}
    return None


def form_of(raw: bytes) -> dict[str, str]:
    """The fields of a form; of several with one name, the last. Raises InvalidInput."""
    if len(raw) > _LARGEST_FORM:
        raise InvalidInput("the form is too large")
    try:
        return dict(parse_qsl(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=_FIELDS))
    except ValueError:
        raise InvalidInput("the form cannot be read") from None


def to_session(reply: Reply) -> Moved:
    """To the page of the session that the API's answer started."""
    return Moved(f"{BASE}sessions/{reply.value['id']}", start=reply.start)

"""Templates to HTML. Everything that a template shows is escaped; nothing on a page is fetched from elsewhere."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from holdfast.web import words

if TYPE_CHECKING:
    from jinja2 import Environment

#: Where the pages stand: below the route prefix of the app's host.json.
BASE = "/api/web/"

_HERE = Path(__file__).parent
_KINDS = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".txt": "text/plain",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True)
class Frame:
    """What a page shows around its own content. `may`: what the visitor may do; `once`: makes a double click one request."""

    now: datetime
    path: str
    query: str = ""
    visitor: str = ""
    may: frozenset[str] = frozenset()
    csrf: str = ""
    once: str = ""


@dataclass(frozen=True)
class Asset:
    """A file that pages link to. Its address holds its digest, so browsers may keep it for ever."""

    content: bytes
    kind: str
    digest: str


@cache
def assets() -> dict[str, Asset]:
    """Every file of `static/`, by name."""
    return {
        file.name: Asset(content := file.read_bytes(), _KINDS[file.suffix], hashlib.sha256(content).hexdigest()[:12])
        for file in sorted((_HERE / "static").iterdir())
        if file.suffix in _KINDS
    }


def asset_address(name: str) -> str:
    """The address of a file of `static/`."""
    return f"{BASE}static/{assets()[name].digest}/{name}"


def render(template: str, view: BaseModel, frame: Frame) -> str:
    """A page."""
    return _environment().get_template(template).render(view=view, frame=frame)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # only whoever shows a page waits for it

    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"base": BASE, "asset": asset_address}
    made.filters |= {
        "size": words.size,
        "number": words.number,
        "span": words.span,
        "ago": words.ago,
        "utc": words.utc,
        "money": words.money,
    }
    return made

"""A notice as text and as HTML, by the templates beside this file. HTML is escaped wherever a value is put in."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from holdfast.model.notice import Notice

if TYPE_CHECKING:
    from jinja2 import Environment

_COLOUR = {"good": "#1a7f37", "warning": "#9a6700", "bad": "#b42318"}


def as_text(notice: Notice) -> str:
    """Plain text."""
    return _templates().get_template("notice.txt").render(notice=notice).strip() + "\n"


def as_html(notice: Notice) -> str:
    """One HTML page without anything from elsewhere: mail programs show nothing that is loaded."""
    return _templates().get_template("notice.html").render(notice=notice, colour=_COLOUR[notice.tone])


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape  # only whoever sends waits for it

    return Environment(
        loader=PackageLoader("holdfast.notify"),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

"""The queries of `queries.sql`, by id."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_HEAD = re.compile(r"-- (?P<id>[A-Z]\d\d[a-z]?)(?P<master> @master)? (?P<title>.+)")


@dataclass(frozen=True)
class Query:
    """One question to a database. Read-only."""

    id: str
    title: str
    text: str
    in_master: bool = False


@cache
def queries() -> tuple[Query, ...]:
    """All queries, in the order of the file."""
    found: list[Query] = []
    for block in Path(__file__).with_name("queries.sql").read_text(encoding="utf-8").split("\n\n"):
        head, _, text = block.strip().partition("\n")
        match = _HEAD.fullmatch(head)
        if match:
            found.append(Query(match["id"], match["title"], text.strip(), bool(match["master"])))
    return tuple(found)

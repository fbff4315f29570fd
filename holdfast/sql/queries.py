"""The queries of `queries.sql`, by id."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_HEAD = re.compile(r"-- (?P<id>[A-Z]\d\d[a-z]?)(?P<marks>(?: @\w+)*) (?P<title>[^@].*)")

#: Of preflight's questions those whose answers are compared with the point.
_COMPARED = ("V01", "P22")


@dataclass(frozen=True)
class Query:
    """One question to a database. Read-only."""

    id: str
    title: str
    text: str
    in_master: bool = False
    on_instance: bool = False
    """Only on managed instances: a SQL database cannot have such things."""
    for_repair: bool = False
    """Only where the staging copy may be mended."""
    of_restored: bool = False
    """Only where a restored database is compared with its point."""


@cache
def queries() -> tuple[Query, ...]:
    """All queries, in the order of the file."""
    found: list[Query] = []
    for block in Path(__file__).with_name("queries.sql").read_text(encoding="utf-8").split("\n\n"):
        head, _, text = block.strip().partition("\n")
        match = _HEAD.fullmatch(head)
        if match:
            marks = match["marks"].split()
            found.append(
                Query(
                    match["id"],
                    match["title"],
                    text.strip(),
                    in_master="@master" in marks,
                    on_instance="@instance" in marks,
                    for_repair="@repair" in marks,
                    of_restored="@restored" in marks,
                )
            )
    return tuple(found)


def queries_for(*, managed_instance: bool, repair: bool = False) -> tuple[Query, ...]:
    """The queries that such a database is asked."""
    return tuple(
        query
        for query in queries()
        if (managed_instance or not query.on_instance) and (repair or not query.for_repair) and not query.of_restored
    )


def queries_of_restored() -> tuple[Query, ...]:
    """What a restored database is asked, and nothing else."""
    return tuple(query for query in queries() if query.of_restored or query.id in _COMPARED)

"""One page of a long list, and the addresses of its neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel

_Item = TypeVar("_Item")


class Pager(BaseModel):
    """Which of how many are shown. `before` and `behind` are addresses, null at the ends."""

    first: int
    last: int
    total: int
    before: str | None = None
    behind: str | None = None


def paged(items: Sequence[_Item], page: int, most: int, query: Mapping[str, str | None]) -> tuple[list[_Item], Pager]:
    """The items of a page (counted from 1; one behind the end is the last), with what leads to the others."""
    pages = max(1, -(-len(items) // most))
    page = min(max(page, 1), pages)
    begin = (page - 1) * most
    shown = list(items[begin : begin + most])

    def address(other: int) -> str | None:
        given = {name: value for name, value in query.items() if value}
        return f"?{urlencode({**given, 'page': other})}" if 1 <= other <= pages else None

    first = begin + 1 if shown else 0
    return shown, Pager(
        first=first, last=begin + len(shown), total=len(items), before=address(page - 1), behind=address(page + 1)
    )

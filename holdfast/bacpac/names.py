"""SQL names as models write them: `[dbo].[Order Details]`, with `]` doubled."""

from __future__ import annotations

import re
from urllib.parse import quote

from holdfast.model.errors import InvalidInput

_PART = re.compile(r"\[((?:[^\]]|\]\])*)\](?:\.|$)")


def split_name(name: str) -> tuple[str, ...]:
    """The parts of a bracketed name, unescaped: `[a].[b]]c]` → `("a", "b]c")`. What is not bracketed comes back whole."""
    parts: list[str] = []
    at = 0
    while at < len(name):
        found = _PART.match(name, at)
        if not found:
            return (name,)
        parts.append(found[1].replace("]]", "]"))
        at = found.end()
    return tuple(parts)


def join_name(*parts: str) -> str:
    """The bracketed name of its parts."""
    return ".".join(f"[{part.replace(']', ']]')}]" for part in parts)


def data_folder(schema: str, table: str) -> str:
    """The folder of a table's data parts. Escaped as a URI's path segment, as `Order%20Details` shows."""
    return f"Data/{quote(f'{schema}.{table}', safe=_UNESCAPED)}"


# RFC 3986 unreserved and sub-delims that System.Uri leaves alone in a path segment.
_UNESCAPED = "-._~!$&'()*+,;=:@"


def table_name(text: str) -> tuple[str, str]:
    """Schema and table as people write them: `dbo.Orders`, `[sales].[Order.Lines]`, `Orders` (of `dbo`).

    Raises InvalidInput for anything else.
    """
    parts = split_name(text)
    if parts == (text,):
        parts = tuple(text.split(".", 1))
    if len(parts) == 1:
        parts = ("dbo", *parts)
    if len(parts) != 2 or not all(parts):
        raise InvalidInput(
            f"{text!r} is not the name of a table",
            help="Write schema.table, such as dbo.Orders, or [schema].[table] where a name has a dot or a bracket.",
        )
    return parts[0], parts[1]

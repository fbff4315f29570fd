"""A few words of KQL, evaluated over rows: as much as the alerts' queries use, so that each can be seen to fire.

What it does is what Kusto's documentation says of these words; Kusto itself parses and binds the same queries in
test_queries.py. Anything else raises NotImplementedError: a query that outgrows this subset fails its tests instead of being
read wrongly.

- A table, then `where`, `extend`, `project`, `summarize … by …` with `count()` and `arg_max(column, columns…)`.
- `and`, `==`, `!=`, `>`, `in (…)`; strings, numbers, columns, `Properties["key"]`, `tostring`, `tolong`.
- A missing key is null: no comparison with it holds, `tostring` of it is empty. `summarize` without `by` makes one row of no
  rows only for `count()`; `arg_max` makes one of nulls, which no comparison lets through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

Row = dict[str, Any]
Expression = Callable[[Row], Any]

_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|\d+|[A-Za-z_]\w*|==|!=|[>,=()\[\]|])')


class Query:
    """A query that was read."""

    def __init__(self, text: str) -> None:
        self._left = _tokens("\n".join(line for line in text.splitlines() if not line.lstrip().startswith("//")))
        self.table = self._take()
        self._steps: list[Callable[[list[Row]], list[Row]]] = []
        while self._left:
            self._take("|")
            self._steps.append(self._operator())

    def rows(self, tables: dict[str, Sequence[Row]]) -> list[Row]:
        """What it returns."""
        found = [dict(row) for row in tables.get(self.table, ())]
        for step in self._steps:
            found = step(found)
        return found

    def _operator(self) -> Callable[[list[Row]], list[Row]]:
        word = self._take()
        if word == "where":
            condition = self._all_of()
            return lambda rows: [row for row in rows if condition(row) is True]
        if word in ("extend", "project"):
            columns = self._named(self._comparison)
            kept = word == "extend"
            return lambda rows: [
                {**(row if kept else {}), **{name: value(row) for name, value in columns}} for row in rows
            ]
        if word == "summarize":
            return self._summarize()
        raise NotImplementedError(f"the operator {word}")

    def _summarize(self) -> Callable[[list[Row]], list[Row]]:
        name, aggregate = "count_", self._take()
        if self._next("="):
            self._take()
            name, aggregate = aggregate, self._take()
        self._take("(")
        if aggregate == "count":
            self._take(")")
            of: Callable[[list[Row]], Row] = lambda rows: {name: len(rows)}  # noqa: E731
        elif aggregate == "arg_max":
            columns = [column for column, _ in self._named(self._primary)]
            self._take(")")
            of = lambda rows: {  # noqa: E731
                column: max(rows, key=lambda row: row[columns[0]])[column] if rows else None for column in columns
            }
        else:
            raise NotImplementedError(f"the aggregate {aggregate}")
        by: list[str] = []
        if self._next("by"):
            self._take()
            by = [column for column, _ in self._named(self._primary)]

        def summarized(rows: list[Row]) -> list[Row]:
            groups: dict[tuple[Any, ...], list[Row]] = {} if by else {(): []}
            for row in rows:
                groups.setdefault(tuple(row[column] for column in by), []).append(row)
            return [{**dict(zip(by, key, strict=True)), **of(group)} for key, group in groups.items()]

        return summarized

    def _named(self, part: Callable[[], Expression]) -> list[tuple[str, Expression]]:
        found = []
        while True:
            name = self._left[0]
            if self._left[1:2] == ["="]:
                del self._left[:2]
            found.append((name, part()))
            if not self._next(","):
                return found
            self._take()

    def _all_of(self) -> Expression:
        parts = [self._comparison()]
        while self._next("and"):
            self._take()
            parts.append(self._comparison())
        return lambda row: all(part(row) is True for part in parts)

    def _comparison(self) -> Expression:
        left = self._primary()
        sign = self._left[0] if self._left else ""
        if sign in ("==", "!=", ">"):
            self._take()
            right = self._primary()
            tests: dict[str, Callable[[Any, Any], bool]] = {
                "==": lambda a, b: a == b,
                "!=": lambda a, b: a != b,
                ">": lambda a, b: a > b,
            }
            return lambda row: None if None in (left(row), right(row)) else tests[sign](left(row), right(row))
        if sign == "in":
            self._take()
            self._take("(")
            among = [self._primary()]
            while self._next(","):
                self._take()
                among.append(self._primary())
            self._take(")")
            return lambda row: left(row) in [one(row) for one in among]
        return left

    def _primary(self) -> Expression:
        word = self._take()
        if word.startswith('"'):
            return lambda row: word[1:-1]
        if word.isdigit():
            return lambda row: int(word)
        if not word.isidentifier():
            raise NotImplementedError(f"at {word}")
        if self._next("("):
            self._take()
            inner = self._primary()
            self._take(")")
            return _function(word, inner)
        if self._next("["):
            self._take()
            key = self._take()[1:-1]
            self._take("]")
            return lambda row: (row[word] or {}).get(key)
        return lambda row: row[word]

    def _next(self, word: str) -> bool:
        return self._left[:1] == [word]

    def _take(self, wanted: str | None = None) -> str:
        word = self._left.pop(0)
        if wanted not in (None, word):
            raise NotImplementedError(f"{word} where {wanted} is known")
        return word


def _function(name: str, inner: Expression) -> Expression:
    if name == "tostring":
        return lambda row: "" if inner(row) is None else str(inner(row))
    if name == "tolong":
        return lambda row: int(text) if (text := str(inner(row))).lstrip("-").isdigit() else None
    raise NotImplementedError(f"the function {name}")


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise NotImplementedError(f"at {text[at : at + 30]!r}")
        found.append(match[1])
        at = match.end()
    return found

"""Finds names of three and four parts in T-SQL: what a module refers to outside its database.

A model leaves the place of a reference empty that it cannot resolve, so the script itself must be read. It is read as
tokens, not parsed: comments and strings are passed over (dynamic SQL is invisible here as it is to the exporter), and a
name counts only where T-SQL expects a table, a procedure or a function, since `dbo.T.c` elsewhere is a column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
    (?P<skip> \s+ | --[^\n]* )
  | (?P<comment> /\* )
  | (?P<string> N?'(?:[^']|'')*' )
  | (?P<name> \[(?:[^\]]|\]\])*\] | "(?:[^"]|"")*" | [^\W\d][\w@$\#]* | \#[\w@$\#]* )
  | (?P<other> @[\w@$\#]* | [0-9][\w.]* | . )
    """,
    re.VERBOSE | re.DOTALL,
)
# fmt: off
_TABLE_FOLLOWS = frozenset((
    "FROM", "JOIN", "INTO", "UPDATE", "INSERT", "DELETE", "MERGE", "USING", "APPLY", "EXEC", "EXECUTE", "TABLE",
))
_LIST_ENDS = frozenset((
    "WHERE", "GROUP", "ORDER", "HAVING", "SELECT", "SET", "ON", "UNION", "EXCEPT", "INTERSECT", "VALUES", "WHEN", "OUTPUT",
    "OPTION", "WITH", "BEGIN", "END", "IF",
))
# fmt: on
_METHODS = frozenset({"value", "query", "exist", "nodes", "modify"})
_NAME_PARTS = (3, 4)


@dataclass(frozen=True)
class _Name:
    parts: tuple[str, ...]
    quoted: bool

    @property
    def word(self) -> str:
        return self.parts[0].upper() if len(self.parts) == 1 and not self.quoted else ""


def outside_names(script: str) -> list[tuple[str, ...]]:
    """Names of three or four parts that stand for tables, procedures or functions, each once, in order.

    A part left out, as in `db..t`, is empty.
    """
    place = _Place()
    found: dict[tuple[str, ...], None] = {}
    tokens = list(_names(script))
    for index, item in enumerate(tokens):
        if isinstance(item, str):
            place.sign(item)
            continue
        call = tokens[index + 1 : index + 2] == ["("]
        method = call and item.parts[-1].lower() in _METHODS
        in_place = place.expects or (call and item.parts[-2:-1] in (("dbo",), ("sys",)))
        if len(item.parts) in _NAME_PARTS and in_place and not method:
            found[item.parts] = None
        place.word(item.word)
    return list(found)


class _Place:
    """Whether T-SQL expects the name of a table, procedure or function at this place."""

    def __init__(self) -> None:
        self.expects = False
        self._in_list = [False]
        """For each open parenthesis: whether a comma leads to another table, as in FROM a, b."""
        self._top = 0
        """Depth of a `TOP (n)` that is being passed, as in `DELETE TOP (5) FROM …`; 0: none."""

    def word(self, word: str) -> None:
        """A name or keyword was passed; `word` is empty for a quoted name or one of several parts."""
        if word == "TOP" and self.expects:
            self._top = len(self._in_list)
        self.expects = word in _TABLE_FOLLOWS
        if word in ("FROM", "JOIN", "USING"):
            self._in_list[-1] = True
        elif word in _LIST_ENDS:
            self._in_list[-1] = False

    def sign(self, sign: str) -> None:
        """Anything else was passed; `@` stands for a variable."""
        if sign == "(":
            self._in_list.append(False)
        elif sign == ")" and len(self._in_list) > 1:
            self._in_list.pop()
        elif sign == ";":
            self._in_list = [False]
        if self._top:
            if self._top == len(self._in_list):
                self._top, self.expects = 0, True
        elif sign not in ("@", "="):  # `EXEC @result = db.dbo.p` still waits for the name
            self.expects = sign == "," and self._in_list[-1]


def name_parts(script: str) -> tuple[str, ...]:
    """The parts of the one name that a script consists of, as a synonym's target; empty where it is something else."""
    tokens = list(_names(script))
    return tokens[0].parts if len(tokens) == 1 and isinstance(tokens[0], _Name) else ()


def _names(script: str) -> Iterator[_Name | str]:
    """Names joined over their dots, and every other token that matters: `@` stands for a variable."""
    pieces = list(_pieces(script))
    at = 0
    while at < len(pieces):
        kind, text = pieces[at]
        if kind != "name":
            yield "@" if text.startswith("@") else text
            at += 1
            continue
        parts = [_plain(text)]
        at += 1
        while at < len(pieces) and pieces[at][1] == "." and pieces[at][0] == "other":
            at += 1
            if at < len(pieces) and pieces[at][0] == "name":
                parts.append(_plain(pieces[at][1]))
                at += 1
            else:
                parts.append("")
        yield _Name(tuple(parts), text[0] in '["')


def _pieces(script: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(script):
        found = _TOKEN.match(script, at)
        if found is None:  # cannot be: the last alternative takes any character
            return
        kind = found.lastgroup or "other"
        at = found.end()
        if kind == "comment":
            at = _after_comment(script, at)
        elif kind in ("name", "other"):
            yield kind, found[0]
        elif kind == "string":
            yield "other", "'"


def _after_comment(script: str, at: int) -> int:
    """T-SQL's block comments nest."""
    depth = 1
    while depth and at < len(script):
        opening, closing = script.find("/*", at), script.find("*/", at)
        if closing < 0:
            return len(script)
        if 0 <= opening < closing:
            depth, at = depth + 1, opening + 2
        else:
            depth, at = depth - 1, closing + 2
    return at


def _plain(text: str) -> str:
    if text[0] == "[":
        return text[1:-1].replace("]]", "]")
    if text[0] == '"':
        return text[1:-1].replace('""', '"')
    return text

"""Finds names in T-SQL: what a module refers to, inside its database and outside it (names of three and four parts).

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
#: Words that stand where a table could, and are none.
_NO_TABLE = _TABLE_FOLLOWS | _LIST_ENDS | frozenset((
    "AS", "TOP", "STATISTICS", "BULK", "IF", "DEFAULT", "LATERAL", "OUTER", "CROSS", "ONLY", "CALLER", "OWNER", "SELF",
    "NEXT", "PRIOR", "FIRST", "LAST", "ABSOLUTE", "RELATIVE", "GLOBAL", "OPENROWSET", "OPENQUERY", "OPENXML", "OPENJSON",
    "LEFT", "RIGHT", "FULL", "INNER", "DISTINCT", "ALL", "FOR", "OF", "TYPE", "READONLY",
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


@dataclass(frozen=True)
class ScriptNames:
    """The names in a script that stand for tables, procedures or functions; each once, in order."""

    outside: tuple[tuple[str, ...], ...] = ()
    """Of three or four parts. A part left out, as in `db..t`, is empty."""
    inside: tuple[tuple[str, ...], ...] = ()
    """Of one or two parts, without what the script itself defines, temporary tables and the engine's own."""
    engine: bool = False
    """Whether any place is taken by a function or by something of the engine's own, whose columns only it knows."""


def script_names(script: str) -> ScriptNames:
    """Reads a script."""
    place = _Place()
    outside: dict[tuple[str, ...], None] = {}
    inside: dict[tuple[str, ...], None] = {}
    defined = {"inserted", "deleted"}
    engine = False
    tokens = list(_names(script))
    for index, item in enumerate(tokens):
        if isinstance(item, str):
            place.sign(item)
            continue
        if item.word in _NO_TABLE:
            place.word(item.word)
            continue
        call = tokens[index + 1 : index + 2] == ["("] and not place.filled
        method = call and item.parts[-1].lower() in _METHODS
        in_place = place.expects or (call and item.parts[-2:-1] in (("dbo",), ("sys",)))
        if in_place and not method:
            if len(item.parts) in _NAME_PARTS:
                outside[item.parts] = None
            elif place.defines:
                defined.add(item.parts[-1].casefold())
            elif _engines_own(item, call):
                engine = True
            else:
                inside[item.parts] = None
        engine = engine or call or method
        defined.update(_definitions(tokens, index, in_place=in_place))
        place.word(item.word)
    local = tuple(n for n in inside if n[0].casefold() not in defined or (len(n) > 1 and n[0].casefold() == "dbo"))
    return ScriptNames(tuple(outside), local, engine)


def outside_names(script: str) -> list[tuple[str, ...]]:
    """Names of three or four parts that stand for tables, procedures or functions, each once, in order."""
    return list(script_names(script).outside)


def _engines_own(name: _Name, call: bool) -> bool:
    """Temporary tables, system schemas and procedures, built-in functions."""
    first = name.parts[0]
    if len(name.parts) > 1:
        return first.casefold() in ("sys", "information_schema", "")
    return call or first.startswith("#") or first.casefold().startswith(("sp_", "xp_", "fn_"))


def _definitions(tokens: list[_Name | str], index: int, *, in_place: bool) -> Iterator[str]:
    """What the name at `index` defines for the rest of the script: an alias behind a table, or itself: a common table
    expression, a cursor, the alias of a derived table or of a table variable."""
    item, after = tokens[index], tokens[index + 1 :]
    assert isinstance(item, _Name)  # noqa: S101 (the caller looked)
    if in_place:
        at = 1 if _is_word(after, 0, "AS") else 0
        if len(after) > at and isinstance(alias := after[at], _Name) and len(alias.parts) == 1:
            yield alias.parts[0].casefold()
    if len(item.parts) > 1:
        return
    before = index - 2 if index and _is_word(tokens, index - 1, "AS") else index - 1
    if _is_word(after, 0, "CURSOR") or _opens_expression(after) or (before >= 0 and tokens[before] in (")", "@")):
        yield item.parts[0].casefold()


def _opens_expression(after: list[_Name | str]) -> bool:
    """`AS (`, perhaps behind a list of columns in parentheses."""
    at = 0
    if after[:1] == ["("]:
        while at < len(after) and after[at] != ")":
            at += 1
        at += 1
    return _is_word(after, at, "AS") and after[at + 1 : at + 2] == ["("]


def _is_word(tokens: list[_Name | str], at: int, word: str) -> bool:
    return at < len(tokens) and isinstance(item := tokens[at], _Name) and item.word == word


class _Place:
    """Whether T-SQL expects the name of a table, procedure or function at this place."""

    def __init__(self) -> None:
        self.expects = False
        self.defines = False
        """The name that is expected is made by the script: that of SELECT … INTO or CREATE TABLE."""
        self.filled = False
        """The name that is expected gets rows: parentheses behind it hold columns."""
        self._before = ""
        """The word before."""
        self._trims = [False]
        """For each open parenthesis: whether it is TRIM's, in which FROM leads to no table."""
        self._in_list = [False]
        """For each open parenthesis: whether a comma leads to another table, as in FROM a, b."""
        self._top = 0
        """Depth of a `TOP (n)` that is being passed, as in `DELETE TOP (5) FROM …`; 0: none."""

    def word(self, word: str) -> None:
        """A name or keyword was passed; `word` is empty for a quoted name or one of several parts."""
        if word == "TOP" and self.expects:
            self._top = len(self._in_list)
        before, self._before = self._before, word
        no_place = word == "FROM" and (before == "DISTINCT" or self._trims[-1])
        self.expects = word in _TABLE_FOLLOWS and not no_place
        made = word == "INTO" and before not in ("INSERT", "MERGE", ")")
        self.defines = made or (word == "TABLE" and before != "TRUNCATE")
        self.filled = word in ("INSERT", "INTO")
        if word in ("FROM", "JOIN", "USING"):
            self._in_list[-1] = not no_place
        elif word in _LIST_ENDS:
            self._in_list[-1] = False

    def sign(self, sign: str) -> None:
        """Anything else was passed; `@` stands for a variable."""
        if sign == "(":
            self._in_list.append(False)
            self._trims.append(self._before == "TRIM")
        elif sign == ")" and len(self._in_list) > 1:
            self._in_list.pop()
            self._trims.pop()
        elif sign == ";":
            self._in_list, self._trims = [False], [False]
        if sign == ",":
            self.defines = False
        self._before = sign
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
    read = list(pieces(script))
    at = 0
    while at < len(read):
        if read[at].kind != "name":
            yield "@" if read[at].text.startswith("@") else read[at].text
            at += 1
            continue
        parts, after = joined(read, at)
        yield _Name(tuple(part.plain if part else "" for part in parts), read[at].text[0] in '["')
        at = after


@dataclass(frozen=True)
class Piece:
    """A token of a script, where it begins, and its kind: `name`, or anything `other`."""

    kind: str
    text: str
    start: int

    @property
    def plain(self) -> str:
        """A name without its brackets or quotes."""
        if self.text[0] == "[":
            return self.text[1:-1].replace("]]", "]")
        if self.text[0] == '"':
            return self.text[1:-1].replace('""', '"')
        return self.text


def joined(read: list[Piece], at: int) -> tuple[list[Piece | None], int]:
    """The parts of the name that begins at that piece, None for one left out, and where the script goes on."""
    parts: list[Piece | None] = [read[at]]
    at += 1
    while at < len(read) and read[at].text == "." and read[at].kind == "other":
        at += 1
        if at < len(read) and read[at].kind == "name":
            parts.append(read[at])
            at += 1
        else:
            parts.append(None)
    return parts, at


def pieces(script: str) -> Iterator[Piece]:
    """The tokens, without comments; a string is a quote."""
    at = 0
    while at < len(script):
        found = _TOKEN.match(script, at)
        if found is None:  # cannot be: the last alternative takes any character
            return
        kind, start = found.lastgroup or "other", at
        at = found.end()
        if kind == "comment":
            at = _after_comment(script, at)
        elif kind in ("name", "other"):
            yield Piece(kind, found[0], start)
        elif kind == "string":
            yield Piece("other", "'", start)


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

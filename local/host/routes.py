"""ASP.NET route templates such as `points/{id}/tables/{*rest}`: which function a path means, and its parameters.

Literal segments win over parameters, constrained parameters over free ones, catch-alls come last. Literals are
case-insensitive. Parameters arrive decoded, but for `%2F`, which would change the path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

_PARAMETER = re.compile(r"^\{(\*{0,2})([A-Za-z_][\w-]*)((?::[^{}=?]+(?:\([^)]*\))?)*)(\?|=[^{}]*)?\}$")
_CONSTRAINTS: Final = {
    "int": re.compile(r"^-?\d{1,10}$"),
    "long": re.compile(r"^-?\d{1,19}$"),
    "bool": re.compile(r"^(true|false)$", re.IGNORECASE),
    "guid": re.compile(r"^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$", re.IGNORECASE),
    "alpha": re.compile(r"^[a-z]*$", re.IGNORECASE),
    "required": re.compile(r"."),
}
_LENGTH = re.compile(r"^(length|minlength|maxlength|min|max|regex)\((.*)\)$")


class BadRouteError(Exception):
    """A route template that this host cannot read. The message names it."""


@dataclass(frozen=True, slots=True)
class _Segment:
    literal: str | None
    name: str = ""
    constraints: tuple[str, ...] = ()
    catch_all: bool = False
    optional: bool = False
    default: str | None = None

    @property
    def rank(self) -> int:
        if self.literal is not None:
            return 0
        return 3 if self.catch_all else (1 if self.constraints else 2)


class Route:
    """A parsed template."""

    def __init__(self, template: str) -> None:
        self.template = template.strip("/")
        self._segments = [_segment(part, template) for part in self.template.split("/")] if self.template else []
        for segment in self._segments[:-1]:
            if segment.catch_all or segment.optional:
                raise BadRouteError(f"{template!r}: a catch-all or optional parameter must come last")

    @property
    def rank(self) -> tuple[int, ...]:
        """Sorts routes by precedence, the most specific first."""
        return tuple(segment.rank for segment in self._segments)

    def match(self, raw_path: str) -> dict[str, str] | None:
        """The parameters of a percent-encoded path without the prefix, or None where it does not fit."""
        trimmed = raw_path.strip("/")
        parts = trimmed.split("/") if trimmed else []
        found: dict[str, str] = {}
        for index, segment in enumerate(self._segments):
            if segment.catch_all:
                rest = "/".join(_decode(part) for part in parts[index:])
                if segment.default is not None and not rest:
                    rest = segment.default
                found[segment.name] = rest
                return found if _fits(segment, rest) else None
            if index >= len(parts):
                if segment.default is not None:
                    found[segment.name] = segment.default
                elif not segment.optional:
                    return None
                continue
            value = _decode(parts[index])
            if segment.literal is not None:
                if segment.literal.lower() != value.lower():
                    return None
            elif not value or not _fits(segment, value):
                return None
            else:
                found[segment.name] = value
        return found if len(parts) <= len(self._segments) else None


def _decode(part: str) -> str:
    return "%2F".join(unquote(piece) for piece in re.split("%2[fF]", part))


def _segment(part: str, template: str) -> _Segment:
    if "{" not in part and "}" not in part:
        return _Segment(part)
    found = _PARAMETER.match(part)
    if not found:
        raise BadRouteError(f"{template!r}: the local host cannot read the segment {part!r}")
    stars, name, constraints, tail = found.groups()
    wanted = tuple(re.findall(r":((?:[^:(]+)(?:\([^)]*\))?)", constraints))
    for constraint in wanted:
        if constraint not in _CONSTRAINTS and not _LENGTH.match(constraint):
            raise BadRouteError(f"{template!r}: the local host does not know the constraint {constraint!r}")
    default = tail[1:] if tail and tail.startswith("=") else None
    return _Segment(None, name, wanted, bool(stars), tail == "?" or default is not None, default)


def _fits(segment: _Segment, value: str) -> bool:
    return all(_meets(constraint, value) for constraint in segment.constraints)


def _meets(constraint: str, value: str) -> bool:
    known = _CONSTRAINTS.get(constraint)
    if known:
        return bool(known.search(value))
    found = _LENGTH.match(constraint)
    assert found is not None, "checked when the template was read"  # noqa: S101
    kind, argument = found.groups()
    if kind == "regex":
        return bool(re.search(argument, value, re.IGNORECASE))
    if kind in ("min", "max"):
        if not _CONSTRAINTS["long"].match(value):
            return False
        return int(value) >= int(argument) if kind == "min" else int(value) <= int(argument)
    low, _, high = argument.partition(",")
    if kind == "minlength":
        return len(value) >= int(low)
    if kind == "maxlength":
        return len(value) <= int(low)
    return int(low) <= len(value) <= int(high or low)

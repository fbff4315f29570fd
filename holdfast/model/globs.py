"""Shell globs over databases' names. Apart from policies, so that a worker, which reads none, can use them."""

from __future__ import annotations

from fnmatch import fnmatchcase


def glob_matches(pattern: str, text: str) -> bool:
    """A shell glob over the whole of `text`, without regard to case."""
    return fnmatchcase(text.lower(), pattern.lower())


def database_matches(pattern: str, name: str) -> bool:
    """A glob over `database`, or over `server/database` where the glob has a slash: `db1` never matches `db10`."""
    return glob_matches(pattern, name if "/" in pattern else name.rpartition("/")[2])

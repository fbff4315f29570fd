"""The marks on what we make in Azure: how a copy or a machine is found again, and known as ours before it is touched."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from holdfast.model.clock import iso, parse_iso

#: `restore`: a database that is being filled; `restore-differs`: one whose verification failed; `replaced`: one that made
#: room for a restored one.
Kind = Literal["copy", "worker", "restore", "restore-differs", "replaced"]

INSTALLATION = "holdfast"
KIND = "holdfast-kind"
SESSION = "holdfast-session"
SOURCE = "holdfast-source"
EXPIRES = "holdfast-expires"
PROFILE = "holdfast-profile"
ROLE = "holdfast-role"
#: On what made room: the name that it had.
NAMED = "holdfast-named"
#: On a restored database: the point that it was made of.
POINT = "holdfast-restored-from"

_OURS = frozenset({INSTALLATION, KIND, SESSION, SOURCE, EXPIRES, PROFILE, ROLE, NAMED})

#: Every name of ours begins with this. On a managed instance, where copies stand beside originals, nothing without it
#: is ever dropped.
PREFIX = "hf-"


def copy_tags(installation: str, session: str, source_key: str, expires: datetime) -> dict[str, str]:
    """The tags of a staging copy."""
    return {
        INSTALLATION: installation,
        KIND: "copy",
        SESSION: session,
        SOURCE: source_key,
        EXPIRES: iso(expires),
    }


def restore_tags(installation: str, session: str, source_key: str, point: str) -> dict[str, str]:
    """The tags of a database while it is filled and verified."""
    return {INSTALLATION: installation, KIND: "restore", SESSION: session, SOURCE: source_key, POINT: point}


def replaced_tags(installation: str, session: str, source_key: str, name: str, expires: datetime) -> dict[str, str]:
    """The tags of a database that makes room for a restored one, beside its own."""
    return {
        INSTALLATION: installation,
        KIND: "replaced",
        SESSION: session,
        SOURCE: source_key,
        NAMED: name,
        EXPIRES: iso(expires),
    }


def without_marks(tags: Mapping[str, str]) -> dict[str, str]:
    """What people tagged."""
    return {name: value for name, value in tags.items() if name not in _OURS}


def worker_tags(installation: str, session: str, profile: str, role: str) -> dict[str, str]:
    """The tags of a worker and of what is made with it. `session` is the one that it was made for."""
    return {INSTALLATION: installation, KIND: "worker", SESSION: session, PROFILE: profile, ROLE: role}


def is_marked(tags: Mapping[str, str] | None, kind: Kind, installation: str | None = None) -> bool:
    """Whether something carries our mark: of this installation, or of any where none is named."""
    found = tags or {}
    if found.get(KIND) != kind or not found.get(INSTALLATION):
        return False
    return installation is None or found[INSTALLATION] == installation


def carries(tags: Mapping[str, str] | None, must: Mapping[str, str]) -> bool:
    """Whether the tags say that this is the very thing that `must` describes. When it expires may differ."""
    found = tags or {}
    return all(found.get(name) == value for name, value in must.items() if name != EXPIRES)


def expiry(tags: Mapping[str, str]) -> datetime | None:
    """When it may be removed, or None where the tag is missing or unreadable."""
    try:
        return parse_iso(tags[EXPIRES])
    except (KeyError, ValueError):
        return None

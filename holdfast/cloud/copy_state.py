"""What is known of a staging copy."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from holdfast.model.source import SourceKind


@dataclass(frozen=True)
class StartedCopy:
    """A copy that Azure accepted, now or earlier. `as_of` is the moment that a restore shows; None for a copy, which
    shows the moment at which it ends.
    """

    resource_id: str
    as_of: datetime | None = None


@dataclass(frozen=True)
class CopyState:
    """What Azure shows of a copy.

    `creating`: not yet; `ready`: it takes connections; `failed`: it will not come to anything, `detail` says why;
    `absent`: there is none. A copy is absent for the first half minute after it was accepted too, and a failed one may
    vanish; `detail` then holds the reason if Azure still tells it.
    """

    state: Literal["creating", "ready", "failed", "absent"]
    detail: str = ""
    database: str = ""
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Copy:
    """A staging copy that carries our mark, as the janitor finds it."""

    resource_id: str
    kind: SourceKind
    server: str
    name: str
    region: str
    status: str
    tags: dict[str, str]
    session: str
    source_key: str
    expires_at: datetime | None

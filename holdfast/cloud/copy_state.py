"""What is known of a staging copy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from holdfast.cloud.failures import Failure, to_error
from holdfast.model.errors import HoldfastError
from holdfast.model.source import ResourceId, SourceKind

#: States from which a copy does not recover by itself.
BROKEN = frozenset(
    {
        "suspect",
        "offline",
        "inaccessible",
        "emergencymode",
        "disabled",
        "shutdown",
        "recoverypending",
        "offlinesecondary",
        "stopped",
    }
)


@dataclass(frozen=True)
class StartedCopy:
    """A copy that Azure accepted, now or earlier.

    `operation` is the address of the operation behind it, for `copy_state`; empty where an earlier call started it.
    `as_of` is the moment that a restore shows; None for a copy, which shows the moment at which it ends.
    """

    resource_id: str
    operation: str = ""
    as_of: datetime | None = None


@dataclass(frozen=True)
class CopyState:
    """What Azure shows of a copy.

    `creating`: not yet; `ready`: it takes connections; `failed`: it will not come to anything, `detail` says why and
    `error`, where Azure named a reason, what kind of reason; `absent`: there is none. A copy is absent for the first half
    minute after it was accepted too. A failed one may vanish: with the address of its operation it is `failed`, without
    it is `absent`.
    """

    state: Literal["creating", "ready", "failed", "absent"]
    detail: str = ""
    database: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    error: HoldfastError | None = None


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


def unready(
    there: bool,
    status: str,
    failure: Failure | None,
    copy: ResourceId,
    tags: Mapping[str, str] | None,
) -> CopyState:
    """The state of a copy that is not ready, from what Azure shows of it and of the operation behind it."""
    database, found = (copy.name, dict(tags or {})) if there else ("", {})
    if failure is not None:
        error = to_error(failure, f"the copy {copy.names[0]}/{copy.name}")
        return CopyState("failed", error.detail, database, found, error)
    if not there:
        return CopyState("absent")
    if status.lower() in BROKEN:
        return CopyState("failed", f"its status is {status}", database, found)
    return CopyState("creating", status, database, found)

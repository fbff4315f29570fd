"""How a restore point lies in its table: two rows, what is short in both, what is long in one."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from holdfast.catalog.tables import Row, Table, joined
from holdfast.model.point import RestorePoint

#: The one partition: both rows of a point are written in one transaction.
POINTS = "points"
BY_TIME, BY_CHAIN = "t", "c"
_LONG = ("entries", "tables", "transformations")
#: What the catalog alone knows.
_OURS = {"kept_because", "state", "state_since"}


def time_key(point: RestorePoint) -> str:
    """Key of the row in the order of time; it names the details."""
    return joined(BY_TIME, point.id, point.repository)


def chain_key(point: RestorePoint) -> str:
    """Key of the row in the order of the chain."""
    return joined(BY_CHAIN, point.chain, point.id, point.repository)


def split(point: RestorePoint) -> tuple[str, str]:
    """What a list shows, and what only one point shows."""
    whole = point.model_dump(mode="json", by_alias=True)
    details = {name: whole.pop(name) for name in _LONG}
    return json.dumps(whole), json.dumps(details) if any(details.values()) else ""


def short(table: Table, row: Row) -> RestorePoint:
    """The point of either row, without its entries and tables."""
    return RestorePoint.model_validate_json(table.value(row, "summary"))


def whole(table: Table, row: Row) -> RestorePoint:
    """The point of its row in the order of time."""
    details = table.value(row, "details")
    summary: dict[str, Any] = json.loads(table.value(row, "summary"))
    return RestorePoint.model_validate({**summary, **(json.loads(details) if details else {})})


def digest_of(point: RestorePoint) -> str:
    """Of all that the repository says of a point. What it does not say (a later version's field) does not count."""
    said = point.model_dump(mode="json", by_alias=True, exclude=_OURS, exclude_defaults=True)
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def state_of(row: Row) -> str:
    """Whether the repository held the point when it was last read."""
    return row.text("state") or "present"


def with_state(table: Table, row: Row) -> Row | None:
    """To schema 2: the row says its state, and its digest leaves out what is not said. None where it does already."""
    if row.partition != POINTS or "state" in row.values:
        return None
    timed: Row | None = row
    if not row.key.startswith(f"{BY_TIME}|"):
        timed = table.read(POINTS, joined(BY_TIME, row.text("id"), row.text("repository")))
    digest = digest_of(whole(table, timed)) if timed is not None else row.text("digest")
    return row.with_values(state="present", digest=digest)

"""Objects that lie in the storage and are not what it lists: deleted or replaced by somebody who went round a lock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from holdfast.model.clock import iso
from holdfast.repository.upkeep.check_report import CheckProblem, CheckReport
from holdfast.storage import KeptVersion, ObjectStore


def hidden_objects(store: ObjectStore) -> Iterator[KeptVersion]:
    """First contents of what is gone from the list or was replaced. Lock objects are rewritten by every writer."""
    return (kept for kept in store.kept_versions() if not kept.info.name.startswith("locks/"))


def add_hidden(report: CheckReport, store: ObjectStore, now: datetime) -> None:
    """Adds them to what a check found: those that can only be an attack as problems, the others as notes."""
    for kept in hidden_objects(store):
        name = kept.info.name
        if _suspicious(kept, now):
            what = "it was replaced by other content" if kept.replaced else "it was deleted although it is write-once"
            help_ = f"the storage keeps what was stored{_why(kept)}; `holdfast repository undelete` brings it back"
            report.problems.append(CheckProblem(name, f"{what}; {help_}"))
        else:
            report.notes.append(f"{name}: it was deleted, and the storage keeps it; perhaps a deletion died halfway")


def bring_back_hidden(store: ObjectStore, now: datetime, names: frozenset[str] = frozenset()) -> list[KeptVersion]:
    """Makes the first contents the current ones again: of all that can only have been attacked, and of `names`.

    May be called again. Raises AlreadyExists, Rehydrating, Forbidden; what was brought back before stays.
    """
    found = [kept for kept in hidden_objects(store) if _suspicious(kept, now) or kept.info.name in names]
    for kept in found:
        store.bring_back(kept)
    return found


def _suspicious(kept: KeptVersion, now: datetime) -> bool:
    # Names are never used twice, and `delete` takes unprotected versions along: neither is ever Holdfast's doing.
    return kept.replaced or kept.info.write_once(now)


def _why(kept: KeptVersion) -> str:
    if kept.info.held:
        return " (held)"
    return f" (locked until {iso(kept.info.locked_until)})" if kept.info.locked_until is not None else ""

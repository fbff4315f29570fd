"""What stops a retention run until a person has approved it: a clock that cannot be right, or too much that would go.

Deletion cannot be taken back, and all of it hangs on the clock. Pure: nothing here remembers anything; whoever runs
retention keeps the moment of its last run and the approvals. Call it once for a run, with the verdicts of all chains.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from holdfast.model.clock import iso
from holdfast.model.retention import Verdict

#: Clocks of machines that keep time differ by less.
CLOCK_BACK = timedelta(minutes=10)
#: Longer than a long weekend with the app switched off.
CLOCK_JUMP = timedelta(days=7)

AlarmKind = Literal["clock-went-back", "clock-jumped", "mass-expiry"]


@dataclass(frozen=True)
class Alarm:
    """A reason not to delete anything. `approval` is what a person approves: it stands for this alarm, of this scope,
    with exactly these deletions, and for nothing else."""

    kind: AlarmKind
    detail: str
    approval: str


def alarms(
    scope: str,
    found: Iterable[tuple[str, Verdict]],
    *,
    now: datetime,
    last_run: datetime | None,
    percent: int = 50,
    floor: int = 10,
    approved: Collection[str] = (),
) -> list[Alarm]:
    """The alarms of a run that nobody has approved. Any of them: delete nothing.

    `scope` names what the run is about (a policy and a repository), `found` are all verdicts of the run, each with its
    chain. `last_run` is the clock's word at the last run that deleted or found nothing to delete; None: there was none.
    Mass expiry: more than `percent` % of the points would go, and more than `floor` of them. An approval outlives a
    repeated run, since neither the present moment nor the order of points is part of it; one point more or less needs
    another.
    """
    known = list(found)
    doomed = sorted(f"{chain}/{verdict.id}" for chain, verdict in known if not verdict.keep)
    raised: list[tuple[AlarmKind, str, str]] = []
    if last_run is not None and now < last_run - CLOCK_BACK:
        detail = f"it is {iso(now)}, but retention last ran at {iso(last_run)}"
        raised.append(("clock-went-back", detail, iso(last_run)))
    if last_run is not None and now > last_run + CLOCK_JUMP:
        detail = (
            f"it is {iso(now)}, {(now - last_run).days} days after retention last ran; {len(doomed)} points would go"
        )
        raised.append(("clock-jumped", detail, iso(last_run)))
    if len(doomed) > floor and len(doomed) * 100 > percent * len(known):
        share = len(doomed) * 100 // len(known)
        raised.append(("mass-expiry", f"{len(doomed)} of {len(known)} points ({share} %) would go at once", ""))
    result = [Alarm(kind, detail, _approval(scope, kind, basis, doomed)) for kind, detail, basis in raised]
    return [alarm for alarm in result if alarm.approval not in approved]


def _approval(scope: str, kind: str, basis: str, doomed: list[str]) -> str:
    # Lengths, so that no two lists of names read alike.
    parts = [scope, kind, basis, *doomed]
    return hashlib.sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()[:32]

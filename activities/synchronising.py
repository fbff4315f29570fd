"""Makes the catalog agree with a chain that a worker read, and tells the session what differed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from holdfast.catalog.log import Level
from holdfast.model.counted import counted
from holdfast.model.flags import ClaimKey
from holdfast.model.installation import Installation
from holdfast.model.point import RestorePoint
from holdfast.model.terms import Claimed
from holdfast.wiring import Services

#: Points of one kind that a line names; their number is always told.
_NAMED = 10
#: What each word means, as the log says it. All are warnings: what this installation did itself makes no difference.
_MEANING = {
    "added": "the catalog did not know them",
    "missing": "ALARM: the repository held them and does not any more, and nothing in it says why",
    "changed": "the catalog said something else of them",
    "deleted": "not by this installation: a removal record of the repository names them",
    "returned": "they had been missing",
    "foreign": "this installation did not write them",
}


@dataclass(frozen=True)
class Place:
    """Which chain it is about, and who is told. `occasion` (a job) keeps a repeated step from telling twice."""

    session: str
    occasion: str
    source: str
    repository: str
    chain: str


def synchronise(
    app: Services, place: Place, read: Mapping[str, Any], *, as_of: datetime | None = None, dry_run: bool = False
) -> str:
    """What a worker `read` (see `holdfast.worker.synchronise.read_chain`) becomes what the catalog knows; in short.

    What the catalog learnt after `as_of`, when the job was handed out, may be newer than what the worker read. It is told
    before it is changed: a death in between must not leave an alarm untold.
    """
    points = [RestorePoint.model_validate(p) for p in read.get("points", [])]
    # A worker of an older bundle does not say what was removed.
    known = {"removed": read.get("removed", []), "installation": app.installation.id, "as_of": as_of}
    found = app.catalog.points.reconcile(place.repository, place.chain, points, **known, dry_run=True)
    for word, ids in found.by_word():
        named = f"{', '.join(ids[:_NAMED])}{' …' if len(ids) > _NAMED else ''}"
        what = f"{counted(len(ids), 'point')} {word} ({_MEANING[word]}): {named}"
        text = f"synchronised with repository {place.repository}: {what}"
        _tell(app, place, "warning", word, text)
    if found.absent:
        text = f"repository {place.repository}: {counted(len(found.absent), 'point')} still missing or deleted"
        _tell(
            app,
            place,
            "warning",
            "absent",
            f"{text}; `holdfast point list` shows them, `holdfast point forget` ends it",
        )
    _tell_owner(app, place, read)
    for number, problem in enumerate(read.get("problems", [])):
        _tell(app, place, "error", f"problem-{number}", str(problem))
    if not dry_run:
        app.catalog.points.reconcile(place.repository, place.chain, points, **known)
        _record_claims(app, place.chain, points, read)
    differing = "".join(f", {len(ids)} {word}" for word, ids in found.by_word())
    return f"{counted(len(points), 'point')} in the repository{differing}"


def _record_claims(app: Services, chain: str, points: list[RestorePoint], read: Mapping[str, Any]) -> None:
    """Which periods have their point: as manifests carry it, and removal records of points that are gone."""
    found = [(point.terms.policy, one) for point in points if point.terms for one in point.terms.claims]
    found += [(one["policy"], Claimed.model_validate(one)) for one in read.get("claims", [])]
    there = app.catalog.retention.claims(chain)
    for policy, one in found:
        if ClaimKey(chain, policy, one.flag, one.anchor) not in there:
            app.catalog.retention.record_claims(chain, policy, [one])


def _tell_owner(app: Services, place: Place, read: Mapping[str, Any]) -> None:
    owner = Installation.model_validate(read["owner"]) if read.get("owner") else None
    if owner is None or owner.id == app.installation.id:
        return
    _tell(
        app,
        place,
        "warning",
        "owner",
        f"repository {place.repository}: the chain belongs to installation {owner}; this one ({app.installation}) reads it "
        f"and adds to it, and removes nothing. If that one is gone: `holdfast repository adopt {place.repository}`",
    )


def _tell(app: Services, place: Place, level: Level, word: str, text: str) -> None:
    occasion = f"{place.occasion}-{place.repository}-{place.chain}-{word}"
    app.catalog.log.write(place.session, level, text, source=place.source, once=occasion)

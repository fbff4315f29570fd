"""Retain: deletes the points that the plan expires, then frees what nothing needs. For the maintainer's identity alone.

The plan comes from the app; a manifest has the last word: what its own terms still keep is never deleted, whatever was
planned on the word of a catalog that may be old, damaged or somebody else's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from holdfast.model.clock import iso
from holdfast.model.errors import Damaged, HoldfastError, RepositoryLocked, Unavailable
from holdfast.model.job import ChainWork, RetainSpec
from holdfast.repository import NotOwned, PruneRules, foreign_writer
from holdfast.worker.assignment import Assignment
from holdfast.worker.lock import lock_chain
from holdfast.worker.patience import PAUSE_SECONDS

if TYPE_CHECKING:
    from holdfast.repository import Deletion, Repository

_T = TypeVar("_T")

#: Longer than the lease of a writer that died.
_PATIENCE_SECONDS = 75.0


def work(assignment: Assignment) -> dict[str, Any]:
    """Output: `chains`, one each (see `_delete` and `_prune`). One that fails keeps none of the others. Safe to do again
    at any moment.

    Raises Unavailable and Cancelled, which concern all.
    """
    spec = assignment.spec(RetainSpec)
    assignment.progress.update(phase="opening the repository")
    repository = assignment.repositories.open(spec.repository)
    told = {one.chain: _empty(one.chain) for one in spec.chains}
    for one in spec.chains:
        assignment.stop.check()
        assignment.progress.update(phase=f"retention: {one.source or one.chain}")
        found = told[one.chain]
        try:
            _delete(assignment, repository, one, found)
        except Unavailable:
            raise
        except RepositoryLocked as error:
            found["busy"] = error.detail
        except NotOwned as error:
            found["not_ours"] = f"{error.detail}. {error.help}"
        except HoldfastError as error:
            assignment.stop.check()
            found["error"] = f"{error.title}: {error.detail}"
    _prune(assignment, repository, spec, told)
    return {"chains": list(told.values())}


def _unless_busy(assignment: Assignment, action: Callable[[], _T]) -> _T:
    """What the action gives. A writer that died holds its chain for a minute, and one at work may hold it for hours: the
    other chains of the batch must not wait for that. Raises RepositoryLocked, Cancelled."""
    patience = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return action()
        except RepositoryLocked:
            if time.monotonic() >= patience:
                raise
        assignment.stop.wait(PAUSE_SECONDS)
        assignment.stop.check()


def _empty(chain: str) -> dict[str, Any]:
    return {
        "chain": chain,
        "deleted": [],
        "gone": [],
        "kept": {},
        "locked": {},
        "freed_bytes": 0,
        "waiting_bytes": 0,
        "waiting_until": None,
        "refused_bytes": 0,
        "problems": [],
        "busy": "",
        "not_ours": "",
        "error": None,
    }


def _delete(assignment: Assignment, repository: Repository, one: ChainWork, found: dict[str, Any]) -> None:
    """Fills in `deleted`, `gone` (there was no such point), `kept` (point to why), `locked` (point to when it ends).
    `busy`: who writes to the chain; nothing was done, and the next run comes by. `not_ours`: what another installation has
    to clean up.
    """
    going = _expired(repository, one, found)
    if going:

        def delete() -> list[Deletion]:
            return repository.delete_points(going, owner=assignment.owner, last_too=one.may_empty)

        for deletion in _unless_busy(assignment, delete):
            found["deleted"] += deletion.deleted
            found["gone"] += deletion.gone_before
            found["problems"] += [f"{refusal.object}: {refusal.why}" for refusal in deletion.refused]


def _expired(repository: Repository, one: ChainWork, found: dict[str, Any]) -> list[str]:
    """Of what is planned: what is there, is kept by nothing that its manifest says, and is not write-once any more."""
    now = repository.clock.now()
    reads, problems = repository.manifests(one.chain)
    if problems and one.delete:
        raise Damaged(f"{'; '.join(map(str, problems))}; nothing is deleted before that is settled")
    owner = repository.owner(one.chain)
    there = {read.manifest.point.id: read for read in reads}
    going: list[str] = []
    for point in one.delete:
        read = there.get(point)
        if read is None:
            found["gone"].append(point)
            continue
        terms = read.manifest.point.terms
        if terms is None and point not in one.applied:
            found["kept"][point] = "its manifest names no end"
        elif writer := foreign_writer(owner, read):
            found["not_ours"] = f"installation {writer} wrote expired points of the chain; they are left to it"
        elif terms is not None and terms.keeps(now):
            found["kept"][point] = f"its manifest keeps it until {terms.last_day}"
        else:
            info = repository.store.stat(read.name)
            if info.write_once(now):
                found["locked"][point] = "held" if info.held else iso(info.locked_until or now)
            else:
                going.append(point)
    if going and not one.may_empty and not set(there) - set(going):
        # The plan never empties a chain; a catalog that knows points which are not there could.
        newest = max(going, key=lambda point: there[point].manifest.sequence)
        going.remove(newest)
        found["kept"][newest] = "it is the last point of its chain"
    return going


def _prune(assignment: Assignment, repository: Repository, spec: RetainSpec, told: dict[str, dict[str, Any]]) -> None:
    """Frees what no point needs, of all chains in one go: the repository is listed once. Fills in the bytes that were
    freed, that wait for the grace to end, and that locks keep: those prune finds again when the locks have ended.
    """
    works = {one.chain: one for one in spec.chains}
    due = [chain for chain, found in told.items() if not (found["busy"] or found["error"])]
    show, cancelled = assignment.progress.show, assignment.stop.asked
    rules = PruneRules(grace=spec.grace)
    report = repository.prune(rules, owner=assignment.owner, chains=due, progress=show, cancelled=cancelled)
    for chain in report.chains:
        found = told[chain.chain]
        found["freed_bytes"] = sum(amount.bytes for amount in chain.freed.values())
        found["waiting_bytes"] = sum(amount.bytes for amount in chain.waiting.values())
        found["waiting_until"] = iso(chain.waiting_until) if chain.waiting_until else None
        found["refused_bytes"] = sum(refusal.bytes for refusal in chain.refused)
        if chain.error and chain.error.startswith(RepositoryLocked.title):
            found["busy"] = chain.error
        elif chain.error and chain.error.startswith(NotOwned.title):
            found["not_ours"] = f"{chain.error}. {NotOwned.advice}"
        else:
            found["error"] = chain.error
        if chain.written and spec.immutable:
            assignment.stop.check()
            found["problems"] += lock_chain(repository, chain.chain, works[chain.chain].ends)["problems"]

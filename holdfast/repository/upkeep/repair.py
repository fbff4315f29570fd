"""Repairs what can be without deleting anything: makes index objects again from the packs, sets damaged objects aside.

What is set aside (quarantined, by a removal record) is leaned on by nobody: the next backup stores its chunks again, and
points that need them are whole from then on.
"""

from __future__ import annotations

from holdfast.model.clock import Clock
from holdfast.model.errors import RepositoryLocked
from holdfast.repository.objects.packs import read_table
from holdfast.repository.objects.recording import ChainRecorder
from holdfast.repository.objects.records import Quarantined
from holdfast.repository.upkeep.check_chain import ChainCheck
from holdfast.repository.upkeep.repacking import IndexWriter


def repair_chain(check: ChainCheck, *, owner: str, clock: Clock) -> None:
    """Works on what the check has found; says in its report what was done. A chain in use is left as it is, with a note."""
    damaged = {name: found for name, found in check.damage.items() if name in check.objects.packs}
    bad = {name: "; ".join(dict.fromkeys(found.what)) for name, found in damaged.items()} | check.bad_indexes
    last = check.known.last
    stuck = check.known.unread.get(last.sequence) if last else None
    if not (bad or check.unindexed or stuck or check.known.record):
        return
    try:
        with check.chain.locked(owner) as lock:
            recorder = ChainRecorder(check.chain, check.chain.read_sequence(), lock, clock)
            _rebuild_indexes(check)
            if stuck is not None:
                bad[stuck.name] = stuck.what
            _quarantine(check, recorder, bad)
    except RepositoryLocked as error:
        check.report.notes.append(f"{check.chain.id}: not repaired: {error.detail}")
        return
    for problem in check.report.problems:
        problem.mended |= problem.object in check.bad_indexes or (problem.object in damaged and not problem.points)


def _rebuild_indexes(check: ChainCheck) -> None:
    writer, chain = IndexWriter(check.chain), check.chain
    for name in check.unindexed:
        kind, info = check.objects.packs[name]
        writer.add(read_table(chain.store, chain.sealer, chain.id, kind, info))
    writer.finish()
    if check.unindexed:
        check.report.repaired.append(f"{chain.id}: {len(check.unindexed)} packs are named by index objects again")


def _quarantine(check: ChainCheck, recorder: ChainRecorder, bad: dict[str, str]) -> None:
    """Sets aside what is damaged, and takes back what was read and is whole. No record where nothing changes."""
    state = recorder.known.record
    before = {one.object: one for one in (state.quarantined if state else [])}
    healed = sorted(name for name in before if name in check.read_whole)
    new = {name: why for name, why in bad.items() if name not in before}
    if not new and not healed:
        return
    kept = [one for name, one in before.items() if name not in healed]
    added = [Quarantined(object=name, since=recorder.now, why=why) for name, why in sorted(new.items())]
    recorder.write(quarantined=[*kept, *added])
    check.report.repaired += [f"{name}: set aside ({why})" for name, why in sorted(new.items())]
    check.report.repaired += [f"{name}: it was set aside and is whole again" for name in healed]

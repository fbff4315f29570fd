"""Takes points out of a chain: a record first, then the objects. What a death leaves behind the next removal finishes."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Several
from dataclasses import dataclass, field

from holdfast.model.clock import Clock
from holdfast.model.errors import Forbidden, NotFound
from holdfast.model.installation import Installation
from holdfast.repository.errors import LastPoint
from holdfast.repository.format import check_id, locator_name, manifest_name
from holdfast.repository.objects.chain import Chain
from holdfast.repository.objects.locators import chains_of_point, hinted_sequence
from holdfast.repository.objects.manifests import ReadManifest
from holdfast.repository.objects.owners import ensure_removable, foreign_writer
from holdfast.repository.objects.recording import ChainRecorder
from holdfast.repository.objects.sequence import Sequence, Unread, size_of
from holdfast.storage import ObjectStore


@dataclass(frozen=True)
class Refusal:
    """An object that the storage does not let go, and why: mostly write-once storage, until a date."""

    object: str
    why: str
    bytes: int = 0
    point: str | None = None


@dataclass
class Deletion:
    """What became of a chain's points that were to be deleted. Their packs are freed by prune."""

    chain: str
    deleted: list[str] = field(default_factory=list)
    gone_before: list[str] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


def delete_points(
    chain: Chain,
    points: Several[str],
    *,
    owner: str,
    clock: Clock,
    last_too: bool,
    installation: Installation | None = None,
) -> Deletion:
    """Deletes points of one chain; those that a record removed already are finished. A point that the storage keeps stays,
    and so does one that another installation wrote.

    Raises NotFound for an id that is none, LastPoint where none would be left, NotOwned where the chain is not that of
    `installation`, RepositoryLocked; then nothing was done.
    """
    with chain.locked(owner) as lock:
        known = chain.read_sequence()
        found = Deletion(chain.id)
        targets = _targets(chain, known, points, found)
        owned = ensure_removable(chain, installation)
        foreign = [
            Refusal(one.name, f"installation {writer} wrote it", one.object_bytes, point)
            for point, one in targets.items()
            if isinstance(one, ReadManifest) and (writer := foreign_writer(owned, one))
        ]
        for refusal in foreign:
            targets.pop(str(refusal.point))
        left = {read.manifest.point.id for read in known.points} - set(targets)
        if targets and not left and not last_too:
            raise LastPoint(f"{', '.join(sorted(targets))}: no point of {chain.id} would be left")
        recorder = ChainRecorder(chain, known, lock, clock)
        if targets:
            names = {one.previous.sequence: point for point, one in targets.items()}
            recorder.write(removed=list(targets.values()), point_of=lambda one: names.get(one.previous.sequence))
        found.refused = foreign + finish_removals(recorder)
        kept = {refusal.point for refusal in found.refused}
        found.deleted = [point for point in targets if point not in kept]
        return found


def group_by_chain(
    store: ObjectStore, points: Several[str], chains: Callable[[], list[str]], read: Callable[[str], Sequence]
) -> dict[str, list[str]]:
    """The points by the chain that has or had them: as their locators say, else as the chains themselves do.

    Raises NotFound for one that no chain knows.
    """
    found: dict[str, list[str]] = {}
    known: dict[str, Sequence] = {}
    for point in dict.fromkeys(points):
        for chain in chains_of_point(store, check_id(point, "point")) or chains():
            sequence = known.setdefault(chain, read(chain)) if chain not in known else known[chain]
            live = {read.manifest.point.id for read in sequence.points}
            if point in live or point in sequence.removed_points() or sequence.unread or sequence.absent:
                found.setdefault(chain, []).append(point)
                break
        else:
            raise NotFound(f"restore point {point}")
    return found


def finish_removals(recorder: ChainRecorder) -> list[Refusal]:
    """Deletes what stands under numbers of gaps, and the locators of its points; returns what could not go.

    A point whose manifest cannot be deleted is made a point again.
    """
    chain, known = recorder.chain, recorder.known
    names = {number: point for point, number in known.removed_points().items()}
    refused: list[Refusal] = []
    kept: list[ReadManifest] = []
    for number, one in sorted(known.leftover.items()):
        name = manifest_name(chain.id, number)
        point = one.manifest.point.id if isinstance(one, ReadManifest) else names.get(number)
        try:
            chain.store.delete(name)
        except Forbidden as error:
            refused.append(Refusal(name, error.detail.removeprefix(f"{name}: "), size_of(one), point))
            if isinstance(one, ReadManifest):
                kept.append(one)
            continue
        del known.leftover[number]
    if kept:
        recorder.give_back(kept)
    live = {read.manifest.point.id for read in known.points}
    for info in _own_locators(chain, set(names.values()) - live):
        try:
            chain.store.delete(info)
        except Forbidden as error:
            refused.append(Refusal(info, error.detail.removeprefix(f"{info}: ")))
    return refused


def _own_locators(chain: Chain, points: set[str]) -> list[str]:
    """Locators that are there of these points."""
    return [name for point in sorted(points) for name in _listed(chain, locator_name(point, chain.id))]


def _listed(chain: Chain, name: str) -> list[str]:
    return [info.name for info in chain.store.list(name) if info.name == name]


def _targets(chain: Chain, known: Sequence, points: Several[str], found: Deletion) -> dict[str, ReadManifest | Unread]:
    """What is to be removed, by the point's id. A damaged or missing manifest is known by its locator alone."""
    live = {read.manifest.point.id: read for read in known.points}
    removed = known.removed_points()
    targets: dict[str, ReadManifest | Unread] = {}
    for point in dict.fromkeys(points):
        hint = hinted_sequence(chain.store, chain.sealer, chain.id, locator_name(point, chain.id))
        if point in live:
            targets[point] = live[point]
        elif point in removed:
            found.gone_before.append(point)
        elif hint is not None and hint in known.unread:
            targets[point] = known.unread[hint]
        elif hint is not None and hint in known.absent:
            targets[point] = Unread(hint, manifest_name(chain.id, hint), "the manifest is missing", "", 0)
        else:
            raise NotFound(f"restore point {point}")
    return targets

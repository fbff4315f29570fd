"""Changed bits, cuts, additions, swaps and replays of every kind of object: noticed, or proven to be harmless.

`make prove PIECES=flips` makes 10,000; PIECES="flips-07" runs one part again. A failure names its seed.
"""

from __future__ import annotations

import hashlib
import io
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from holdfast.bacpac.skeleton import Skeleton
from holdfast.model.errors import HoldfastError
from holdfast.repository import Repository
from holdfast.repository.objects import chain, sequence
from holdfast.repository.upkeep import check_chain
from tests.repository.flips_world import Place, World, build_world

_PARTS, _WHOLE, _PART = 20, 500, 100
_WAYS = {"flip": 60, "cut": 20, "extend": 8, "swap": 8, "replay": 4}
_FIGURES: Counter[tuple[str, str]] = Counter()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, tools: Any) -> Iterator[World]:
    # Starting threads would take most of the time.
    with pytest.MonkeyPatch.context() as patch:
        for module in (chain, sequence):
            patch.setattr(module, "READERS", 1)
        patch.setattr(check_chain, "PACKS_AT_ONCE", 1)
        yield build_world(tmp_path_factory.mktemp("flips"), tools)


@pytest.mark.prove
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "part",
    [pytest.param(n, id=f"flips-{n:02}", marks=pytest.mark.whole if n else ()) for n in range(_PARTS)],
)
def test_nothing_that_is_changed_goes_unnoticed(world: World, tmp_path: Path, part: int, whole: bool) -> None:
    """Every mutation is named by the check, or by what reading raises, or every point comes back right in spite of it."""
    figures: Counter[tuple[str, str]] = Counter()
    wrong: list[str] = []
    for number in range(_WHOLE if whole else _PART):
        mutation = draw(world, seed := 1_000_000 * part + number)
        try:
            outcome = Trial(world, mutation, random.Random(seed), tmp_path).outcome()
        except Exception as error:  # noqa: BLE001 (what is no HoldfastError is a finding, too)
            wrong.append(f"seed {seed}: {mutation}: {type(error).__name__}: {error}")
            continue
        figures[mutation.way, outcome] += 1
        figures[mutation.kind, outcome] += 1
    sys.stdout.write(_table(figures))
    assert not wrong, f"{len(wrong)}\n" + "\n".join(wrong[:30])
    if whole:
        _FIGURES.update(figures)
        sys.stdout.write(f"\nso far\n{_table(_FIGURES)}")


@dataclass(frozen=True)
class Mutation:
    """Objects with the bytes that they have now."""

    kind: str
    way: str
    what: str
    changed: dict[Place, bytes] = field(repr=False)


def draw(world: World, seed: int) -> Mutation:
    """Every kind of object is as likely as any other, however many there are of it; but for locks, which hold nothing."""
    chance = random.Random(seed)
    kinds = sorted(world.kinds)
    (kind,) = chance.choices(kinds, [1 if kind.endswith("lock") else 4 for kind in kinds])
    place = chance.choice(world.kinds[kind])
    (way,) = chance.choices(list(_WAYS), list(_WAYS.values()))
    if way == "replay":
        replayed = sorted(set(world.kinds[kind]) & world.older.keys())
        way, place = ("replay", chance.choice(replayed)) if replayed else ("flip", place)
    data, what = world.data(place), place[1]
    if way == "swap":
        alike = [other for kind_ in _alike(world, kind) for other in world.kinds[kind_] if world.data(other) != data]
        if alike:
            other = chance.choice(alike)
            return Mutation(kind, way, f"{what} and {other}", {place: world.data(other), other: data})
        way = "flip"  # locks are all the same
    if way == "flip":
        at, bit = _place_in(chance, len(data)), chance.randrange(8)
        flipped = bytearray(data)
        flipped[at] ^= 1 << bit
        return Mutation(kind, way, f"{what} byte {at} bit {bit}", {place: bytes(flipped)})
    if way == "cut":
        keep = _place_in(chance, len(data))
        return Mutation(kind, way, f"{what} cut to {keep}", {place: data[:keep]})
    if way == "extend":
        more = chance.choice([chance.randbytes(chance.randint(1, 64)), bytes(16), b"\n", data, data[-12:]])
        return Mutation(kind, way, f"{what} with {len(more)} more", {place: data + more})
    return Mutation(kind, way, f"{what} as it was in another past", {place: world.older[place]})


def _place_in(chance: random.Random, size: int) -> int:
    """Anywhere, the header and the end more often than the few bytes that they are."""
    near = min(64, size)
    return chance.choice(
        [chance.randrange(size), chance.randrange(size), chance.randrange(near), size - 1 - chance.randrange(near)]
    )


def _alike(world: World, kind: str) -> list[str]:
    """The same kind in both repositories."""
    return [other for other in sorted(world.kinds) if other.partition(": ")[2] == kind.partition(": ")[2]]


@dataclass
class Trial:
    """One mutation, checked and restored from."""

    world: World
    mutation: Mutation
    chance: random.Random
    folder: Path

    def outcome(self) -> str:
        """`check`: it names all that was changed; `reading`: what reading raises does; `harmless`: all came back right."""
        outcomes = set()
        for where in sorted({place[0] for place in self.mutation.changed}):
            changed = {name: data for (at, name), data in self.mutation.changed.items() if at == where}
            real = {name: data for name, data in changed.items() if data != self.world.data((where, name))}
            if real:
                outcomes.add(self._of(where, real))
        return " and ".join(sorted(outcomes)) or "the same bytes"

    def _of(self, where: str, changed: dict[str, bytes]) -> str:
        world, store = self.world, self.world.view(where, changed)
        report = world.open(where, store).check(read_data=True)
        named = {problem.object for problem in report.problems}
        own = sorted(point for point, truth in world.points.items() if truth.where == where)
        needing = sorted({point for name in changed for point in world.needing[where, name]})
        unnamed = changed.keys() - named
        # One that needs it; now and then any other, which must not be hit.
        chosen = {self.chance.choice(needing if needing and self.chance.random() < 0.7 else own)}
        told = set()
        for point in own if unnamed else sorted(chosen):
            error = self._restore(world.open(where, store), point)
            if error is None:
                continue
            told |= {name for name in changed if name in error.detail}
            hit = point in report.damaged_points or any(
                "/manifests/" in name or name == "repository.json" for name in named
            )
            assert hit, f"{point} cannot be read ({error}), and the check says {report.problems}"
            assert unnamed < changed.keys() or told, f"{point}: {error} names nothing of {sorted(changed)}"
        opened = self._open_all(where, store) if any("/" not in n or n.startswith("keys/") for n in changed) else set()
        if not unnamed:
            return "check"
        unnamed -= told | opened
        for name in unnamed:
            assert self._excused(where, name, changed[name]), f"all came back right, and nothing names {name}"
        return "harmless" if unnamed else "reading"

    def _excused(self, where: str, name: str, data: bytes) -> bool:
        """Whether nothing can come of it: it says the same, nobody reads it, or nothing needs it."""
        if name.startswith("locks/") or name in self.world.condemned:
            return True
        if name.startswith("points/"):
            return data == self.world.older.get((where, name))  # the same words, sealed anew
        return name.endswith(".json") and data.strip() == self.world.data((where, name))

    def _open_all(self, where: str, store: Any) -> set[str]:
        """Each credential opens to the one key, or is refused in words; returns the objects that a refusal names."""
        known, told = self.world.opened[where], set()
        for credential in self.world.credentials[where]:
            try:
                opened = Repository.open(store, credential, clock=self.world.clock)
            except HoldfastError as error:
                told |= {name for name in store.objects if name in error.detail}
                continue
            assert opened.description == known.description
            assert opened._keys._data_key == known._keys._data_key
        return told

    def _restore(self, repository: Repository, point: str) -> HoldfastError | None:
        """The point's every byte is right, or the error that says why not."""
        truth, way = self.world.points[point], self.chance.random()
        try:
            if way < 0.05:
                out = self.folder / "out.bacpac"
                repository.write_bacpac(point, out, identical=True)
                assert hashlib.sha256(out.read_bytes()).hexdigest() == truth.sha256, "another file came back"
            elif way < 0.2:
                read = repository._readable(point)
                rebuilt = io.BytesIO()
                Skeleton.from_bytes(read.layout.skeleton).rebuild(read.entry, rebuilt)
                assert hashlib.sha256(rebuilt.getvalue()).hexdigest() == truth.sha256, "another file came back"
            else:
                entries = repository._readable(point).entries()
                back = {entry.name: b"".join(pieces) for entry, pieces in entries}
                assert back == truth.entries, "other bytes came back"
        except HoldfastError as error:
            assert not list(self.folder.glob(".*.part")), "half a file is left"
            return error
        return None


def _table(figures: Counter[tuple[str, str]]) -> str:
    outcomes = sorted({outcome for _, outcome in figures})
    lines = [f"\n{'':28}" + "".join(f"{outcome:>20}" for outcome in outcomes)]
    rows = {row for row, _ in figures}
    shown = sorted(rows, key=lambda row: (row not in _WAYS, row))
    lines += [f"{row:28}" + "".join(f"{figures[row, outcome]:20,}" for outcome in outcomes) for row in shown]
    lines.append(f"{sum(count for (row, _), count in figures.items() if row in _WAYS):,} mutations")
    return "\n".join(lines) + "\n"

"""kill -9 of a process at random moments of backup, prune, rekey and archive: nothing is lost, nothing is done twice.

`make prove PIECES=deaths` kills 200 times; PIECES="deaths-prune" one operation. The moments are drawn from a seed, within
what the operation takes on this machine.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.model.errors import WrongKey
from holdfast.repository import Password, PruneRules, Repository
from holdfast.repository.points import frame_writing, writing
from holdfast.repository.upkeep import repacking
from holdfast.storage.folder import FolderStore
from tests.repository import deaths_driver as driver
from tests.repository.deaths_driver import ARCHIVED, DAYS, DELETED, NEXT, Job, header_of

ROOT = Path(__file__).resolve().parents[2]
_OPERATIONS = ("backup", "prune", "rekey", "archive")
_WHOLE, _PART = 50, 2
#: Longer than a lease: what the dead one held has ended.
_LATER = 120.0
#: A job that has written nothing for so many seconds has ended.
_LONGEST = 10

Entries = dict[str, bytes]


@dataclass(frozen=True)
class Base:
    """Two repositories in folders as they were before, and what each point must give back."""

    folder: Path
    next_file: Path
    truth: dict[str, Entries]

    def copy(self, to: Path, operation: str) -> Job:
        """A fresh copy of both, and the operation on them."""
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(self.folder, to)
        return Job(operation, str(to / "backup"), str(to / "archive"), str(self.next_file))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, tools: Any) -> Iterator[Base]:
    folder, files = tmp_path_factory.mktemp("base"), tmp_path_factory.mktemp("files")
    chance = random.Random(3)
    rows = [tools.row(n, f"{chance.getrandbits(400):x}") for n in range(900)]
    truth: dict[str, Entries] = {}
    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((frame_writing, "FRAME_BYTES"), (repacking, "FRAME_BYTES"), (writing, "PACK_BYTES")):
            patch.setattr(module, name, getattr(module, name))
        patch.setattr(writing, "ARCHIVE_PACK_BYTES", writing.ARCHIVE_PACK_BYTES)
        driver.write_small()
        job = Job("", str(folder / "backup"), str(folder / "archive"), "")
        backup = Repository.init(FolderStore(folder / "backup", job), Password(driver.OLD, driver.CHEAP), clock=job)
        backup.slots.add(driver.OLD_PAPER, "paper")
        Repository.init(
            FolderStore(folder / "archive", job), Password(driver.ARCHIVES, driver.CHEAP), clock=job, archive=True
        )
        for day in (*DAYS, NEXT):
            for number in chance.sample(range(900), 60):
                rows[number] = tools.row(number, f"{chance.getrandbits(400):x}")
            # What only this day has: without it a prune would find little to free.
            passing = [tools.row(n, f"{chance.getrandbits(400):x}") for n in range(200)]
            tables = {"Orders": [b"".join(rows)], "Fixed": [tools.rows(300)], f"Day{day}": [b"".join(passing)]}
            file = tools.build_bacpac(files / f"{day}.bacpac", tables, exported=day)
            truth[header_of(day).id] = dict(tools.entries_of(file))
            if day != NEXT:
                backup.store_point(file, header_of(day), owner="w")
        yield Base(folder, file, truth)


class Processes:
    """Starts processes, each of which does one job."""

    def __init__(self, first: Job) -> None:
        """`first` is done before any other."""
        self._server = subprocess.Popen(
            [sys.executable, "-m", driver.__name__, first.encode()],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def seconds(self, job: Job) -> float:
        """What the whole job takes."""
        self._ask(job.encode())
        began = time.monotonic()
        assert self._ask("wait") == "0"
        return time.monotonic() - began

    def killed(self, job: Job, after: float, since: Callable[[], bool]) -> bool:
        """Begins the job and kills it so long after `since` is true; whether it died of that before it had ended."""
        process = int(self._ask(job.encode()))
        end = time.monotonic() + _LONGEST
        while not since() and time.monotonic() < end:
            time.sleep(0.0005)
        time.sleep(after)
        os.kill(process, signal.SIGKILL)
        ended = int(self._ask("wait"))
        assert ended in (0, -signal.SIGKILL), "it failed before it was killed"
        return ended != 0

    def end(self) -> None:
        """No more jobs."""
        self._server.communicate(timeout=60)

    def _ask(self, line: str) -> str:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(f"{line}\n")
        self._server.stdin.flush()
        return self._server.stdout.readline().strip()


@pytest.fixture(scope="module")
def processes(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    started = Processes(base.copy(tmp_path_factory.mktemp("first"), "backup"))
    yield started
    started.end()


@pytest.mark.prove
@pytest.mark.timeout(300)
@pytest.mark.parametrize("operation", _OPERATIONS, ids=[f"deaths-{one}" for one in _OPERATIONS])
def test_a_process_may_die_at_any_moment(
    base: Base, processes: Processes, tmp_path: Path, operation: str, whole: bool
) -> None:
    """Checks clean, restores right, and the operation done again does what it should have done, once."""
    chance, work = random.Random(operation), tmp_path / "work"
    before = _objects(base.folder)
    trials = [_trial(processes, base.copy(work, operation), before) for _ in range(3 if whole else 1)]
    first, took = sorted(trials, key=lambda trial: trial[1])[len(trials) // 2]
    wanted, deaths, late, figures = _WHOLE if whole else _PART, 0, 0, Counter[str]()
    while deaths < wanted:
        job = base.copy(work, operation)
        if chance.random() < 0.3:
            delay, since, when = chance.uniform(0, took), _at_once, "its beginning"
        else:  # while it writes, which is not all that it does
            delay, since, when = (
                chance.uniform(0, took - first),
                lambda: _names(work) != before.keys(),
                "its first write",
            )
        if not processes.killed(job, delay, since):
            late += 1
            assert late < 10 + 4 * wanted, "it always ends before it is killed"
            continue
        deaths += 1
        where = f"{operation}, death {deaths} {delay * 1000:.1f} ms after {when}"
        left = _objects(work)
        _survived(base, replace(job, ahead=_LATER), where)
        driver.perform(replace(job, ahead=2 * _LATER))
        state = "before its first write" if left == before else "in between"
        figures["after its last write" if left == _objects(work) else state] += 1
        _done_again(base, replace(job, ahead=3 * _LATER), where)
    told = ", ".join(f"{count} {state}" for state, count in sorted(figures.items()))
    sys.stdout.write(f"\n{operation}: {deaths} deaths within {took * 1000:.0f} ms: {told}; {late} more came too late\n")


def _at_once() -> bool:
    return True


def _trial(processes: Processes, job: Job, before: dict[str, int]) -> tuple[float, float]:
    """Seconds to the first write, and to the end."""
    began = time.time()
    took = processes.seconds(job)
    written = [at for name, at in _objects(Path(job.backup).parent).items() if name not in before]
    return min(max(min(written, default=0) / 1e9 - began, 0), took), took


def _survived(base: Base, job: Job, where: str) -> None:
    """Whatever was being done: checks are clean, and what is listed can be restored."""
    opened, archive = job.open_backup(), job.open_archive()
    for one in (opened, archive):
        assert one.check(read_data=True).problems == [], where
    listed = [point.id for point in opened.points()]
    old, new = _before_and_after(job.operation)
    assert listed in (old, new), where
    for point in listed:
        assert _content(opened, point) == base.truth[point], where
    copies = [point.id for point in archive.points()]
    assert len(copies) <= (job.operation == "archive"), where
    for point in copies:
        assert _content(archive, point) == base.truth[header_of(ARCHIVED).id], where
    papers = [paper for paper in (driver.OLD_PAPER, driver.NEW_PAPER) if _opens(job, paper)]
    assert papers, where


def _done_again(base: Base, job: Job, where: str) -> None:
    """What it should have done is there once; to do it yet again changes nothing."""
    driver.perform(job)
    opened, archive = job.open_backup(), job.open_archive()
    assert [point.id for point in opened.points()] == _before_and_after(job.operation)[1], where
    for point in opened.points():
        assert _content(opened, point.id) == base.truth[point.id], where
    copies = archive.points()
    assert len(copies) == (job.operation == "archive"), where
    for point in copies:
        assert _content(archive, point.id) == base.truth[header_of(ARCHIVED).id], where
    rekeyed = job.operation == "rekey"
    assert sorted(slot.name for slot in opened.slots.all()) == ["first", "paper"], where
    opening = (Password(driver.OLD), driver.OLD_PAPER), (Password(driver.NEW), driver.NEW_PAPER)
    assert [_opens(job, one) for one in opening[rekeyed]] == [True, True], where
    assert [_opens(job, one) for one in opening[not rekeyed]] == [False, False], where
    # What the dead one left is freed by a prune; after it nothing is there that no point needs.
    for one in (opened, archive):
        rules = PruneRules(grace=timedelta(0))
        assert one.prune(rules, owner="last").ok, where
        assert one.prune(rules, owner="last").freed_bytes == 0, where
        report = one.check(read_data=True)
        assert (report.problems, report.notes) == ([], []), where


def _before_and_after(operation: str) -> tuple[list[str], list[str]]:
    """The points that are listed."""
    before = [header_of(day).id for day in DAYS]
    if operation == "backup":
        return before, [*before, header_of(NEXT).id]
    if operation == "prune":
        return before, [header_of(day).id for day in DAYS if day not in DELETED]
    return before, before


def _content(opened: Repository, point: str) -> Entries:
    return {entry.name: b"".join(pieces) for entry, pieces in opened._readable(point).entries()}


def _opens(job: Job, credential: Any) -> bool:
    try:
        Repository.open(FolderStore(Path(job.backup), job), credential, clock=job)
    except WrongKey:
        return False
    return True


def _objects(folder: Path) -> dict[str, int]:
    """Names of all objects in both repositories but locks, with when each was written."""
    return {name: (folder / name).stat().st_mtime_ns for name in _names(folder)}


def _names(folder: Path) -> set[str]:
    found = {f"{one}/{info.name}" for one in ("backup", "archive") for info in FolderStore(folder / one).list()}
    return {name for name in found if "/locks/" not in name}

"""Processes that each do one thing to a repository in a folder and are killed while they do.

`python -m tests.repository.deaths_driver JOB` does that job itself, so that everything is loaded. Then, for every line, a
job, it starts a process and says its id; on the next line it waits for that process to end and says how it did. Until then
the id is no other's.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from holdfast.model.errors import WrongKey
from holdfast.repository import Password, PasswordCost, PointHeader, PruneRules, RecoveryKey, Repository
from holdfast.repository.points import frame_writing, writing
from holdfast.repository.upkeep import repacking
from holdfast.storage.folder import FolderStore

CHEAP = PasswordCost(iterations=1, lanes=1, memory_kib=64)
OLD, NEW, ARCHIVES = "what opened it until now", "what opens it from now on", "the archive's own"
OLD_PAPER, NEW_PAPER = RecoveryKey(bytes(range(32))), RecoveryKey(bytes(range(32, 64)))
#: The points that there are, those of them that are deleted, the one that is stored, the one that is archived.
DAYS, DELETED, NEXT, ARCHIVED = (1, 2, 3, 4), (2, 3), 5, 4


@dataclass(frozen=True)
class Job:
    """What is done, and where. `ahead`: seconds that the process's clock is ahead, so that leases of the dead have ended."""

    operation: str
    backup: str
    archive: str
    file: str
    ahead: float = 0

    def now(self) -> datetime:
        """The clock."""
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def open_backup(self) -> Repository:
        """With whichever of the two passwords opens it. Raises WrongKey."""
        store = FolderStore(Path(self.backup), self)
        try:
            return Repository.open(store, OLD, clock=self, name="backup")
        except WrongKey:
            return Repository.open(store, NEW, clock=self, name="backup")

    def open_archive(self) -> Repository:
        """The archive repository."""
        return Repository.open(FolderStore(Path(self.archive), self), ARCHIVES, clock=self, name="archive")

    def encode(self) -> str:
        """For the command line."""
        return json.dumps(asdict(self))


def header_of(number: int) -> PointHeader:
    """The header of a day's point."""
    return PointHeader(
        id=f"2026010{number}T000000Z-chain",
        source="server/database",
        chain="chain-a",
        created_at=datetime(2026, 1, number, tzinfo=UTC),
        session=f"session-{number}",
    )


def perform(job: Job) -> None:
    """Does the operation; done again it finishes what a death has left."""
    opened = job.open_backup()
    if job.operation == "backup":
        opened.store_point(Path(job.file), header_of(NEXT), owner="backup")
    elif job.operation == "prune":
        opened.delete_points([header_of(number).id for number in DELETED], owner="prune")
        report = opened.prune(PruneRules(grace=timedelta(0), dead_percent=5), owner="prune")
        assert report.ok, report.as_json()
    elif job.operation == "rekey":
        opened.slots.rotate("first", Password(NEW, CHEAP))
        opened.slots.rotate("paper", NEW_PAPER)
    else:
        assert job.operation == "archive"
        opened.copy_point(header_of(ARCHIVED).id, job.open_archive(), flags=["M"], session="archive", owner="archive")


def write_small() -> None:
    """Packs of a few frames, so that a little data takes many writes."""
    frame_writing.FRAME_BYTES = repacking.FRAME_BYTES = 16 << 10  # type: ignore[attr-defined]
    writing.PACK_BYTES = writing.ARCHIVE_PACK_BYTES = 32 << 10


def main() -> None:
    """See the module."""
    write_small()
    perform(Job(**json.loads(sys.argv[1])))
    for line in sys.stdin:
        job = Job(**json.loads(line))
        child = os.fork()
        if child == 0:
            try:
                perform(job)
            except BaseException:  # noqa: BLE001 (it must not go on as its parent)
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _say(str(child))
        sys.stdin.readline()
        _say(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

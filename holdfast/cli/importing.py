"""Takes a BACPAC that exists into a repository, as planned."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from holdfast.cli.direct import owner
from holdfast.cli.import_plan import PlannedFile, unreadable
from holdfast.cli.waiting import once_unlocked
from holdfast.model.errors import BadBacpac, NotFound, Rehydrating
from holdfast.model.job import Progress

if TYPE_CHECKING:
    from holdfast.repository import PointHeader, Repository

ProgressFn = Callable[[Progress], None]


def take_in(repository: Repository, row: PlannedFile, progress: ProgressFn) -> None:
    """Stores a file that is new; its row says how it ended: stored, or what is wrong with the file.

    What is wrong with the repository or with this machine concerns all files and is raised: a second run goes on where
    this one stopped. Nobody knows whether a file was exported from a copy at rest, so its points count as live.
    """

    def fetched(count: int) -> None:
        progress(Progress(phase="fetch", bytes=count, bytes_total=row.file.size))

    with ExitStack() as held:
        try:
            path = held.enter_context(row.file.here(fetched))
        except (NotFound, Rehydrating) as error:
            row.fail(error)
            return
        header = _header(row)
        try:
            made = once_unlocked(lambda: repository.store_point(path, header, owner=owner(), progress=progress))
            row.point = made.without_lists()
            row.state = "stored"
        except BadBacpac as error:
            row.fail(error)
        except OSError as error:  # stores translate theirs, so it is the file's
            row.fail(unreadable(row.file, error))


def _header(row: PlannedFile) -> PointHeader:
    from holdfast.repository import PointHeader

    if row.point_id is None or row.created_at is None:
        raise ValueError(f"{row.file.name} is not planned")
    return PointHeader(
        id=row.point_id,
        source=row.source,
        chain=row.chain,
        created_at=row.created_at,
        consistency="live",
        session=row.session,
    )

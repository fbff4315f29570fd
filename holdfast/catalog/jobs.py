"""Jobs that workers have in hand: what the watch looks through for lost ones."""

from __future__ import annotations

from holdfast.catalog.tables import Row, Table, joined, persist
from holdfast.model.clock import Clock, iso
from holdfast.model.errors import Conflict, NotFound
from holdfast.model.job import Job

_JOBS = "jobs"
_OPEN, _CLOSED = "open", "closed"


class Jobs:
    """Jobs by id. Open and closed ones lie apart, so that the watch reads no more than what is open."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table, self._clock = table, clock

    def add(self, job: Job) -> bool:
        """Records a job as open. Repeated, nothing changes, and a job that was closed meanwhile stays closed.

        Gives back whether the job is open. Raises Conflict where the id belongs to another session.
        """

        def once() -> bool:
            for place in (_OPEN, _CLOSED):
                found = self._table.read(_JOBS, joined(place, job.id))
                if found is None:
                    continue
                if found.text("session") != job.session:
                    raise Conflict(f"job {job.id} belongs to session {found.text('session')}")
                return place == _OPEN
            values = {"session": job.session, "job": job.model_dump_json(), "added_at": iso(self._clock.now())}
            self._table.write(("create", Row(_JOBS, joined(_OPEN, job.id), values)))
            return True

        return persist(once, f"job {job.id}")

    def open_jobs(self) -> list[Job]:
        """Every open job."""
        return persist(lambda: [self._job(row) for row in self._table.rows(_JOBS, prefix=(_OPEN,))], "the open jobs")

    def get(self, job_id: str) -> Job:
        """A job, open or closed. Raises NotFound."""
        return self._job(self._find(job_id))

    def is_open(self, job_id: str) -> bool:
        """Whether the job is open. Raises NotFound."""
        return self._find(job_id).key == joined(_OPEN, job_id)

    def close(self, job_id: str) -> bool:
        """Closes a job; whether this call did it. A closed or unknown job is fine."""

        def once() -> bool:
            found = self._table.read(_JOBS, joined(_OPEN, job_id))
            if found is None:
                return False
            values = {**found.values, "closed_at": iso(self._clock.now())}
            moved = Row(_JOBS, joined(_CLOSED, job_id), values, away=frozenset())
            # The closed row goes on naming the text of the open one, which therefore must not be dropped with it.
            left = Row(found.partition, found.key, {}, found.etag)
            self._table.write(("delete", left), ("create", moved))
            return True

        return persist(once, f"job {job_id}")

    def forget(self, job_id: str) -> None:
        """Removes what is known of a job."""
        for place in (_OPEN, _CLOSED):
            self._table.erase(_JOBS, joined(place, job_id))

    def _find(self, job_id: str) -> Row:
        # Open first: a job that is closed in between is then found closed.
        for place in (_OPEN, _CLOSED):
            found = self._table.read(_JOBS, joined(place, job_id))
            if found is not None:
                return found
        raise NotFound(f"there is no job {job_id}")

    def _job(self, row: Row) -> Job:
        return Job.model_validate_json(self._table.value(row, "job"))

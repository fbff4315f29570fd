"""One job from its message to its end: run, kept alive, answered once, announced, tidied, and only then off the queue."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar, get_args

import structlog

from holdfast.model.job import Heartbeat, Job, JobEvent, JobKind, JobResult, JobState, WorkerMessage
from holdfast.telemetry import working
from holdfast.worker.assignment import Assignment, EndedBadly, Equipment
from holdfast.worker.failures import error_info
from holdfast.worker.kinds import tidy_of, work_of
from holdfast.worker.mailbox import Delivery, Mailbox
from holdfast.worker.progress import ProgressBoard
from holdfast.worker.stopping import Stop, StopReason

log = structlog.get_logger()

_T = TypeVar("_T")

#: Pause before a result or an announcement that did not get through is tried again.
_INSIST_PAUSE_SECONDS = 5.0


class JobRunner:
    """Runs the job of one message in a thread of its own, with a second thread that reports and listens meanwhile."""

    def __init__(
        self,
        mailbox: Mailbox,
        equipment: Equipment,
        delivery: Delivery,
        hidden_for: timedelta,
        ended: Callable[[JobRunner], None],
    ) -> None:
        self.mailbox, self.equipment, self.clock = mailbox, equipment, equipment.clock
        self.hidden_for, self.ended = hidden_for, ended
        self.progress, self.stop = ProgressBoard(), Stop()
        self.session = self.job_id = ""
        self._delivery, self._delivery_lock = delivery, threading.Lock()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._main, daemon=True)

    def readable(self) -> bool:
        """Whether the message says which job it is for. One that does not is removed: nobody could ever do it."""
        try:
            message = WorkerMessage.model_validate_json(self._delivery.text)
        except ValueError:
            log.error("a message that nobody can read was removed", message=self._delivery.text[:200])
            self.mailbox.remove(self._delivery)
            return False
        self.session, self.job_id = message.session, message.job
        self._thread.name = f"job-{message.job}"
        return True

    def start(self) -> None:
        """Starts the job's thread."""
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Waits for the job's end, at most that long."""
        self._thread.join(seconds)

    def adopt(self, delivery: Delivery) -> None:
        """Takes over a newer delivery of the same job: only the newest receipt counts."""
        with self._delivery_lock:
            previous, self._delivery = self._delivery, delivery
        if previous.id != delivery.id:
            self.mailbox.remove(previous)

    def _main(self) -> None:
        bound = log.bind(session=self.session, job=self.job_id)
        keeper = threading.Thread(target=self._keep, name=f"keep-{self.job_id}", daemon=True)
        try:
            keeper.start()
            settled = self._handle()
            # From here on the message must not be renewed: a new receipt would make this one void.
            self._done.set()
            if settled:
                self._insist(self._remove)
                bound.info("the job has ended")
            else:
                with self._delivery_lock:
                    self.mailbox.renew(self._delivery, timedelta(0))
                bound.info("the job was abandoned and stays in the queue")
        except Exception as error:  # noqa: BLE001 (the message comes back by itself and the job runs again)
            bound.error(
                "the job's end could not be settled; it will be delivered again", error=error_info(error).detail
            )
        finally:
            self._done.set()
            keeper.join(timeout=30)
            self.ended(self)

    def _handle(self) -> bool:
        """Does the job unless it has ended before; True once the end is announced, False if it was abandoned."""
        document = self.mailbox.read_job(self.session, self.job_id)
        if document is None:
            log.error("a message names a job that has no document; it was removed", job=self.job_id)
            return True
        result = self.mailbox.result(self.session, self.job_id)
        try:
            job = Job.model_validate_json(document)
        except ValueError as error:
            return self._refuse(document, result, error)
        assignment = Assignment(job, self.equipment, self.mailbox, self.progress, self.stop)
        if result is None:
            mine = self._work(assignment)
            if mine is None:
                return False
            result = self._insist(lambda: self.mailbox.publish(self.session, mine))
        if result is None or not self._announce(job.instance_id, result.state):
            return False
        self._tidy(assignment, result.state)
        return True

    def _tidy(self, assignment: Assignment, state: JobState) -> None:
        """Tidies the disk. A fault is logged and no more: the job's end is known by now."""
        try:
            tidy_of(assignment.job.kind)(assignment, state)
        except Exception as error:  # noqa: BLE001 (what stays is swept at the next start)
            log.warning("the workspace could not be removed", job=self.job_id, error=error_info(error).detail)

    def _work(self, assignment: Assignment) -> JobResult | None:
        """The job's result; None where the worker goes down before there is one."""
        job = assignment.job
        bound = log.bind(session=job.session, job=job.id, kind=job.kind, source=job.source)
        bound.info("a job begins", attempt=job.attempt, delivery=self._delivery.count)
        state: JobState = "succeeded"
        error, output = None, {}
        try:
            if self.mailbox.cancel_asked(job.session, job.id):
                self.stop.ask(StopReason.CANCELLED)
            self.stop.check()
            about = {"backup.source.id": job.source, "backup.step": job.step, "backup.job.id": job.id}
            with working(f"job {job.kind}", job.session, about):
                output = work_of(job.kind)(assignment)
        except Exception as failure:  # noqa: BLE001 (every failure becomes the job's result)
            if self.stop.reason is StopReason.SHUTDOWN:
                return None
            error = error_info(failure.error if isinstance(failure, EndedBadly) else failure)
            state = "cancelled" if self.stop.reason is StopReason.CANCELLED else "failed"
            output = failure.output if isinstance(failure, EndedBadly) else {}
            if error.code == "internal":
                bound.error("a job failed in a way that nobody foresaw", exc_info=failure)
            else:
                bound.warning("a job failed", code=error.code, detail=error.detail)
        return JobResult(job=job.id, kind=job.kind, state=state, ended_at=self.clock.now(), error=error, output=output)

    def _refuse(self, document: bytes, result: JobResult | None, error: ValueError) -> bool:
        """Ends a job whose document is not valid: with a failed result where the document says enough for one."""
        log.error("a job document is not valid", session=self.session, job=self.job_id)
        try:
            raw: Any = json.loads(document)
        except ValueError:
            raw = {}
        raw = raw if isinstance(raw, dict) else {}
        if result is None and raw.get("kind") in get_args(JobKind):
            refusal = JobResult(
                job=self.job_id, kind=raw["kind"], state="failed", ended_at=self.clock.now(), error=error_info(error)
            )
            result = self._insist(lambda: self.mailbox.publish(self.session, refusal))
        if result is not None and isinstance(raw.get("instance_id"), str):
            return self._announce(raw["instance_id"], result.state)
        return True

    def _announce(self, instance: str, state: JobState) -> bool:
        event = JobEvent(instance_id=instance, session=self.session, job=self.job_id, state=state)

        def send() -> bool:
            self.mailbox.announce(event)
            return True

        return bool(self._insist(send))

    def _insist(self, action: Callable[[], _T]) -> _T | None:
        """Does what must get through, again and again; None if the worker goes down first. Hours of work hang on it."""
        while True:
            try:
                return action()
            except Exception as error:  # noqa: BLE001 (whatever storage answers)
                log.warning("storage does not take the job's end yet", job=self.job_id, error=error_info(error).detail)
            if self.stop.wait_for_shutdown(_INSIST_PAUSE_SECONDS):
                return None

    def _keep(self) -> None:
        """Reports and listens until the job has ended: heartbeat, hidden message, cancel marker, an end from outside."""
        pause = self.equipment.settings.heartbeat.total_seconds()
        while True:
            for act in (self._beat, self._hold, self._listen):
                try:
                    act()
                except Exception as error:  # noqa: BLE001 (the next round may get through)
                    log.warning("a heartbeat did not get through", job=self.job_id, error=error_info(error).detail)
            if self._done.wait(pause):
                return

    def _beat(self) -> None:
        name, latest = self.equipment.settings.name, self.progress.latest()
        self.mailbox.heartbeat(self.session, self.job_id, Heartbeat(worker=name, at=self.clock.now(), progress=latest))

    def _hold(self) -> None:
        with self._delivery_lock:
            if not self._done.is_set() and not self.mailbox.renew(self._delivery, self.hidden_for):
                log.warning("the job's message is no longer ours; the result decides", job=self.job_id)

    def _listen(self) -> None:
        if self.stop.asked():
            return
        if self.mailbox.cancel_asked(self.session, self.job_id):
            self.stop.ask(StopReason.CANCELLED)
        elif self.mailbox.result(self.session, self.job_id) is not None:
            self.stop.ask(StopReason.SUPERSEDED)

    def _remove(self) -> None:
        with self._delivery_lock:
            self.mailbox.remove(self._delivery)

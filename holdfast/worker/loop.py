"""The worker's main loop: takes messages from its queue, runs the jobs in threads, says that it is alive."""

from __future__ import annotations

import queue
import threading
import time
from datetime import timedelta
from uuid import uuid4

import structlog

import holdfast
from holdfast.model.job import WorkerCheckIn
from holdfast.worker.assignment import Equipment
from holdfast.worker.mailbox import Mailbox
from holdfast.worker.runner import JobRunner
from holdfast.worker.stopping import StopReason

log = structlog.get_logger()

#: How long jobs may take to let go when the worker is told to stop; systemd waits for a minute.
SHUTDOWN_GRACE = timedelta(seconds=30)
#: Pause after a fault of the queue, doubled up to this.
_LONGEST_PAUSE = timedelta(seconds=30)
#: After a job the next one of the same session follows within seconds: the worker looks more often for this long.
_BRISK_SECONDS = 30.0
_BRISKLY = 4
#: The queue counts whole seconds, and a busy machine may stand still for some.
_SHORTEST_HIDING = timedelta(seconds=10)


class WorkerLoop:
    """Runs until `stop` is called. One instance a process."""

    def __init__(self, mailbox: Mailbox, equipment: Equipment, *, hidden_for: timedelta | None = None) -> None:
        self.mailbox, self.equipment = mailbox, equipment
        self.settings, self.clock = equipment.settings, equipment.clock
        # How long a message stays hidden without renewal; renewed at every heartbeat, so a few may fail.
        self.hidden_for = hidden_for or max(self.settings.heartbeat * 5, _SHORTEST_HIDING)
        # A restart of the program counts as a boot: whatever was in hand before is not in hand now.
        self.boot_id = self.settings.boot_id or uuid4().hex
        self.started_at = self.clock.now()
        self._runners: dict[str, JobRunner] = {}
        self._lock = threading.Lock()
        self._stopping = False
        # A SimpleQueue, because a signal handler may put into it at any moment; an Event could deadlock there.
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._next_check_in = self._brisk_until = 0.0
        # Its age tells the machine's own deadline (see boot.py) how long ago there was work.
        self._alive = equipment.workspaces.root / "alive"

    def stop(self) -> None:
        """Ends `run` soon: nothing new is taken, jobs in hand are abandoned. May be called from a signal handler."""
        self._stopping = True
        self._wake.put(None)

    def run(self) -> None:
        """Works until `stop`. Faults of storage are logged and outlasted."""
        self.equipment.workspaces.open()
        if not self._alive.exists():
            self._alive.touch()
        log.info("the worker is there", worker=self.settings.name, boot=self.boot_id, parallel=self.settings.parallel)
        pause = self.settings.poll
        while not self._stopping:
            try:
                self._check_in()
                taken = self._take_one()
                brisk = time.monotonic() < self._brisk_until
                pause = self.settings.poll / _BRISKLY if brisk else self.settings.poll
            except Exception as error:  # noqa: BLE001 (whatever storage answers, the worker outlasts it)
                log.warning("the queue or storage does not answer", error=f"{type(error).__name__}: {error}")
                taken, pause = False, min(pause * 2, _LONGEST_PAUSE)
            if not taken:
                self._sleep(pause)
        self._abandon()

    def running(self) -> list[str]:
        """Ids of the jobs in hand."""
        with self._lock:
            return sorted(self._runners)

    def _sleep(self, span: timedelta) -> None:
        """Sleeps until the span is over, a job has ended, or the worker is told to stop."""
        try:
            self._wake.get(timeout=span.total_seconds())
            while True:
                self._wake.get_nowait()
        except queue.Empty:
            return

    def _take_one(self) -> bool:
        """Takes one message and starts its job; False where there is none or no hand is free."""
        with self._lock:
            if len(self._runners) >= self.settings.parallel:
                return False
        delivery = self.mailbox.receive(self.hidden_for)
        if delivery is None:
            return False
        runner = JobRunner(self.mailbox, self.equipment, delivery, self.hidden_for, self._ended)
        if not runner.readable():
            return True
        with self._lock:
            same = self._runners.get(runner.job_id)
            if same is None:
                self._runners[runner.job_id] = runner
        if same is not None:
            # Our own message came back (the machine stood still, or the app sent it twice): the job is in hand already.
            same.adopt(delivery)
            return True
        runner.start()
        return True

    def _ended(self, runner: JobRunner) -> None:
        with self._lock:
            self._runners.pop(runner.job_id, None)
        self._brisk_until = time.monotonic() + _BRISK_SECONDS
        self._wake.put(None)

    def _check_in(self) -> None:
        """Says that the worker is there, once a heartbeat; keeps the deadline for forgotten machines away while it works."""
        moment = time.monotonic()
        if moment < self._next_check_in:
            return
        running = self.running()
        if running:
            self._alive.touch()
        self.mailbox.check_in(
            WorkerCheckIn(
                worker=self.settings.name,
                boot_id=self.boot_id,
                version=holdfast.__version__,
                started_at=self.started_at,
                at=self.clock.now(),
                running=running,
            )
        )
        self._next_check_in = moment + self.settings.heartbeat.total_seconds()

    def _abandon(self) -> None:
        """Lets go of the jobs in hand: their messages are given back, so they run again at the next start."""
        with self._lock:
            runners = list(self._runners.values())
        log.info("the worker stops", jobs=[runner.job_id for runner in runners])
        for runner in runners:
            runner.stop.ask(StopReason.SHUTDOWN)
        deadline = time.monotonic() + SHUTDOWN_GRACE.total_seconds()
        for runner in runners:
            runner.join(max(0.0, deadline - time.monotonic()))

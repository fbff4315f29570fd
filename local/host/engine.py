"""Runs orchestrations, entities and activities from the store, until it is stopped or killed.

Inboxes are served first come, first served, and coalesced: after an episode an instance rests for about as long as its
replay took, so that many completions are taken in one replay and a large fan-in does not grow quadratically.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
import traceback
import uuid
from collections import deque
from collections.abc import Coroutine
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from local.host import entities, lifecycle, payload
from local.host.episode import Outcome, play
from local.host.history import COMPLETED, RUNNING, SUSPENDED, TERMINAL, Event, EventType, moment_of, stamp
from local.host.host_json import HostOptions
from local.host.index import ACTIVITY, Index
from local.host.invoke import Invoker, decode, encode
from local.host.pace import Pace
from local.host.replay import Emission
from local.host.store import Changes, Instance, Message, Store, Transaction, Work

_log = logging.getLogger(__name__)

_WORTH_RESTING: Final = 0.002
"""Replays shorter than this (seconds) are repeated at once."""
_LONGEST_REST: Final = 0.5
_DETAILS_CHARACTERS: Final = 8000


class Engine:
    """The loop over the store's inboxes, timers and work. One event loop, one thread."""

    def __init__(self, store: Store, index: Index, invoker: Invoker, pace: Pace, options: HostOptions) -> None:
        self._store, self._index, self._invoker, self._pace, self._options = store, index, invoker, pace, options
        self._ready: dict[str, None] = {}
        self._work: deque[Work] = deque()
        self._resting: dict[str, float] = {}
        self._busy: set[str] = set()
        self._running: dict[int, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stopping = False
        self._warned: set[str] = set()
        self._take(store.left_over())
        store.listener = self._take

    @property
    def running_activities(self) -> list[str]:
        """Names of the activities that run at this moment."""
        return sorted(self._running.values())

    async def run(self) -> None:
        """Serves until `stop`."""
        while not self._stopping:
            self._wake.clear()
            self._fire_timers()
            self._start_activities()
            rest = self._start_steps()
            due = self._store.next_due()
            seconds = self._pace.seconds_until(datetime.fromtimestamp(due, UTC) if due is not None else None)
            try:
                async with asyncio.timeout(max(0.0005, min(seconds, rest))):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def stop(self, grace: float) -> None:
        """Starts nothing more and waits for what runs, `grace` seconds at most; the rest runs again at next start."""
        self._stopping = True
        self._wake.set()
        if self._tasks:
            _done, late = await asyncio.wait(self._tasks, timeout=grace)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1)

    def _take(self, changes: Changes) -> None:
        self._ready |= changes.instances
        self._work.extend(changes.work)
        self._wake.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _fire_timers(self) -> None:
        due = self._store.due_timers(self._pace.now().timestamp())
        if not due:
            return
        with self._store.transaction() as change:
            for instance, execution, timer, fire_at in due:
                event = {"EventType": EventType.TIMER_FIRED, "EventId": -1, "TimerId": timer, "FireAt": fire_at}
                change.send(instance, event, execution)
                change.drop_timer(instance, execution, timer)

    def _start_activities(self) -> None:
        while self._work and len(self._running) < self._options.activities:
            work = self._work.popleft()
            self._running[work.n] = work.name
            self._spawn(self._activity(work))

    def _start_steps(self) -> float:
        """Starts what is ready and has a slot; returns the seconds until the first resting one may go on."""
        now, soonest = time.monotonic(), float("inf")
        of_entities = sum(1 for busy in self._busy if busy.startswith("@"))
        free = {True: self._options.entities - of_entities}
        free[False] = self._options.orchestrators - (len(self._busy) - of_entities)
        for key in list(self._ready):
            kind = key.startswith("@")
            if free[kind] <= 0 or key in self._busy:
                continue
            rest = self._resting.get(key, 0.0) - now
            if rest > 0:
                soonest = min(soonest, rest)
                continue
            self._resting.pop(key, None)
            del self._ready[key]
            self._busy.add(key)
            free[kind] -= 1
            self._spawn(self._step(key))
        return soonest

    async def _step(self, key: str) -> None:
        try:
            if key.startswith("@"):
                await entities.step(self._store, self._index, self._invoker, self._pace, key)
            else:
                await self._orchestration(key)
        except Exception:  # noqa: BLE001 (one bad instance must not stop the others; it is tried again)
            _log.exception("step failed", extra={"instance": key})
            self._ready[key] = None
            self._resting[key] = time.monotonic() + 1
        finally:
            self._busy.discard(key)
            self._wake.set()

    async def _orchestration(self, key: str) -> None:
        instance, messages = self._store.instance(key), self._store.inbox(key)
        if instance is None or instance.status in TERMINAL:
            with self._store.transaction() as change:
                change.consume([message.n for message in messages])
            return
        consumed, new, suspended = _sort(instance, messages)
        for event in new:
            if event["EventType"] == EventType.EXECUTION_TERMINATED:
                with self._store.transaction() as change:
                    lifecycle.terminate(change, self._pace.now(), instance, event.get("Input"))
                return
        if not new:
            with self._store.transaction() as change:
                change.consume(consumed)
                change.update(key, status=SUSPENDED if suspended else RUNNING)
            return
        at = stamp(self._pace.now())
        opening: Event = {"EventType": EventType.ORCHESTRATOR_STARTED, "EventId": -1}
        events = [{**event, "IsPlayed": False, "Timestamp": at} for event in [opening, *new]]
        past = self._store.history(key)
        outcome = await self._invoker.replay(partial(play, self._index, instance, past, events))
        self._warn(instance, outcome)
        self._commit(instance, consumed, len(past), outcome, suspended=suspended)
        if outcome.seconds > _WORTH_RESTING:
            self._resting[key] = time.monotonic() + min(outcome.seconds, _LONGEST_REST)

    def _warn(self, instance: Instance, outcome: Outcome) -> None:
        if outcome.misnumbers and instance.execution not in self._warned:
            self._warned.add(instance.execution)
            _log.error(
                "a failure inside task_all: the SDK has gone on while the host still waits, so from here they may "
                "number tasks differently and mix up results; let nothing raise inside task_all",
                extra={"instance": instance.id, "orchestrator": instance.name},
            )

    def _commit(
        self, instance: Instance, consumed: list[int], length: int, outcome: Outcome, *, suspended: bool
    ) -> None:
        now = self._pace.now()
        with self._store.transaction() as change:
            change.consume(consumed)
            if outcome.custom_status is not None:
                change.update(instance.id, custom_status=outcome.custom_status)
            events = outcome.new_events
            for number, emission in outcome.emitted.items():
                events.append({"EventType": emission.type, "EventId": number, **emission.fields})
                self._carry_out(change, now, instance, number, emission, outcome.cancelled)
            for timer in outcome.cancelled:
                change.drop_timer(instance.id, instance.execution, timer)
            if outcome.continue_with is not None:
                self._continue_as_new(change, now, instance, outcome.continue_with[0])
                return
            events.append({"EventType": EventType.ORCHESTRATOR_COMPLETED, "EventId": -1})
            if outcome.ended:
                events.append(_ending(outcome))
            at = stamp(now)
            texts = [json.dumps({"Timestamp": at, **event, "IsPlayed": True}) for event in events]
            change.append_history(instance.id, length, texts)
            if outcome.error is not None:
                lifecycle.fail(change, now, instance, outcome.error)
            elif outcome.ended:
                lifecycle.end(change, now, instance, COMPLETED, outcome.output, "")
            else:
                status = SUSPENDED if suspended else RUNNING
                change.update(instance.id, status=status, updated=now.timestamp())

    def _carry_out(
        self,
        change: Transaction,
        now: datetime,
        instance: Instance,
        number: int,
        emission: Emission,
        cancelled: set[int],
    ) -> None:
        """Does what a decision asks for; the real host puts each on a queue in the same way."""
        fields = emission.fields
        if emission.type == EventType.TASK_SCHEDULED:
            change.queue_work(instance.id, instance.execution, number, fields["Name"], fields["Input"])
        elif emission.type == EventType.EVENT_SENT:
            change.send(fields["InstanceId"], json.loads(fields["Input"]))
        elif emission.type == EventType.TIMER_CREATED:
            if number not in cancelled:
                due = moment_of(fields["FireAt"]).timestamp()
                change.start_timer(instance.id, instance.execution, number, due, fields["FireAt"])
        else:
            self._start_child(change, now, instance, number, fields)

    def _start_child(
        self, change: Transaction, now: datetime, instance: Instance, number: int, fields: dict[str, Any]
    ) -> None:
        child = self._store.instance(fields["InstanceId"])
        if child is None or child.status in TERMINAL:
            lifecycle.start(
                change,
                now,
                fields["Name"],
                fields["Input"],
                instance_id=fields["InstanceId"],
                version=fields["Version"],
                parent=(instance.id, number, instance.execution),
            )
            return
        _log.error("sub-orchestration id is in use", extra={"instance": instance.id, "child": child.id})
        event = {
            "EventType": EventType.SUB_ORCHESTRATION_FAILED,
            "EventId": -1,
            "TaskScheduledId": number,
            "Reason": f"An Orchestration instance with the id {child.id} already exists and is {child.status}.",
            "Details": "",
        }
        change.send(instance.id, event, instance.execution)

    def _continue_as_new(self, change: Transaction, now: datetime, instance: Instance, new_input: str | None) -> None:
        """A new generation; events that the old one was sent and did not await are lost, as in Azure."""
        execution = uuid.uuid4().hex
        change.new_execution(instance.id, execution, new_input, now.timestamp())
        first = lifecycle.started(instance.name, instance.version, new_input, instance.id, execution)
        change.send(instance.id, first, execution)

    async def _activity(self, work: Work) -> None:
        try:
            event = await self._run_activity(work) | {"EventId": -1, "TaskScheduledId": work.task}
            with self._store.transaction() as change:
                change.end_work(work.n)
                change.send(work.instance, event, work.execution)
        finally:
            self._running.pop(work.n, None)
            self._wake.set()

    async def _run_activity(self, work: Work) -> Event:
        began = time.monotonic()
        told = {"activity": work.name, "instance": work.instance}
        try:
            function = self._index.activities[work.name.lower()]
            value = await self._invoker.call(function, decode(ACTIVITY, work.input or "null", "json"))
            result = payload.check(encode(ACTIVITY, value).value, f"result of activity {work.name!r}")
        except Exception as error:  # noqa: BLE001 (whatever the app raises goes to its orchestrator)
            _log.warning("activity failed", exc_info=error, extra=told)
            details = "".join(traceback.format_exception(error))[-_DETAILS_CHARACTERS:]
            # Two blanks: the worker's "Result: Failure\nException: " prefix leaves one in Azure as well.
            reason = f"Activity function '{work.name}' failed:  {type(error).__name__}: {error}"
            return {"EventType": EventType.TASK_FAILED, "Reason": reason, "Details": details}
        _log.debug("activity done", extra={**told, "seconds": round(time.monotonic() - began, 3)})
        return {"EventType": EventType.TASK_COMPLETED, "Result": result}


def _sort(instance: Instance, messages: list[Message]) -> tuple[list[int], list[Event], bool]:
    """What an episode takes from the inbox: numbers to consume, events for it, and whether it is suspended after.

    What is meant for another execution is dropped; what comes while suspended stays, but a termination.
    """
    consumed: list[int] = []
    new: list[Event] = []
    held: list[Message] = []
    suspended = instance.status == SUSPENDED
    for message in messages:
        kind = message.event["EventType"]
        if message.execution not in (None, instance.execution):
            consumed.append(message.n)
        elif kind in (EventType.EXECUTION_SUSPENDED, EventType.EXECUTION_RESUMED):
            suspended = kind == EventType.EXECUTION_SUSPENDED
            consumed.append(message.n)
        else:
            held.append(message)
        if not suspended or kind == EventType.EXECUTION_TERMINATED:  # resumed: what was held comes first
            consumed += [one.n for one in held]
            new += [one.event for one in held]
            held = []
    new.sort(key=lambda event: event["EventType"] != EventType.EXECUTION_STARTED)
    return consumed, new, suspended


def _ending(outcome: Outcome) -> Event:
    if outcome.error is not None:
        return {"EventType": EventType.EXECUTION_COMPLETED, "EventId": -1, "OrchestrationStatus": "Failed"}
    return {
        "EventType": EventType.EXECUTION_COMPLETED,
        "EventId": -1,
        "OrchestrationStatus": COMPLETED,
        "Result": outcome.output,
    }

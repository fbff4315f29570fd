"""What the sagas share: an activity with its retries, a worker, a job on it, a fan-out in two levels."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from datetime import datetime, timedelta
from typing import Any

import azure.durable_functions as df

Answer = dict[str, Any]
Saga = Generator[Any, Any, Answer]

#: Seconds between attempts to open a session.
_OPENING_PAUSE = 5

#: How often a drop or a deallocation is looked at before the janitor is left to it.
_CLEANUP_LOOKS = 240

#: How often it is tried to write down what is to be told: an hour of a database that does not answer.
_TELLING = 60


def now(context: df.DurableOrchestrationContext) -> datetime:
    """The orchestration's own time: the same at every replay."""
    moment: datetime = context.current_utc_datetime
    return moment


def seconds(run: Answer, name: str) -> timedelta:
    """A duration that `open_session` read from the settings once, so that a replay sees the same."""
    return timedelta(seconds=run["timing"][name])


def crashed(name: str) -> Answer:
    """The answer for an activity that did not come to one: its process died or it raised what nobody foresaw."""
    return {
        "ok": False,
        "error": {
            "code": "internal",
            "title": "Something went wrong that Holdfast did not foresee",
            "detail": f"the step {name} ended without an answer",
            "help": "It is tried again as the policy allows; look at the app's log if it goes on.",
            "permanent": False,
            "exit_code": 1,
            "http_status": 500,
        },
    }


def final(answer: Answer) -> bool:
    """Whether trying again makes no sense: it worked, or no retry can help."""
    return bool(answer["ok"]) or bool(answer["error"].get("permanent"))


def step(context: df.DurableOrchestrationContext, name: str, given: Answer, *, retries: int = 0) -> Saga:
    """One activity, tried again after a pause while it fails for a reason that may pass. Never raises."""
    attempt = 0
    while True:
        try:
            answer: Answer = yield context.call_activity(name, given)
        except Exception:  # noqa: BLE001 (whatever the host reports: the saga goes on to its cleanup)
            answer = crashed(name)
        if final(answer) or attempt >= retries:
            return answer
        attempt += 1
        yield context.create_timer(now(context) + seconds(given, "retry_delay"))


def open_session(context: df.DurableOrchestrationContext) -> Saga:
    """The session's beginning: `run`, which every later step is given, and `failed`, why nothing else may happen."""
    asked: Answer = context.get_input()
    run = {**asked, "started_at": now(context).isoformat(), "instance": context.instance_id}
    # Until the settings are read there is no other pause than this.
    run |= {"timing": {"retry_delay": _OPENING_PAUSE}, "retries": 0}
    opened = yield from step(context, "open_session", run, retries=5)
    if not opened["ok"]:
        return {"run": run, "failed": opened["error"]}
    return {"run": {**run, "timing": opened["timing"], "retries": opened["retries"]}, "failed": None}


def lease_worker(context: df.DurableOrchestrationContext, run: Answer, attempt: int) -> Saga:
    """A worker in the plan's region that has checked in, started or created if need be; asks again until it is there.

    Every machine has the whole deadline for its boot; time in the queue for a free one does not count.
    """
    given, booting = {**run, "attempt": attempt}, ""
    deadline = now(context)
    while True:
        answer = yield from step(context, "lease_worker", given)
        if not answer["ok"] or answer["ready"]:
            return answer
        if answer["worker"] != booting:
            # Also where another source gave up the machine that both had waited for.
            booting, deadline = answer["worker"], now(context) + seconds(run, "worker_deadline")
        elif booting and now(context) >= deadline:
            answer = yield from step(context, "give_up_worker", {**given, "worker": booting})
            if not answer["ok"]:
                return answer
        yield context.create_timer(now(context) + seconds(run, "worker_poll"))


def run_job(context: df.DurableOrchestrationContext, run: Answer, kind: str, worker: str, attempt: int) -> Saga:
    """One job on the worker: submitted, awaited by one event, collected. Never raises.

    One wait, not a loop of waits with heartbeats between them: a task used again in a second `task_any` holds up the
    real host's replay. The `watch_jobs` timer ends the wait of a worker that fell silent.
    """
    given = {**run, "kind": kind, "worker": worker, "attempt": attempt}
    submitted = yield from step(context, "submit_job", given, retries=2)
    if not submitted["ok"]:
        return submitted
    event = context.wait_for_external_event(f"job-{submitted['job']}")
    deadline = context.create_timer(now(context) + seconds(run, "job_deadline"))
    yield context.task_any([event, deadline])
    if not deadline.is_completed:
        deadline.cancel()
    collected = yield from step(context, "collect_job", {**given, "job": submitted["job"]}, retries=5)
    # What the job came to is no failure of collecting it: asking again would only hear the same.
    if collected.get("error"):
        return {"ok": False, "error": collected["error"], "job": submitted["job"]}
    return collected


def attempts(context: df.DurableOrchestrationContext, run: Answer, once: Callable[[int], Saga]) -> Saga:
    """`once(1)`, `once(2)`… with a pause between, until one is final or the policy allows no more."""
    attempt = 0
    while True:
        attempt += 1
        answer = yield from once(attempt)
        if final(answer) or attempt > run["retries"]:
            return answer
        yield context.create_timer(now(context) + seconds(run, "retry_delay"))


def on_worker(context: df.DurableOrchestrationContext, run: Answer, kinds: Sequence[str], attempt: int) -> Saga:
    """Leases a worker and runs the jobs on it, one after the other, until one fails."""
    answer = yield from lease_worker(context, run, attempt)
    worker = answer.get("worker", "")
    for kind in kinds:
        if not answer["ok"]:
            break
        answer = yield from run_job(context, run, kind, worker, attempt)
    return answer


def clean_up(context: df.DurableOrchestrationContext, run: Answer, answer: Answer) -> Saga:
    """Drops the copy, gives the worker back, records how the source ended; until the copy is really gone."""
    outcome: Answer = {"ok": True} if answer["ok"] else {"ok": False, "error": answer["error"]}
    for _ in range(_CLEANUP_LOOKS):
        cleaned = yield from step(context, "clean_up", {**run, "outcome": outcome}, retries=10)
        if not cleaned["ok"] or not cleaned.get("pending"):
            break
        yield context.create_timer(now(context) + seconds(run, "copy_poll"))
    return cleaned


def deallocate_workers(context: df.DurableOrchestrationContext, run: Answer) -> Saga:
    """Stops the session's workers that nobody else uses, until they are really deallocated."""
    for _ in range(_CLEANUP_LOOKS):
        stopped = yield from step(context, "deallocate_workers", run, retries=10)
        if not stopped["ok"] or not stopped.get("pending"):
            break
        yield context.create_timer(now(context) + seconds(run, "worker_poll"))
    return stopped


def tell_session(context: df.DurableOrchestrationContext, run: Answer) -> Saga:
    """Hands what became of the session to the outbox. The session has ended and its state depends on nothing here."""
    return (yield from step(context, "tell_session", run, retries=_TELLING))


def fan_out(context: df.DurableOrchestrationContext, run: Answer, child: str, batches: int) -> Saga:
    """The child saga for every source of the session: a batch orchestration per hundred, in a tree of two levels."""
    # The SDK answers None for an empty list.
    if not batches:
        return {"ok": True, "succeeded": 0, "failed": 0}
    children = [
        context.call_sub_orchestrator(
            "source_batch", {**run, "child": child, "batch": number}, f"{run['session']}:{child}:{number}"
        )
        for number in range(batches)
    ]
    answers: list[Answer] = yield context.task_all(children)
    return {
        "ok": True,
        "succeeded": sum(a["succeeded"] for a in answers),
        "failed": sum(a["failed"] for a in answers),
    }

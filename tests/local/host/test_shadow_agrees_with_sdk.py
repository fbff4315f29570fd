"""Random orchestrators, random orders and batches of answers: SDK and shadow must number every task alike, and the
result must be what a plain model of the program says.

`make prove PIECES=shadow` runs many more; a failure names its seed.
"""

# ruff: noqa: BLE001 (what an orchestrator's tasks raise is a plain Exception)

from __future__ import annotations

import json
import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import pytest

_WHOLE, _PART = range(4000), range(150)
PIECES = 10


@dataclass
class Leaf:
    """One task of a program, with how it will go."""

    kind: str
    key: str
    fails: int = 0
    """Attempts that fail; of a task without retries: 0 or 1."""
    attempts: int = 1

    @property
    def succeeds(self) -> bool:
        return self.fails < self.attempts

    def value(self) -> Any:
        """What the task yields, or "failed"."""
        if self.kind == "timer":
            return None
        if self.kind == "event":
            return ["event", self.key]
        return ["value", self.key] if self.succeeds else "failed"


@dataclass
class Step:
    """One `yield`, or a signal."""

    kind: str
    leaves: list[Leaf] = field(default_factory=list)


def program(seed: int, *, failing_fan_ins: bool = False) -> list[Step]:
    """A random program. Nothing fails inside task_all unless that is asked for (pitfall 6)."""
    rnd = random.Random(seed)
    steps: list[Step] = []
    for at in range(rnd.randint(2, 7)):
        kind = rnd.choice(["one", "one", "all", "all", "any", "signal", "nested"])
        safe = kind in ("all", "nested") and not failing_fan_ins
        count = {"one": 1, "signal": 0}.get(kind, rnd.randint(1, 5))
        steps.append(Step(kind, [leaf(rnd, f"{at}.{i}", safe=safe) for i in range(count)]))
    return steps


def leaf(rnd: random.Random, key: str, *, safe: bool) -> Leaf:
    kind = rnd.choice(["activity", "retry", "sub", "sub_retry", "timer", "event", "entity"])
    if kind in ("retry", "sub_retry"):
        attempts = rnd.randint(1, 3)
        return Leaf(kind, key, rnd.randint(0, attempts - 1 if safe else attempts), attempts)
    fails = 0 if safe or kind in ("timer", "event") else rnd.choice([0, 0, 1])
    return Leaf(kind, key, fails)


def task(context: Any, one: Leaf) -> Any:
    patience = df.RetryOptions(10, one.attempts)
    match one.kind:
        case "activity":
            return context.call_activity("A", one.key)
        case "retry":
            return context.call_activity_with_retry("R", patience, one.key)
        case "sub":
            return context.call_sub_orchestrator("S", one.key)
        case "sub_retry":
            return context.call_sub_orchestrator_with_retry("S", patience, one.key)
        case "timer":
            return context.create_timer(context.current_utc_datetime + timedelta(seconds=1))
        case "event":
            return context.wait_for_external_event(one.key)
    return context.call_entity(df.EntityId("E", "k"), one.key)


def code(steps: list[Step]) -> Callable[[Any], Generator[Any, Any, Any]]:
    """The program as an orchestrator."""

    def orchestrate(context: Any) -> Generator[Any, Any, Any]:
        results: list[Any] = []
        for step in steps:
            tasks = [task(context, one) for one in step.leaves]
            try:
                if step.kind == "signal":
                    context.signal_entity(df.EntityId("E", "k"), "note")
                    results.append("signalled")
                elif step.kind == "one":
                    results.append((yield tasks[0]))
                elif step.kind == "all":
                    results.append((yield context.task_all(tasks)))
                elif step.kind == "nested":
                    inner = [context.task_all(tasks), context.task_any([context.call_activity("A", "nested")])]
                    results.append((yield context.task_all(inner))[0])
                else:
                    winner = yield context.task_any(tasks)
                    results.append({"won": tasks.index(winner)})
            except Exception:
                results.append("failed")
        return results

    return orchestrate


def check(steps: list[Step], results: list[Any]) -> None:
    """The plain model."""
    assert len(results) == len(steps)
    for step, got in zip(steps, results, strict=True):
        values = [one.value() for one in step.leaves]
        if step.kind == "signal":
            assert got == "signalled"
        elif step.kind == "one":
            assert got == values[0]
        elif step.kind == "any":
            assert got["won"] in range(len(step.leaves))
        else:
            assert got == ("failed" if "failed" in values else values)


class World:
    """Answers what an orchestration asked for, in random order and in random batches."""

    def __init__(self, steps: list[Step], seed: int) -> None:
        self.rnd = random.Random(seed * 7 + 1)
        self.leaves = {one.key: one for step in steps for one in step.leaves}
        self.leaves["nested"] = Leaf("activity", "nested")
        self.tries: dict[str, int] = {}
        self.waiting: list[dict[str, Any]] = [
            {"EventType": 15, "Name": one.key, "Input": json.dumps(one.value())}
            for one in self.leaves.values()
            if one.kind == "event"
        ]

    def hear(self, asked: list[dict[str, Any]]) -> None:
        for event in asked:
            answer = self._answer(event)
            if answer is not None:
                self.waiting.append(answer)

    def _answer(self, event: dict[str, Any]) -> dict[str, Any] | None:
        number = event["EventId"]
        if event["EventType"] == 10:
            return {"EventType": 11, "TimerId": number, "FireAt": event["FireAt"]}
        if event["EventType"] == 14:
            request = json.loads(event["Input"])
            if request.get("signal"):
                return None
            one = self.leaves[request["op"]]
            reply = {"result": json.dumps(one.value() if one.succeeds else "bad")}
            if not one.succeeds:
                reply["exceptionType"] = "Error"
            return {"EventType": 15, "Name": request["id"], "Input": json.dumps(reply)}
        one = self.leaves[json.loads(event["Input"])]
        self.tries[one.key] = self.tries.get(one.key, 0) + 1
        if self.tries[one.key] <= one.fails:
            kind = 6 if event["EventType"] == 4 else 9
            return {"EventType": kind, "TaskScheduledId": number, "Reason": "r", "Details": "d"}
        kind = 5 if event["EventType"] == 4 else 8
        return {"EventType": kind, "TaskScheduledId": number, "Result": json.dumps(one.value())}

    def next_batch(self) -> list[dict[str, Any]]:
        self.rnd.shuffle(self.waiting)
        count = self.rnd.randint(1, len(self.waiting))
        batch, self.waiting = self.waiting[:count], self.waiting[count:]
        return batch


def play(orchestration: Any, steps: list[Step], seed: int, *, check_numbers: bool = True) -> Any:
    """Runs a program to its end; returns its results, or None where that went wrong, which nobody may overlook."""
    run, world = orchestration(code(steps)), World(steps, seed)
    turn, warned = run.turn(), False
    while True:
        warned = warned or turn.shadow.misnumbers
        events = {one.key for one in world.leaves.values() if one.kind == "event"}
        # Once the code has returned the SDK looks at nothing more, while the host waits for what is open.
        apart = (not turn.answer["isDone"] and turn.sdk_open != turn.host_open) or bool(
            set(turn.completed_twice) - events
        )
        if apart and check_numbers:
            raise AssertionError(f"seed {seed}: SDK {turn.sdk_open}, host {turn.host_open}, {turn.completed_twice}")
        if set(turn.completed_twice) - events:
            assert warned, f"seed {seed}: mixed up without a warning"
            return None
        if turn.shadow.finished and turn.answer["isDone"]:
            return None if warned else turn.answer["output"]
        world.hear(turn.asked)
        if not world.waiting:
            assert warned, f"seed {seed}: stuck without a warning"
            return None
        try:
            turn = run.turn(*world.next_batch())
        except Exception:
            if check_numbers:
                raise
            return None  # the SDK broke within one episode: that fails the instance, loudly


@pytest.mark.prove
@pytest.mark.parametrize("piece", range(PIECES))
def test_ids_and_results_agree_for_random_orchestrators(orchestration: Any, piece: int, whole: bool) -> None:
    """Fan-out, retries, sub-orchestrations, timers, early and late events, entities; failures outside fan-ins."""
    for seed in (_WHOLE if whole else _PART)[piece::PIECES]:
        steps = program(seed)
        results = play(orchestration, steps, seed)
        try:
            check(steps, results)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {results}") from error


@pytest.mark.prove
@pytest.mark.parametrize("piece", range(PIECES))
def test_what_goes_wrong_after_a_failing_fan_in_was_warned_of(orchestration: Any, piece: int, whole: bool) -> None:
    """Pitfall 6: SDK and host come apart after some failures inside task_all, never without the host's warning."""
    for seed in (_WHOLE if whole else _PART)[piece::PIECES]:
        steps = program(seed, failing_fan_ins=True)
        results = play(orchestration, steps, seed, check_numbers=False)
        if results is not None:
            check(steps, results)


def test_the_fuzz_reaches_what_it_is_for(orchestration: Any) -> None:
    """Programs of the small run hold every kind of task, and some of the failing fan-ins do come apart."""
    small = range(100)
    kinds = {one.kind for seed in small for step in program(seed) for one in step.leaves}
    assert kinds == {"activity", "retry", "sub", "sub_retry", "timer", "event", "entity"}
    outcomes = [play(orchestration, program(seed, failing_fan_ins=True), seed, check_numbers=False) for seed in small]
    assert None in outcomes

"""What every activity does around its own work: looks for a cancellation, records the step, turns errors into answers.

An activity never raises: the orchestration reads `{"ok": true, …}` or `{"ok": false, "error": …}`. That keeps errors
whole (code, help, permanent or not) where the host would flatten them to text, and keeps tracebacks out of histories.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import structlog

from holdfast.model.errors import Cancelled, ErrorInfo, HoldfastError
from holdfast.model.session import State
from holdfast.telemetry.spans import failed, working
from holdfast.wiring import Services, services

Given = dict[str, Any]
Answer = dict[str, Any]
Work = Callable[[Services, Given], Answer | None]

_log = structlog.get_logger("activities")

#: A history takes 16 kB an event; an error's texts stay far below.
_LONGEST_TEXT = 2000


def answered(
    *, step: str | Callable[[Given], str] | None = None, cancellable: bool = True
) -> Callable[[Work], Callable[[Given], Answer]]:
    """Makes an activity of a piece of work.

    `step` is the step of the source that the work does, or tells it from what is given; it is recorded as running, then
    as succeeded or failed. Work that answers `{"pending": true}` leaves the step running. `detail` in the answer becomes
    the step's detail.
    Work that must run after a cancellation (cleanup) is not `cancellable`.
    """

    def wrap(work: Work) -> Callable[[Given], Answer]:
        @functools.wraps(work)
        def activity(given: Given) -> Answer:
            app = services()
            session, key = given.get("session"), given.get("key")
            name = step(given) if callable(step) else step
            recorder = _Recorder(app, session, key, name)
            about = {"backup.source.key": key, "backup.step": name}
            with working(work.__name__, session, about) as span:
                answer = attempt(app, given, recorder, name or work.__name__)
                if not answer["ok"]:
                    failed(span, answer["error"]["code"], answer["error"]["title"])
                return answer

        def attempt(app: Services, given: Given, recorder: _Recorder, name: str) -> Answer:
            session = recorder.session
            try:
                if cancellable and session and app.catalog.sessions.is_cancelled(session):
                    raise Cancelled(f"session {session}")
                recorder.running()
                answer = work(app, given) or {}
            except HoldfastError as error:
                return recorder.failed(error.info())
            except Exception as error:  # noqa: BLE001 (an activity answers, whatever happens)
                # The type alone: a message of a library may hold what a history must not.
                _log.exception("activity failed", activity=work.__name__, session=session, key=recorder.key)
                return recorder.failed(HoldfastError(f"{type(error).__name__} in the step {name}").info())
            recorder.succeeded(answer)
            return {"ok": True, **{k: v for k, v in answer.items() if k != "detail"}}

        # The Functions worker binds by parameter name, so the wrapper must show its own signature, not the work's.
        del activity.__wrapped__
        activity.__annotations__ = {"given": dict, "return": dict}
        return activity

    return wrap


class _Recorder:
    """Writes the step's state to the catalog; a catalog that does not answer must not hide what the step did."""

    def __init__(self, app: Services, session: str | None, key: str | None, step: str | None) -> None:
        self.app, self.session, self.key, self.step = app, session, key, step

    def running(self) -> None:
        if self.session and self.key and self.step:
            self.app.catalog.sessions.set_step(self.session, self.key, self.step, State.RUNNING, again=True)

    def succeeded(self, answer: Answer) -> None:
        if self.session and self.key and self.step and not answer.get("pending"):
            detail = str(answer.get("detail", ""))
            self.app.catalog.sessions.set_step(self.session, self.key, self.step, State.SUCCEEDED, detail)

    def failed(self, info: ErrorInfo) -> Answer:
        try:
            if self.session and self.key and self.step:
                state = State.CANCELLED if info.code == Cancelled.code else State.FAILED
                self.app.catalog.sessions.set_step(self.session, self.key, self.step, state, info.detail)
        except Exception:  # noqa: BLE001 (the answer matters more than its record)
            _log.exception("the step's failure could not be recorded", session=self.session, step=self.step)
        return {"ok": False, "error": brief(info)}


def brief(info: ErrorInfo) -> Answer:
    """An error as a history carries it."""
    return info.model_copy(
        update={"detail": info.detail[:_LONGEST_TEXT], "help": info.help[:_LONGEST_TEXT]}
    ).model_dump()

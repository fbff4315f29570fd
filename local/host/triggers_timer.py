"""Timer triggers: six-field NCRONTAB in UTC, the last run kept in the store, one catch-up run for missed ones."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from cronsim import CronSim, CronSimError

from local.host.history import stamp
from local.host.index import TIMER, Function, Index
from local.host.invoke import Invoker, decode
from local.host.pace import Pace
from local.host.store import Schedule, Store

_log = logging.getLogger(__name__)

_SEARCHED: Final = 20000
"""Days that are looked at for one on which both day fields hold."""
_LONG_NAMES: Final = re.compile(
    r"\b(sun|mon|tue|wed|thu|fri|sat|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b", re.IGNORECASE
)


class BadScheduleError(Exception):
    """A schedule that is no NCRONTAB expression. The message names it."""


def occurrences(expression: str, after: datetime) -> Iterator[datetime]:
    """The times of an NCRONTAB expression strictly after a moment, in UTC.

    `{second} {minute} {hour} {day} {month} {day of week}`; five fields mean second 0. Unlike in cron, both day fields
    must hold. Raises BadScheduleError.
    """
    fields = _LONG_NAMES.sub(lambda found: found[1], expression.strip())
    if len(fields.split()) not in (5, 6):
        raise BadScheduleError(f"{expression!r} is no schedule: five or six fields, such as '0 */5 * * * *'")
    try:
        found = CronSim(fields, after.astimezone(UTC).replace(microsecond=0))
    except CronSimError as error:
        raise BadScheduleError(f"{expression!r} is no schedule: {error}") from None
    for moment in islice(found, _SEARCHED):
        if found.match_dom(moment.date()) and found.match_dow(moment.date()):
            yield moment


def next_run(expression: str, after: datetime) -> datetime:
    """The first time after a moment. Raises BadScheduleError where there is none."""
    moment = next(occurrences(expression, after), None)
    if moment is None:
        raise BadScheduleError(f"{expression!r} never comes")
    return moment


class TimerTriggers:
    """The app's timer functions. A run that fails is not repeated before its next time, as in Azure."""

    def __init__(self, index: Index, invoker: Invoker, store: Store, pace: Pace) -> None:
        self._invoker, self._store, self._pace = invoker, store, pace
        self._timers = [(function, function.setting("schedule")) for function in index.of_kind(TIMER)]
        for function, schedule in self._timers:
            try:
                next_run(schedule, pace.now())
            except BadScheduleError as error:
                raise BadScheduleError(f"{function.name}: {error}") from None

    def described(self) -> list[dict[str, str]]:
        """The timers and when they run next, for the list of functions."""
        found = []
        for function, schedule in self._timers:
            known = self._store.schedule(function.name)
            after = stamp(_moment(known.next)) if known else ""
            found.append({"name": function.name, "schedule": schedule, "next": after})
        return found

    async def run(self) -> None:
        """Serves all timers until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            for function, schedule in self._timers:
                group.create_task(self._serve(function, schedule))

    async def _serve(self, function: Function, schedule: str) -> None:
        now, known = self._pace.now(), self._store.schedule(function.name)
        # The next time is worked out again after a restart, for the schedule may have changed.
        since = now if known is None else _moment(known.last if known.last is not None else known.updated)
        known = self._save(function, known.last if known else None, next_run(schedule, since), now)
        late = known.next <= now.timestamp()
        if late or function.trigger.run_on_startup:
            known = await self._fire(function, schedule, known, past_due=late)
        while True:
            await self._pace.until(_moment(known.next))
            missed = next_run(schedule, _moment(known.next)) <= self._pace.now()
            known = await self._fire(function, schedule, known, past_due=missed)

    async def _fire(self, function: Function, schedule: str, known: Schedule, *, past_due: bool) -> Schedule:
        """One run; whatever was missed is made up for by one run that is `past_due`.

        The run is noted when it has ended: a host that is killed within it runs it again.
        """
        started = self._pace.now()
        told = {
            "IsPastDue": past_due,
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": {
                "Last": stamp(_moment(known.last)) if known.last is not None else None,
                "Next": stamp(_moment(known.next)),
                "LastUpdated": stamp(_moment(known.updated)),
            },
        }
        try:
            await self._invoker.call(function, decode(TIMER, json.dumps(told), "json"))
        except Exception as error:  # noqa: BLE001 (the next run comes in any case)
            _log.error("function failed", exc_info=error, extra={"function": function.name})
        now = self._pace.now()
        return self._save(function, started.timestamp(), next_run(schedule, max(now, started)), now)

    def _save(self, function: Function, last: float | None, following: datetime, now: datetime) -> Schedule:
        schedule = Schedule(last, following.timestamp(), now.timestamp())
        with self._store.transaction() as change:
            change.put_schedule(function.name, schedule)
        return schedule


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

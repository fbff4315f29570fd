"""What is allowed in a policy and yet probably not what its author wants. Pure; told wherever a policy is saved or checked.

What cannot work at all is an error of the policy itself (`policy.py`), not advice.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import islice

from holdfast.model.blackout import wait_at
from holdfast.model.keeping import SCHEDULE_OF, Keep, archived_flags, keeps_of, until
from holdfast.model.policy import Policy
from holdfast.model.schedule import most_frequent, slots_after

#: Azure bills a blob of the archive tier for at least so many days, also if it is deleted before.
ARCHIVE_MINIMUM_DAYS = 180

#: Days from which a keep is measured: every month, a leap year among them.
_SAMPLES = tuple(date(year, month, 1) for year in (2027, 2028) for month in range(1, 13))

#: Slots are tried from here on, over a change of the clocks where they are frequent.
_SOME_MOMENT, _SOME_SLOTS = datetime(2027, 3, 20, tzinfo=UTC), 100

_SPAN = {"D": "keep_days", "W": "keep_weeks", "M": "keep_months", "Y": "keep_years"}


def warnings_of(policy: Policy) -> list[str]:
    """Everything that whoever saves this policy should know, each beginning with the field."""
    rules = (_useless, _early_deletions, _endless, _times, _blackouts, _locks, _repairs)
    return [line for rule in rules for line in rule(policy)]


def _useless(policy: Policy) -> Iterator[str]:
    """A rarer schedule that keeps no longer than the more frequent one before it, in the same repository, keeps nothing."""
    away = archived_flags(policy.schedules)
    for place in (False, True):
        before: tuple[str, Keep] | None = None
        for flag, keep in keeps_of(policy.schedules).items():
            if (flag in away) is not place:
                continue
            if before is not None and all(until(keep, day) <= until(before[1], day) for day in _SAMPLES):
                yield (
                    f"{_field(flag)} keeps {keep}, not longer than {_field(before[0])} ({before[1]}): "
                    "the schedule keeps no point that would not be there anyway"
                )
            before = (flag, keep)


def _early_deletions(policy: Policy) -> Iterator[str]:
    away = archived_flags(policy.schedules)
    for flag, keep in keeps_of(policy.schedules).items():
        days = min((until(keep, day) - day).days for day in _SAMPLES)
        if flag in away and days < ARCHIVE_MINIMUM_DAYS:
            yield (
                f"{_field(flag)} is {keep}, about {days} days: Azure bills archived data for at least "
                f"{ARCHIVE_MINIMUM_DAYS} days, so each archived point costs a further {ARCHIVE_MINIMUM_DAYS - days} days "
                "of storage as an early-deletion fee"
            )


def _repairs(policy: Policy) -> Iterator[str]:
    if policy.preflight.repair_staging_copy and policy.staging is None:
        yield "preflight.repair_staging_copy does nothing without staging: a source is never changed"


def _endless(policy: Policy) -> Iterator[str]:
    if most_frequent(policy.schedules) is None and policy.retention.hold_days is None:
        yield "schedules are missing, and so is retention.hold_days: only a person removes the points of this policy"


def _times(policy: Policy) -> Iterator[str]:
    first = most_frequent(policy.schedules)
    for flag in keeps_of(policy.schedules):
        name = SCHEDULE_OF[flag]
        if name not in ("daily", first) and getattr(policy.schedules, name).at is not None:
            yield f"schedules.{name}.at is not used: the point comes from the {first} schedule"


def _blackouts(policy: Policy) -> Iterator[str]:
    if not policy.blackout:
        return
    slots = islice(slots_after(policy, _SOME_MOMENT), _SOME_SLOTS)
    hit = sorted({slot.astimezone(policy.zone).time() for slot in slots if wait_at(policy, slot) is not None})
    if hit:
        yield (
            f"blackout: slots at {', '.join(f'{at:%H:%M}' for at in hit)} fall in a window; they wait until it ends, and of "
            "several that wait for one end only the last runs"
        )


def _locks(policy: Policy) -> Iterator[str]:
    if not policy.immutable:
        return
    longest = max(keeps_of(policy.schedules).values(), key=lambda keep: until(keep, _SAMPLES[0]), default=None)
    yield (
        "immutable: the container needs blob versioning and version-level immutability support, and must have neither a "
        "default retention policy nor lifecycle rules that delete; locked points "
        f"{f'(here for up to {longest}) ' if longest else ''}"
        "can be removed by nobody before their end, and are paid for until then"
    )


def _field(flag: str) -> str:
    return f"schedules.{SCHEDULE_OF[flag]}.{_SPAN[flag]}"

"""What a policy would have kept: a history of backups is replayed, and the rules say what is left of it on a day. Pure.

The same rules as the real thing (`flags`, `retention`), with nothing of their own but this: a backup is a day, archive
copies are made on the day of their point, nothing is locked, and no point was verified.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from holdfast.model.errors import InvalidInput
from holdfast.model.flags import Claim, ClaimKey, Stamp, anchor, stamp
from holdfast.model.keeping import FLAG_OF, hold_of
from holdfast.model.policy import Policy, explain_validation
from holdfast.model.retention import Candidate, Verdict, verdicts
from holdfast.model.schedule import most_frequent

_CHAIN = "replay"


def _day(value: object) -> object:
    # Without this a number would be taken for seconds since 1970.
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return value
    raise ValueError(f"{value!r} is not a day such as 2026-01-31")


class Event(BaseModel):
    """A backup that was tried. `on_demand`: a person asked for it, so it has no flags."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str | int = Field(union_mode="left_to_right")
    day: Annotated[date, BeforeValidator(_day)]
    ok: bool = Field(default=True, strict=True)
    on_demand: bool = Field(default=False, strict=True)


@dataclass(frozen=True)
class Replayed:
    """A point of the replay. `gone_on`: the day on which it was deleted; None while it is there."""

    event: Event
    point: Verdict
    gone_on: date | None
    archive_copy: Verdict | None = None


def parse_events(text: str, *, where: str = "events") -> list[Event]:
    """Reads `[{id, day, ok}]`. Raises InvalidInput that names each wrong entry, an id that comes twice among them."""
    try:
        data: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidInput(f"{where} is not JSON at line {error.lineno}, column {error.colno}: {error.msg}") from None
    if not isinstance(data, list):
        raise InvalidInput(f"{where} must be a list of {{id, day, ok}}, not {type(data).__name__}")
    try:
        events = TypeAdapter(list[Event]).validate_python(data)
    except ValidationError as error:
        raise InvalidInput(f"{where}: {explain_validation(error)}") from None
    twice = [name for name, count in Counter(str(event.id) for event in events).items() if count > 1]
    if twice:
        raise InvalidInput(f"{where}: id {', '.join(sorted(twice))} comes more than once")
    return events


def replay(policy: Policy, events: Iterable[Event], on: date) -> list[Replayed]:
    """Every point that the backups made until and on that day, oldest first, gone ones among them.

    Of one day's events the given order counts. A backup that failed makes no point. One on a day on which the most
    frequent schedule had its point already is taken as made on demand.
    """
    made = _made(policy, [event for event in sorted(events, key=lambda e: e.day) if event.ok and event.day <= on])
    least = policy.retention.min_keep
    points = verdicts([candidate for _, candidate, _ in made], on, min_keep=least)
    copies = {
        copy.id: copy
        for copy in verdicts([copy for _, _, copy in made if copy is not None], on, tier="archive", min_keep=least)
    }
    result: list[Replayed] = []
    for place, ((event, _, _), verdict) in enumerate(zip(made, points, strict=True)):
        gone = (
            None if verdict.keep else _gone_on(verdict, [candidate.day for _, candidate, _ in made[place + 1 :]], least)
        )
        if gone is not None and gone != verdict.expires_on:
            why = f"stayed until {gone} as one of the newest of its chain"
            verdict = replace(verdict, reasons=(*verdict.reasons, why))
        result.append(Replayed(event, verdict, gone, copies.get(verdict.id)))
    return result


def _made(policy: Policy, events: Sequence[Event]) -> list[tuple[Event, Candidate, Candidate | None]]:
    claims: dict[ClaimKey, Claim] = {}
    made: list[tuple[Event, Candidate, Candidate | None]] = []
    for place, event in enumerate(events):
        name = str(event.id)
        created_at = datetime.combine(event.day, time(0, 0), tzinfo=UTC) + timedelta(microseconds=place)
        if event.on_demand or not _due(policy, event.day, claims):
            held = Candidate(name, event.day, created_at, hold_until=hold_of(policy, event.day))
            made.append((event, held, None))
            continue
        mark = stamp(policy, _CHAIN, name, event.day, claims)
        claims.update(mark.claims)
        made.append((event, _point(name, event.day, created_at, mark), _copy(name, event.day, created_at, mark)))
    return made


def _point(name: str, day: date, created_at: datetime, mark: Stamp) -> Candidate:
    return Candidate(name, day, created_at, mark.untils, mark.flags, mark.archive_flags)


def _copy(name: str, day: date, created_at: datetime, mark: Stamp) -> Candidate | None:
    return Candidate(name, day, created_at, mark.archive_untils, mark.archive_flags) if mark.archive_untils else None


def _due(policy: Policy, day: date, claims: dict[ClaimKey, Claim]) -> bool:
    """Whether a schedule makes a point on that day: every day's, or the first success of a week, month or year."""
    first = most_frequent(policy.schedules)
    if first is None:
        return False
    flag = FLAG_OF[first]
    begins = anchor(policy.schedules, flag, day)
    if flag == "D" or begins is None:
        return begins is not None
    if policy.start_date is not None and begins < policy.start_date:
        return False
    return not any(key.flag == flag and claim.day >= begins for key, claim in claims.items())


def _gone_on(verdict: Verdict, newer: Sequence[date], min_keep: int) -> date | None:
    """The day after its last, or the day on which enough newer points had come, whichever is later."""
    if verdict.expires_on is None:
        return None
    return max(verdict.expires_on, newer[min_keep - 1])


def as_object(one: Replayed) -> dict[str, Any]:
    """`{id, day, flags, until, keep, reasons}` and more: what `holdfast retention plan --output json` prints a point."""
    found = {"id": one.event.id, **_shown(one.point), "tier": "backup"}
    found["gone_on"] = one.gone_on.isoformat() if one.gone_on else None
    copy = one.archive_copy
    found["archive_copy"] = {**_shown(copy), "tier": "archive"} if copy else None
    return found


def _shown(verdict: Verdict) -> dict[str, Any]:
    return {
        "day": verdict.day.isoformat(),
        "flags": "".join(verdict.flags),
        "until": verdict.until.isoformat() if verdict.until else None,
        "keep": verdict.keep,
        "reasons": list(verdict.reasons),
        "untils": {flag: end.isoformat() for flag, end in verdict.untils.items()},
        "expires_on": verdict.expires_on.isoformat() if verdict.expires_on else None,
    }

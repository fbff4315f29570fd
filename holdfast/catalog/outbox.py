"""Notices on their way: written before anything is sent, so that a process that dies loses none.

A notice to a channel is one row, named by its id; the id follows from what is told, so that telling it twice makes one
row. Who wants to send it claims it for a while by compare-and-swap; after a death the claim runs out and another sends it
again under the same id. Notices that were sent or given up are kept for a month: they are what a repeated telling finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from holdfast.catalog.tables import Row, Table, joined, key_part, persist
from holdfast.model.clock import Clock, iso, parse_iso
from holdfast.model.notice import Notice

_OUTBOX, _CHANNELS = "outbox", "channels"
_WAITING, _ENDED = "w", "e"
_KEPT = timedelta(days=30)
_LONGEST_FAILURE = 1000


class Outgoing(BaseModel):
    """A notice to one channel that was neither sent nor given up yet."""

    model_config = ConfigDict(frozen=True)

    id: str
    channel: str
    notice: Notice
    made_at: datetime
    attempts: int = 0
    next_at: datetime
    failure: str = ""


class Ended(BaseModel):
    """A notice that was sent or given up."""

    model_config = ConfigDict(frozen=True)

    id: str
    channel: str
    title: str
    state: Literal["sent", "failed"]
    ended_at: datetime
    failure: str = ""


class Standing(BaseModel):
    """How a channel stands."""

    model_config = ConfigDict(frozen=True)

    last_sent_at: datetime | None = None
    last_failed_at: datetime | None = None
    failure: str = Field(default="", description="why the latest attempt failed; empty where it did not")
    not_before: datetime | None = Field(default=None, description="the channel is left alone until then")


class Outbox:
    """Notices by id."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table, self._clock = table, clock

    def add(self, channel: str, notice: Notice) -> bool:
        """Takes a notice for a channel. False where this occasion was told to it before, in whatever state that is."""
        name, now = notice.id_for(channel), iso(self._clock.now())
        values = {"id": name, "channel": channel, "notice": notice.model_dump_json(), "made_at": now, "next_at": now}

        def once() -> bool:
            if self.knows(name):
                return False
            self._table.write(("create", Row(_OUTBOX, joined(_WAITING, name), {**values, "attempts": 0})))
            return True

        return persist(once, f"notice {name}")

    def knows(self, name: str) -> bool:
        """Whether a notice of that id is or was here."""
        # Waiting first: one that is sent in between is then found among the ended ones.
        return any(self._table.read(_OUTBOX, joined(place, name)) is not None for place in (_WAITING, _ENDED))

    def waiting(self) -> list[Outgoing]:
        """Everything that is still to be sent, oldest first."""
        return persist(
            lambda: [self._outgoing(row) for row in self._table.rows(_OUTBOX, prefix=(_WAITING,))], "the outbox"
        )

    def claim(self, name: str, *, until: datetime) -> Outgoing | None:
        """Takes a notice that is due for oneself until then; the attempt is counted. None where somebody else has it."""

        def once() -> Outgoing | None:
            row, now = self._table.read(_OUTBOX, joined(_WAITING, name)), self._clock.now()
            if row is None or parse_iso(row.text("next_at")) > now:
                return None
            claimed = row.with_values(next_at=iso(until), attempts=_count(row) + 1)
            self._table.write(("replace", claimed))
            return self._outgoing(claimed)

        return persist(once, f"notice {name}")

    def delay(self, name: str, failure: str, *, until: datetime) -> None:
        """Records a failed attempt and when the next one is due. Nothing happens where the notice has ended."""

        def edit(row: Row | None) -> Row | None:
            return row and row.with_values(next_at=iso(until), failure=failure[:_LONGEST_FAILURE])

        self._table.change(_OUTBOX, joined(_WAITING, name), edit)

    def end(self, name: str, failure: str = "") -> bool:
        """Sent, or, with a failure, given up. False where it had ended before."""

        def once() -> bool:
            row = self._table.read(_OUTBOX, joined(_WAITING, name))
            if row is None:
                return False
            found = self._outgoing(row)
            ended = Ended(
                id=found.id,
                channel=found.channel,
                title=found.notice.title,
                state="failed" if failure else "sent",
                ended_at=self._clock.now(),
                failure=failure[:_LONGEST_FAILURE],
            )
            kept = Row(_OUTBOX, joined(_ENDED, name), {"state": ended.state, "ended": ended.model_dump_json()})
            self._table.write(("delete", row), ("create", kept))
            return True

        return persist(once, f"notice {name}")

    def ended(self, *, state: Literal["sent", "failed"] | None = None) -> list[Ended]:
        """What was sent or given up within a month, oldest first."""
        where: dict[str, str | bool] | None = None if state is None else {"state": state}
        rows = self._table.rows(_OUTBOX, prefix=(_ENDED,), where=where)
        return [Ended.model_validate_json(row.text("ended")) for row in rows]

    def forget_old(self) -> int:
        """Forgets what ended more than a month ago; how many."""
        before = self._clock.now() - _KEPT
        gone = 0
        for row in list(self._table.rows(_OUTBOX, prefix=(_ENDED,))):
            # Ids begin with the time, so the first young one ends it.
            if Ended.model_validate_json(row.text("ended")).ended_at >= before:
                break
            gone += self._table.erase(_OUTBOX, row.key)
        return gone

    def standing(self, channel: str) -> Standing:
        """How a channel stands; one that was never used stands empty."""
        row = self._table.read(_CHANNELS, key_part(channel))
        return Standing.model_validate_json(row.text("standing")) if row is not None else Standing()

    def record(self, channel: str, failure: str = "", *, not_before: datetime | None = None) -> Standing:
        """Notes what came of an attempt on a channel: success, or a failure and how long to leave the channel alone."""
        now = self._clock.now()

        def edit(row: Row | None) -> Row | None:
            found = Standing.model_validate_json(row.text("standing")) if row is not None else Standing()
            new = {"failure": failure[:_LONGEST_FAILURE], "not_before": not_before}
            new |= {"last_failed_at": now} if failure else {"last_sent_at": now}
            values = {"standing": found.model_copy(update=new).model_dump_json()}
            return Row(_CHANNELS, key_part(channel), values) if row is None else row.with_values(**values)

        self._table.change(_CHANNELS, key_part(channel), edit)
        return self.standing(channel)

    def counts(self, channels: Sequence[str]) -> dict[str, int]:
        """How many notices wait for each of the channels, and for those that are configured no more."""
        found = dict.fromkeys(channels, 0)
        for row in self._table.rows(_OUTBOX, prefix=(_WAITING,), columns=["channel"]):
            found[row.text("channel")] = found.get(row.text("channel"), 0) + 1
        return found

    def _outgoing(self, row: Row) -> Outgoing:
        return Outgoing(
            id=row.text("id"),
            channel=row.text("channel"),
            notice=Notice.model_validate_json(self._table.value(row, "notice")),
            made_at=parse_iso(row.text("made_at")),
            attempts=_count(row),
            next_at=parse_iso(row.text("next_at")),
            failure=row.text("failure"),
        )


def _count(row: Row) -> int:
    value = row.values.get("attempts")
    return value if isinstance(value, int) else 0

"""The first page: is everything protected, proven and well; what runs; what needs a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, Field

from holdfast.model.counted import counted
from holdfast.web.charts import Bar
from holdfast.web.sessions import SessionLine
from holdfast.web.sources import SourceRow

#: A proof is worth so much time.
PROOF_LIFE = timedelta(days=31)

Level = Literal["good", "bad", "note"]


class Tile(BaseModel):
    """One figure, with what it counts and where the list is."""

    name: str
    count: int
    of: int | None = None
    level: Level
    href: str


class Attention(BaseModel):
    """Something that a person should look at."""

    what: str
    detail: str
    href: str


class Overview(BaseModel):
    """The installation at a glance."""

    version: str
    tiles: list[Tile]
    attention: list[Attention]
    running: list[SessionLine]
    recent: list[SessionLine]
    bars: list[Bar] = Field(description="backup sessions of the last days, by how they ended")
    policies: int
    unreachable: str = Field(default="", description="why Azure could not be asked for databases; empty where it could")


class Running(BaseModel):
    """The sessions that run, for whoever asks often."""

    running: list[SessionLine]


def tiles(sources: Sequence[SourceRow], failed: int, now: datetime) -> list[Tile]:
    """Protected, overdue, failed, unprotected, proven."""
    states = Counter(one.state for one in sources)
    meant = states["protected"] + states["overdue"]
    proven = sum(
        one.state in ("protected", "overdue") and one.proof is not None and now - one.proof.at <= PROOF_LIFE
        for one in sources
    )
    whole = meant + states["unprotected"]

    def bad(count: int) -> Level:
        return "bad" if count else "good"

    return [
        Tile(
            name="protected",
            count=states["protected"],
            of=whole,
            level=bad(whole - states["protected"]),
            href="sources?state=protected",
        ),
        Tile(name="overdue", count=states["overdue"], level=bad(states["overdue"]), href="sources?state=overdue"),
        Tile(name="failed last time", count=failed, level=bad(failed), href="sessions?state=failed"),
        Tile(
            name="unprotected",
            count=states["unprotected"],
            level=bad(states["unprotected"]),
            href="sources?state=unprotected",
        ),
        Tile(
            name=f"proven in {PROOF_LIFE.days} days",
            count=proven,
            of=meant,
            level="good" if proven == meant else "note",
            href="sources?state=protected",
        ),
    ]


def attention(
    *,
    sources: Sequence[SourceRow],
    alarms: Sequence[tuple[str, str]],
    channels: Sequence[tuple[str, str]],
) -> list[Attention]:
    """`alarms`: policy and detail of what stopped retention; `channels`: name and failure of those that do not deliver."""
    late = [one for one in sources if one.state == "overdue"]
    bare = [one for one in sources if one.state == "unprotected"]
    found = []
    if late:
        found.append(
            Attention(
                what=f"{counted(len(late), 'database')} overdue", detail=_names(late), href="sources?state=overdue"
            )
        )
    if bare:
        found.append(
            Attention(
                what=f"{counted(len(bare), 'database')} without a policy",
                detail=_names(bare),
                href="sources?state=unprotected",
            )
        )
    found += [
        Attention(what=f"retention of {policy} waits for approval", detail=detail, href=f"policies/{policy}/retention")
        for policy, detail in alarms
    ]
    found += [Attention(what=f"channel {name} does not deliver", detail=why, href="machines") for name, why in channels]
    return found


def _names(sources: Sequence[SourceRow]) -> str:
    more = f" and {len(sources) - 3:,} more" if len(sources) > 3 else ""
    return ", ".join(one.source for one in sources[:3]) + more

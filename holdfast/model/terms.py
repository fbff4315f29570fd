"""How long a point is kept: settled when it is made, written into its manifest, and never made shorter afterwards.

With the claims that stand in every manifest (see `flags`) a lost configuration database forgets nothing that retention
needs: it is filled again from the repositories alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from holdfast.model.flags import Claim, ClaimKey
from holdfast.model.keeping import end_of_day


class Claimed(BaseModel):
    """A period that a point of the chain has taken."""

    model_config = ConfigDict(frozen=True)

    flag: str
    anchor: date
    point: str
    day: date


class Terms(BaseModel):
    """What was settled for one point. Days are local days of the zone; on its last day a point is still kept."""

    model_config = ConfigDict(frozen=True)

    policy: str
    zone: str = "UTC"
    day: date = Field(description="the local day that the point was made for")
    until: dict[str, date] = Field(default_factory=dict, description="flag to the last day on which it keeps the point")
    archive: dict[str, date] = Field(
        default_factory=dict, description="the same for its copy in the archive repository"
    )
    hold_until: date | None = Field(default=None, description="last day of a point that was made on demand")
    claims: list[Claimed] = Field(
        default_factory=list, description="of the chain under this policy, as of this point: the first and the latest"
    )
    archived: list[str] = Field(
        default_factory=list, description="points of the chain whose archive copies were read back by then"
    )
    verified: str | None = Field(default=None, description="the chain's newest point that was read whole by then")

    @property
    def last_day(self) -> date | None:
        """The last day on which anything here keeps the point; None where nothing does."""
        return max([*self.until.values(), *([self.hold_until] if self.hold_until else [])], default=None)

    def end(self) -> datetime | None:
        """The moment at which the last day is over: what a lock must reach."""
        last = self.last_day
        return None if last is None else end_of_day(last, ZoneInfo(self.zone))

    def keeps(self, now: datetime) -> bool:
        """Whether the point is kept at that moment: by its days, or because nothing sets it an end."""
        last = self.last_day
        return last is None or now.astimezone(ZoneInfo(self.zone)).date() <= last


def recorded(claims: Iterable[tuple[ClaimKey, Claim]]) -> list[Claimed]:
    """What a manifest carries of a chain's claims under one policy: the first, which says when the policy began, and the
    latest of each flag, which says what is taken. Claims of periods that have passed are of no more use."""
    known = sorted(claims, key=lambda one: (one[1].day, one[0].flag, one[0].anchor))
    kept = dict(known[:1])
    for key, claim in known:
        for other in [other for other in kept if other.flag == key.flag and other != known[0][0]]:
            del kept[other]
        kept[key] = claim
    return [Claimed(flag=key.flag, anchor=key.anchor, point=claim.point, day=claim.day) for key, claim in kept.items()]


def claims_of(chain: str, terms: Terms) -> dict[ClaimKey, Claim]:
    """The claims that a manifest carries."""
    return {ClaimKey(chain, terms.policy, one.flag, one.anchor): Claim(one.point, one.day) for one in terms.claims}

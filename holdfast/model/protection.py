"""Which databases are protected, by whom, and which are not and why. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from holdfast.model.lineage import KnownSource
from holdfast.model.policy import Policy
from holdfast.model.schedule import most_frequent
from holdfast.model.selection import is_meant, left_out, winning_policy
from holdfast.model.source import Source, chain_id

ProtectionState = Literal["protected", "unprotected", "excluded", "dropped"]


class NewestPoint(BaseModel):
    """The newest restore point of a chain."""

    id: str
    chain: str
    source: str
    created_at: datetime


class Protection(BaseModel):
    """One database and what protects it."""

    source: str
    kind: str
    region: str
    status: str = Field(description="Azure's own word; empty for one that is not there any more")
    state: ProtectionState
    policy: str | None = Field(description="the policy that takes it at the next slot")
    why: str = Field(description="why it is in this state: the rule that leaves it out, or since when it is gone")
    chain: str
    last_point: str | None
    last_point_at: datetime | None
    proven_point: str | None = Field(default=None, description="the point that a drill proved last")
    proven_at: datetime | None = Field(default=None, description="when that drill ended")


def protection(
    present: Iterable[Source],
    known: Iterable[KnownSource],
    policies: Sequence[Policy],
    newest: Mapping[str, NewestPoint],
) -> list[Protection]:
    """Every database that is there or was, by name; `newest` points by chain."""
    remembered = {k.identity: k for k in known}
    found: list[Protection] = []
    for source in present:
        row = remembered.pop(source.identity, None)
        chain = row.chain if row is not None and row.lineage else source.chain
        state, policy, why = _judged(source, policies)
        found.append(
            Protection(
                source=source.name,
                kind=source.kind.value,
                region=source.region,
                status=source.status,
                state=state,
                policy=policy,
                why=why,
                chain=chain,
                **_last(newest.get(chain)),
            )
        )
    told = {one.chain for one in found}
    for row in remembered.values():
        if row.holds and row.chain not in told and (row.policy or row.chain in newest):
            told.add(row.chain)
            since = f"noticed {row.dropped_at:%Y-%m-%d}" if row.dropped_at else "no session has noticed it yet"
            found.append(_gone(row.name, row.kind.value, row.region, row.chain, f"dropped; {since}", newest))
    for chain, point in newest.items():
        if chain not in told:
            given = chain == chain_id(point.source)
            why = "a taken-in BACPAC, of no database" if given else "its database is not there"
            found.append(_gone(point.source, "", "", chain, why, newest))
    return sorted(found, key=lambda one: (one.source.lower(), one.chain))


def _judged(source: Source, policies: Sequence[Policy]) -> tuple[ProtectionState, str | None, str]:
    winner = winning_policy(source, policies)
    if winner is not None:
        if most_frequent(winner.schedules) is None:
            return "unprotected", winner.name, f"policy {winner.name} takes it and has no schedule: on demand only"
        return "protected", winner.name, ""
    for policy in sorted(policies, key=lambda p: (p.priority, p.name)):
        if is_meant(policy.select, source):
            return "excluded", None, f"policy {policy.name}: {left_out(policy.select, source)}"
    return ("excluded", None, source.unfit) if source.unfit else ("unprotected", None, "no policy selects it")


def _gone(name: str, kind: str, region: str, chain: str, why: str, newest: Mapping[str, NewestPoint]) -> Protection:
    return Protection(
        source=name,
        kind=kind,
        region=region,
        status="",
        state="dropped",
        policy=None,
        why=why,
        chain=chain,
        **_last(newest.get(chain)),
    )


def _last(point: NewestPoint | None) -> dict[str, str | datetime | None]:
    return {
        "last_point": point.id if point else None,
        "last_point_at": point.created_at if point else None,
    }

"""Which chain a database goes on with. Pure.

A database is known by Azure's own id. Where that id changes although the database does not (an instance database that
was renamed, the other side of a link after a failover), the chain moves with it: one database at a time holds a chain,
and what was left behind gets a chain of its own should it ever stand alone again. So two databases never write to one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from holdfast.model.clock import iso
from holdfast.model.source import Source, SourceKind, chain_id

Move = Literal["renamed", "failed-over"]


class KnownSource(BaseModel):
    """What is remembered of a database from session to session."""

    model_config = ConfigDict(frozen=True)

    identity: str
    kind: SourceKind
    name: str
    resource_id: str
    region: str
    lineage: str = Field(default="", description="the identity that its chain is named by; empty: it never had one")
    holds: bool = Field(default=False, description="writes to that chain; False once another has taken it over")
    made_at: datetime | None = None
    first_seen: datetime
    policy: str | None = Field(default=None, description="the policy that took it last")
    note: str | None = Field(default=None, description="why no policy takes it, as it was told")
    dropped_at: datetime | None = None

    @property
    def chain(self) -> str:
        """The id of its chain."""
        return chain_id(self.lineage or self.identity)


@dataclass(frozen=True)
class Settled:
    """A database with its chain settled; `came_from` gave up the chain to it just now."""

    known: KnownSource
    new: bool = False
    came_from: KnownSource | None = None
    how: Move | None = None


def unsettled(sources: Iterable[Source], known: Mapping[str, KnownSource]) -> list[Source]:
    """The sources whose partners must be known before `settle`: those that may have taken a chain over."""
    if not known:
        return []
    return [s for s in sources if not s.secondary and (s.identity not in known or not known[s.identity].holds)]


def settle(
    sources: Sequence[Source],
    present: Collection[Source],
    known: Mapping[str, KnownSource],
    partners: Mapping[str, Collection[str]],
    now: datetime,
) -> list[Settled]:
    """What is known of each of the sources from now on.

    `present` are all databases that there are; `partners` names, by identity, what a source is or was linked to.
    """
    rows = dict(known)
    primaries = {s.identity for s in present if not s.secondary}
    there = {s.identity for s in present}
    done = []
    for source in sorted(sources, key=lambda s: s.identity):
        row = rows.get(source.identity)
        if row is not None and row.holds:
            settled = Settled(_seen(row, source))
        else:
            settled = _take(source, row, rows, partners.get(source.identity, ()), primaries, there, now)
        if settled.came_from is not None:
            rows[settled.came_from.identity] = settled.came_from
        rows[source.identity] = settled.known
        done.append(settled)
    return done


def _take(
    source: Source,
    row: KnownSource | None,
    rows: Mapping[str, KnownSource],
    partners: Collection[str],
    primaries: Collection[str],
    there: Collection[str],
    now: datetime,
) -> Settled:
    """The chain of a database that holds none yet: another's that it goes on with, or one of its own."""
    linked = {name.lower() for name in partners}
    for other in rows.values():
        if other.identity == source.identity or not other.holds or other.kind is not source.kind:
            continue
        if row is not None and row.lineage and other.lineage != row.lineage:
            continue  # only its own chain comes back
        how: Move | None = None
        if other.name.lower() in linked and other.identity not in primaries and not source.secondary:
            how = "failed-over"
        elif _same_after_rename(source, other) and other.identity not in there:
            how = "renamed"
        if how is not None:
            mine = (row or noticed(source, now)).model_copy(update={"lineage": other.lineage, "holds": True})
            return Settled(_seen(mine, source), row is None, other.model_copy(update={"holds": False}), how)
    lineage = source.identity
    if any(other.lineage == lineage for other in rows.values()):
        # Its own chain went on elsewhere: what is written from now on must not mix with that.
        lineage = f"{source.identity}|{iso(now)}"
    mine = (row or noticed(source, now)).model_copy(update={"lineage": lineage, "holds": True})
    return Settled(_seen(mine, source), row is None)


def _same_after_rename(source: Source, other: KnownSource) -> bool:
    """Instance databases have no id of their own on the wire; instance and creation date (to the millisecond) stay."""
    return (
        source.kind is SourceKind.MANAGED_DATABASE
        and source.made_at is not None
        and source.made_at == other.made_at
        and source.resource_id.rpartition("/")[0].lower() == other.resource_id.rpartition("/")[0].lower()
    )


def noticed(source: Source, now: datetime) -> KnownSource:
    """A database that is remembered and has no chain."""
    return KnownSource(
        identity=source.identity,
        kind=source.kind,
        name=source.name,
        resource_id=source.resource_id,
        region=source.region,
        made_at=source.made_at,
        first_seen=now,
    )


def _seen(row: KnownSource, source: Source) -> KnownSource:
    changes = {"name": source.name, "resource_id": source.resource_id, "region": source.region}
    return row.model_copy(update={**changes, "made_at": source.made_at})

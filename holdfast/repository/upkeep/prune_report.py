"""What prune would free, freed, and could not free; by chain and kind of object."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from holdfast.model.clock import iso
from holdfast.repository.upkeep.removing import Refusal


@dataclass
class Amount:
    """So many objects, so many bytes."""

    objects: int = 0
    bytes: int = 0

    def add(self, size: int, objects: int = 1) -> None:
        """One more, or several."""
        self.objects += objects
        self.bytes += size


@dataclass(frozen=True)
class PruneRules:
    """How prune works. `grace`: how long what nothing needs stays for restores that have read the index already."""

    grace: timedelta = timedelta(hours=24)
    dead_percent: float = 30.0  # a pack with more dead bytes than this is rewritten
    dry_run: bool = False


@dataclass
class ChainPruned:
    """One chain. In a dry run `freed` and `written` are what would be; `waiting` is freed once the grace is over."""

    chain: str
    points: int = 0
    freed: dict[str, Amount] = field(default_factory=dict)
    waiting: dict[str, Amount] = field(default_factory=dict)
    waiting_until: datetime | None = None
    written: dict[str, Amount] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: str | None = None

    def free(self, name: str, size: int) -> None:
        """An object went."""
        self.freed.setdefault(kind_of(name), Amount()).add(size)

    def wait(self, name: str, size: int, until: datetime) -> None:
        """An object goes later."""
        self.waiting.setdefault(kind_of(name), Amount()).add(size)
        self.waiting_until = max(self.waiting_until or until, until)

    def write(self, name: str, size: int) -> None:
        """An object came, in the place of others."""
        self.written.setdefault(kind_of(name), Amount()).add(size)


@dataclass
class PruneReport:
    """All chains that were looked at."""

    dry_run: bool
    chains: list[ChainPruned] = field(default_factory=list)

    @property
    def freed_bytes(self) -> int:
        """Bytes that went, or would; those that were written instead are not taken off."""
        return sum(amount.bytes for chain in self.chains for amount in chain.freed.values())

    @property
    def waiting_bytes(self) -> int:
        """Bytes that go once their grace is over."""
        return sum(amount.bytes for chain in self.chains for amount in chain.waiting.values())

    @property
    def written_bytes(self) -> int:
        """Bytes of new packs and index objects."""
        return sum(amount.bytes for chain in self.chains for amount in chain.written.values())

    @property
    def ok(self) -> bool:
        """Whether no chain was left out, and nothing that was due stayed."""
        return not any(chain.error or chain.refused for chain in self.chains)

    def as_json(self) -> dict[str, object]:
        """As the CLI shows it."""
        return {
            "dry_run": self.dry_run,
            "ok": self.ok,
            "freed_bytes": self.freed_bytes,
            "waiting_bytes": self.waiting_bytes,
            "written_bytes": self.written_bytes,
            "chains": [_chain(one) for one in self.chains],
        }


def kind_of(name: str) -> str:
    """`data`, `recipes`, `index`, `manifests` or `locators`."""
    return name.split("/")[2] if name.startswith("chains/") else "locators"


def _chain(one: ChainPruned) -> dict[str, object]:
    def amounts(of: dict[str, Amount]) -> dict[str, object]:
        return {kind: {"objects": amount.objects, "bytes": amount.bytes} for kind, amount in sorted(of.items())}

    return {
        "chain": one.chain,
        "points": one.points,
        "freed": amounts(one.freed),
        "waiting": amounts(one.waiting),
        "waiting_until": iso(one.waiting_until) if one.waiting_until else None,
        "written": amounts(one.written),
        "refused": [{"object": refusal.object, "why": refusal.why, "bytes": refusal.bytes} for refusal in one.refused],
        "notes": one.notes,
        "error": one.error,
    }

"""Writes removal records: each takes the chain's next number, so that a writer that was asleep meanwhile fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from holdfast.model.clock import Clock
from holdfast.model.errors import RepositoryLocked
from holdfast.model.flags import Claim, ClaimKey
from holdfast.model.terms import claims_of, recorded
from holdfast.repository.format import Kind, manifest_name
from holdfast.repository.objects.chain import Chain, ChainLock
from holdfast.repository.objects.manifests import ReadManifest
from holdfast.repository.objects.records import (
    KEPT_RECORDS,
    Condemned,
    Gap,
    GoneClaim,
    Quarantined,
    RemovalRecord,
    Removed,
    given_back,
    open_record,
)
from holdfast.repository.objects.seal import seal_document
from holdfast.repository.objects.sequence import Numbered, Sequence, Unread, gaps_with
from holdfast.storage import AlreadyExists


class ChainRecorder:
    """Writes removal records of one chain whose lock is held, each after the one before."""

    def __init__(self, chain: Chain, known: Sequence, lock: ChainLock, clock: Clock) -> None:
        self.chain, self.known, self.now = chain, known, clock.now()
        self._lock = lock
        self._previous = known.last

    def write(
        self,
        *,
        removed: Iterable[ReadManifest | Unread] = (),
        point_of: Callable[[ReadManifest | Unread], str | None] = lambda _: None,
        condemned: list[Condemned] | None = None,
        quarantined: list[Quarantined] | None = None,
    ) -> None:
        """Puts the next record; what is not given stays as it was. Old records are removed with it.

        Afterwards `known` is what the chain is now. Raises RepositoryLocked where somebody else took the number.
        """
        gone: list[Numbered | Unread] = list(removed)
        names = [self._removed(one, point_of(one)) for one in removed]
        for number in sorted(self.known.records)[:-KEPT_RECORDS]:
            old = self.known.records[number]
            gone.append(old)
            names.append(Removed(sequence=number, point=None, sha256=old.sha256, bytes=old.object_bytes))
        self._put(gaps_with(self.known, gone), names, condemned, quarantined, self._claims(gone))
        for one in gone:
            number = one.previous.sequence
            self.known.leftover[number] = one
            self.known.manifests.pop(number, None)
            self.known.records.pop(number, None)
            self.known.unread.pop(number, None)

    def give_back(self, reads: list[ReadManifest]) -> None:
        """Puts a record that makes these manifests points again: they cannot be deleted."""
        gaps = self.known.gaps
        for read in reads:
            gaps = given_back(gaps, read.manifest.sequence, read.manifest.previous, read.previous)
        self._put(gaps, [], None, None)
        for read in reads:
            self.known.manifests[read.manifest.sequence] = read
            self.known.leftover.pop(read.manifest.sequence, None)

    def _put(
        self,
        gaps: list[Gap],
        removed: list[Removed],
        condemned: list[Condemned] | None,
        quarantined: list[Quarantined] | None,
        claims: list[GoneClaim] | None = None,
    ) -> None:
        chain, state = self.chain, self.known.record
        number = self._previous.sequence + 1 if self._previous else 1
        record = RemovalRecord(
            repository=chain.sealer.repository,
            chain=chain.id,
            sequence=number,
            previous=self._previous,
            fence=self._lock.fence,
            written_at=self.now,
            removed=removed,
            gaps=gaps,
            condemned=condemned if condemned is not None else (state.condemned if state else []),
            quarantined=quarantined if quarantined is not None else (state.quarantined if state else []),
            claims=claims if claims is not None else (state.claims if state else []),
        )
        name = manifest_name(chain.id, number)
        sealed = seal_document(chain.sealer, Kind.REMOVAL, chain.id, name, record.encode())
        self._lock.ensure(ask=True)
        try:
            chain.store.put(name, sealed)
        except AlreadyExists:
            # Either an earlier put of ours whose answer was lost, or another's object: its bytes tell.
            if chain.store.get(name) != sealed:
                raise RepositoryLocked(f"{name}: another writer committed first") from None
        read = open_record(chain.sealer, chain.id, number, sealed)
        self.known.records[number] = read
        self._previous = read.previous

    def _claims(self, gone: Iterable[Numbered | Unread]) -> list[GoneClaim]:
        """What was claimed when points went, with these: retention must not give a period a second time."""
        found: dict[str, dict[ClaimKey, Claim]] = {}
        for one in self.known.record.claims if self.known.record else []:
            key = ClaimKey(self.chain.id, one.policy, one.flag, one.anchor)
            found.setdefault(one.policy, {})[key] = Claim(one.point, one.day)
        for read in gone:
            terms = read.manifest.point.terms if isinstance(read, ReadManifest) else None
            if terms is not None:
                known = found.setdefault(terms.policy, {})
                found[terms.policy] = {**claims_of(self.chain.id, terms), **known}
        return [
            GoneClaim(policy=policy, **claim.model_dump())
            for policy, claims in sorted(found.items())
            for claim in recorded(claims.items())
        ]

    def _removed(self, one: ReadManifest | Unread, told: str | None) -> Removed:
        if isinstance(one, Unread):
            return Removed(sequence=one.sequence, point=told, sha256=one.sha256, bytes=one.bytes)
        said = one.manifest
        return Removed(sequence=said.sequence, point=said.point.id, sha256=one.sha256, bytes=one.object_bytes)

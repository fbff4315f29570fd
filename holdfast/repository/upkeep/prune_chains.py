"""Prunes the chains of a repository, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Collection

from holdfast.model.clock import Clock
from holdfast.model.errors import Cancelled
from holdfast.model.installation import Installation
from holdfast.model.job import Progress
from holdfast.repository.objects.chain import Chain
from holdfast.repository.objects.listing import list_all
from holdfast.repository.objects.locators import chain_ids
from holdfast.repository.upkeep.prune_report import PruneReport, PruneRules
from holdfast.repository.upkeep.pruning import ChainPrune
from holdfast.storage import ObjectStore


def prune_repository(
    store: ObjectStore,
    chain_of: Callable[[str], Chain],
    rules: PruneRules,
    clock: Clock,
    owner: str,
    *,
    archive: bool,
    only: Collection[str] | None,
    installation: Installation | None,
    progress: Callable[[Progress], None],
    cancelled: Callable[[], bool],
) -> PruneReport:
    """Prunes every chain of a repository, or only these, one after the other; those that `installation` does not own are
    left out."""
    located: dict[str, list[str]] = {}
    if only is None:
        listing = list_all(store)
        chains, locators = {*chain_ids(store), *listing.chains}, listing.locators
    else:
        chains, locators = set(only), [info.name for info in store.list("points/") if info.name.count("/") == 2]
    for name in locators:
        located.setdefault(name.rpartition("/")[2], []).append(name.split("/")[1])
    report = PruneReport(rules.dry_run)
    for chain in sorted(chains):

        def check(chain: str = chain) -> None:
            if cancelled():
                raise Cancelled(f"prune of {chain}")

        progress(Progress(phase=f"prune: {chain}", bytes=report.freed_bytes))
        one = ChainPrune(chain_of(chain), rules, clock, archive, installation, located.get(chain, []), check)
        report.chains.append(one.run(owner))
    return report

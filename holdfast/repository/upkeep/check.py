"""Reads the repository back: finds and names every damaged object, and the points and tables that are hit.

The structure is always checked: description, key slots, manifests and their links, index, recipes, trees, that every
chunk of every point lies in a pack that is there in its full length. `read_data` reads and verifies the packs as well.
"""

from __future__ import annotations

from holdfast.model.clock import Clock
from holdfast.model.errors import HoldfastError
from holdfast.repository.errors import ForeignSlot
from holdfast.repository.format import DESCRIPTION, Kind
from holdfast.repository.keys.slots import read_slot
from holdfast.repository.objects.chain import Chain
from holdfast.repository.objects.description import verify_description
from holdfast.repository.objects.listing import ChainObjects, Listing, list_all
from holdfast.repository.objects.owners import open_owner
from holdfast.repository.objects.seal import Sealer, open_document
from holdfast.repository.upkeep.check_chain import ChainCheck
from holdfast.repository.upkeep.check_report import CheckReport, Subset, problem_with
from holdfast.repository.upkeep.repair import repair_chain
from holdfast.storage import ObjectMissing, ObjectStore


def check_repository(
    store: ObjectStore,
    sealer: Sealer,
    clock: Clock,
    *,
    read_data: bool,
    subset: Subset | None,
    repair_as: str | None = None,
) -> CheckReport:
    """Checks everything; `repair_as`: who repairs what can be. Raises Unavailable, Forbidden; damage is in the report."""
    report = CheckReport()
    listing = list_all(store)
    report.objects = listing.objects
    report.notes += [f"{name}: this version does not know what it is" for name in listing.unknown]
    _check_heads(store, sealer, listing, report)
    wanted = subset or (Subset() if read_data else None)
    for chain_id, objects in sorted(listing.chains.items()):
        report.chains += 1
        _check_owners(Chain(store, sealer, chain_id), objects, report)
        check = ChainCheck(Chain(store, sealer, chain_id), objects, report, wanted)
        check.run()
        if repair_as is not None:
            repair_chain(check, owner=repair_as, clock=clock)
    return report


def _check_owners(chain: Chain, objects: ChainObjects, report: CheckReport) -> None:
    for name in objects.owners:
        try:
            open_owner(chain, int(name.rpartition("/")[2]), chain.store.get(name))
        except ObjectMissing:
            continue
        except HoldfastError as error:
            report.problems.append(problem_with(name, error))


def _check_heads(store: ObjectStore, sealer: Sealer, listing: Listing, report: CheckReport) -> None:
    try:
        verify_description(store.get(DESCRIPTION), sealer.keys)
    except HoldfastError as error:
        report.problems.append(problem_with(DESCRIPTION, error))
    for name in listing.slots:
        try:
            read_slot(store.get(name), name, sealer.repository)
        except ForeignSlot:
            report.notes.append(f"{name}: it is of another repository; left from an init that died")
        except HoldfastError as error:
            report.problems.append(problem_with(name, error))
    for name in listing.locators:
        try:
            open_document(sealer, Kind.LOCATOR, name.rpartition("/")[2], name, store.get(name))
        except HoldfastError as error:
            report.problems.append(problem_with(name, error))

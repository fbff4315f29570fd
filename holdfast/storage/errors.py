"""What can go wrong in object storage. Each error says whether a retry may help (`permanent`)."""

from __future__ import annotations

from holdfast.model.errors import Conflict, Forbidden, HoldfastError, NotFound


class ObjectMissing(NotFound):
    """No object has that name. The detail is the name."""

    code = "object-missing"
    title = "The object is not in the storage"
    advice = "Check the address; if the object was there before, run `holdfast repository check`."
    exit_code = 14


class AlreadyExists(Conflict):
    """An object of that name is there already; it was not touched. A retry cannot help."""

    code = "object-exists"
    title = "An object of that name exists already"
    advice = "Objects are written once; two writers may be at work on one chain."
    exit_code = 14
    permanent = True


class LeaseHeld(Conflict):
    """Somebody holds the lease. A retry after its end may help."""

    code = "lease-held"
    title = "Somebody else holds the lease"
    advice = "Wait until the holder has ended; the lease of one that died ends by itself."
    exit_code = 11
    http_status = 423


class LeaseLost(Conflict):
    """The lease that was to be renewed or released is no longer ours. What it guarded must stop at once."""

    code = "lease-lost"
    title = "The lease was lost to somebody else"
    advice = "The step is tried again; check that the machine's network and clock are steady if it goes on."
    exit_code = 11


class WriteOnce(Forbidden):
    """The object is locked or held, so nobody may delete it. The detail says until when, or that it is held."""

    code = "write-once"
    title = "The object is locked or held"
    advice = "Wait until the lock has ended, or release the hold with `holdfast repository hold off`; no right helps."
    exit_code = 18
    http_status = 409


class NoImmutability(HoldfastError):
    """Locks and holds were asked for where the storage has none."""

    code = "no-immutability"
    title = "The container has no version-level immutability"
    advice = (
        "Enable versioning on the account and version-level immutability on the container: docs/how-to/immutability.md."
    )
    exit_code = 18
    http_status = 409
    permanent = True

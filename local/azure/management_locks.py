"""Microsoft.Authorization/locks: what may not be deleted or changed, and the refusals that follow.

Locks are put into the world, at a resource, a group or a subscription; the list of a subscription has them all.
"""

from __future__ import annotations

from local.azure.addresses import Address
from local.azure.evidence import DOCUMENTED
from local.azure.listing import page
from local.azure.refusals import missing_right
from local.azure.replies import Refusal, Reply
from local.azure.store import Json, Resource
from local.azure.world import Ask, World, route

LOCKS = "Microsoft.Authorization/locks"

_LIST = DOCUMENTED(
    "management locks: list of a subscription", "REST reference, Management Locks - List At Subscription Level"
)
_LOCKED = DOCUMENTED("409 for a locked scope", "ARM common errors: ScopeLocked", guessed="wording")
_MARK = "/providers/microsoft.authorization/locks/"
_READ = f"{LOCKS}/read"


@route("GET", f"{LOCKS}/*")
def list_locks(world: World, ask: Ask) -> Reply:
    """Every lock of the subscription."""
    if not world.rights.allowed(ask.claims.principal_id, _READ, ask.address.scope):
        raise missing_right(ask.claims.principal_id, _READ, ask.address.scope)
    return page(world, ask, [_shown(lock) for lock in world.store.locks(ask.address.scope)], one_page=_LIST)


def _shown(lock: Resource) -> Json:
    return {"properties": lock.properties, "id": lock.id, "type": LOCKS, "name": lock.name}


def check(world: World, method: str, address: Address) -> None:
    """Raises ScopeLocked where a lock at the target or above it forbids the request."""
    if method == "GET" or not address.subscription:
        return
    target = f"{address.path.lower()}/"
    for lock in world.store.locks(f"/subscriptions/{address.subscription}"):
        scope = lock.id[: lock.id.lower().rfind(_MARK)]
        level = str(lock.properties.get("level", ""))
        forbids = level == "ReadOnly" or (level == "CanNotDelete" and method == "DELETE")
        if forbids and target.startswith(f"{scope.lower()}/"):
            doing = "delete" if method == "DELETE" else "write"
            text = (
                f"The scope '{address.path}' cannot perform {doing} operation because following scope(s) are locked: "
                f"'{scope}'. Please remove the lock and try again."
            )
            raise Refusal(_LOCKED, 409, "ScopeLocked", text)

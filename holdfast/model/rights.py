"""Every right that Holdfast uses in Azure, and what for: what the doctor checks, and what the reference page lists.

Pure. Nothing else is needed, and a role that holds more gives more than Holdfast can use.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

Where = Literal[
    "subscription",
    "staging server",
    "staging instance",
    "worker resource group",
    "subnet",
    "worker identity",
    "repository account",
    "target server",
]

#: The custom role of the app on the control plane; `docs/how-to/permissions.md` has it as JSON.
APP_ROLE = "Holdfast App"


class Right(NamedTuple):
    """One action of Azure's control plane, at one kind of place."""

    action: str
    where: Where
    why: str


_SQL, _VM, _NET = "Microsoft.Sql", "Microsoft.Compute", "Microsoft.Network"
_ACCOUNTS = "Microsoft.Storage/storageAccounts"

APP_RIGHTS: tuple[Right, ...] = (
    Right("Microsoft.Authorization/permissions/read", "subscription", "the doctor: what the app itself may do"),
    Right("Microsoft.Authorization/roleAssignments/read", "subscription", "the doctor: what worker identities have"),
    Right("Microsoft.Authorization/roleDefinitions/read", "subscription", "the doctor: what their roles allow"),
    Right(f"{_SQL}/servers/read", "subscription", "finds servers"),
    Right(f"{_SQL}/servers/databases/read", "subscription", "finds databases; copies read their source"),
    Right(f"{_SQL}/servers/databases/usages/read", "subscription", "the size of a database, for estimates"),
    Right(f"{_SQL}/servers/elasticPools/read", "subscription", "sizes copies of pooled databases"),
    Right(f"{_SQL}/servers/replicationLinks/read", "subscription", "follows a database over a failover"),
    Right(f"{_SQL}/managedInstances/read", "subscription", "finds instances"),
    Right(
        f"{_SQL}/managedInstances/databases/read", "subscription", "finds their databases; restores read their source"
    ),
    Right(f"{_SQL}/locations/*/read", "subscription", "follows operations; failover groups of instances"),
    Right(f"{_SQL}/servers/databases/write", "staging server", "makes staging copies"),
    Right(f"{_SQL}/servers/databases/delete", "staging server", "drops staging copies"),
    Right("Microsoft.Authorization/locks/read", "target server", "a restore in place: what must not be renamed"),
    Right(
        f"{_SQL}/servers/databases/move/action", "target server", "a restore in place: renames, so that nothing is lost"
    ),
    Right(f"{_SQL}/servers/databases/operations/read", "staging server", "says why a copy failed"),
    Right(f"{_SQL}/managedInstances/databases/write", "staging instance", "restores staging copies"),
    Right(f"{_SQL}/managedInstances/databases/delete", "staging instance", "drops staging copies"),
    Right(f"{_VM}/virtualMachines/read", "worker resource group", "looks at workers"),
    Right(f"{_VM}/virtualMachines/write", "worker resource group", "creates workers"),
    Right(f"{_VM}/virtualMachines/delete", "worker resource group", "deletes workers"),
    Right(f"{_VM}/virtualMachines/instanceView/read", "worker resource group", "sees whether a worker runs"),
    Right(f"{_VM}/virtualMachines/start/action", "worker resource group", "starts deallocated workers"),
    Right(f"{_VM}/virtualMachines/deallocate/action", "worker resource group", "stops paying for idle workers"),
    Right(f"{_VM}/disks/read", "worker resource group", "disks of workers"),
    Right(f"{_VM}/disks/write", "worker resource group", "disks of workers"),
    Right(f"{_VM}/disks/delete", "worker resource group", "disks of workers"),
    Right(f"{_NET}/networkInterfaces/read", "worker resource group", "cards of workers"),
    Right(f"{_NET}/networkInterfaces/write", "worker resource group", "cards of workers"),
    Right(f"{_NET}/networkInterfaces/delete", "worker resource group", "cards of workers"),
    Right(f"{_NET}/networkInterfaces/join/action", "worker resource group", "gives a worker its card"),
    Right(f"{_NET}/virtualNetworks/subnets/read", "subnet", "finds the subnet"),
    Right(f"{_NET}/virtualNetworks/subnets/join/action", "subnet", "puts workers into the subnet"),
    Right("Microsoft.ManagedIdentity/userAssignedIdentities/read", "worker identity", "finds the identity"),
    Right("Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", "worker identity", "gives it to a worker"),
    Right(f"{_ACCOUNTS}/read", "repository account", "what works against locks: versioning, a namespace"),
    Right(f"{_ACCOUNTS}/blobServices/read", "repository account", "the same: versioning, default retention"),
    Right(f"{_ACCOUNTS}/blobServices/containers/read", "repository account", "the same: version-level immutability"),
    Right(f"{_ACCOUNTS}/managementPolicies/read", "repository account", "the same: lifecycle rules"),
)

_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
BLOB_READ, BLOB_ADD = f"{_BLOBS}/read", f"{_BLOBS}/add/action"
BLOB_WRITE, BLOB_DELETE = f"{_BLOBS}/write", f"{_BLOBS}/delete"
VERSION_DELETE = f"{_BLOBS}/deleteBlobVersion/action"
IMMUTABILITY = f"{_BLOBS}/immutableStorage/runAsSuperUser/action"


class DataRole(NamedTuple):
    """What one identity must be able to do in one kind of place of storage, and what it must not."""

    identity: str
    place: str
    role: str
    needs: tuple[str, ...]
    never: tuple[str, ...] = ()
    immutable: tuple[str, ...] = ()
    why: str = ""


WRITER = DataRole(
    "writer",
    "repository container",
    "Holdfast Repository Writer",
    (BLOB_READ, BLOB_ADD),
    never=(BLOB_DELETE, VERSION_DELETE, IMMUTABILITY),
    why="makes and reads what a repository holds; whoever takes the worker over can delete nothing",
)
MAINTAINER = DataRole(
    "maintainer",
    "repository container",
    "Holdfast Repository Maintainer",
    (BLOB_READ, BLOB_ADD, BLOB_DELETE),
    immutable=(IMMUTABILITY, VERSION_DELETE),
    why="removes what nothing needs; locks and holds",
)
JOBS = DataRole(
    "writer",
    "container of jobs",
    "Holdfast Job Writer",
    (BLOB_READ, BLOB_WRITE),
    why="takes jobs, reports heartbeats and results",
)
DATA_ROLES = (WRITER, MAINTAINER, JOBS)


class Grants(BaseModel):
    """What one role, or several together, allow: patterns with `*` for anything, less what they exclude."""

    model_config = ConfigDict(frozen=True)

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()

    def allows(self, action: str) -> bool:
        """Whether an action of the control plane is allowed."""
        return _any(self.actions, action) and not _any(self.not_actions, action)

    def allows_data(self, action: str) -> bool:
        """Whether an action on data is allowed."""
        return _any(self.data_actions, action) and not _any(self.not_data_actions, action)


def missing(grants: Sequence[Grants], actions: Iterable[str]) -> list[str]:
    """Which control plane actions no role of these allows. What one role excludes, another may still allow."""
    return [action for action in actions if not any(one.allows(action) for one in grants)]


def missing_data(grants: Sequence[Grants], actions: Iterable[str]) -> list[str]:
    """The same for actions on data."""
    return [action for action in actions if not any(one.allows_data(action) for one in grants)]


def rights_at(*places: Where) -> list[str]:
    """Actions that are needed at these kinds of places."""
    return [right.action for right in APP_RIGHTS if right.where in places]


def _any(patterns: Iterable[str], action: str) -> bool:
    return any(
        re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), action, re.IGNORECASE) is not None
        for pattern in patterns
    )

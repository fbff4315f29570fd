"""Kinds of long-running operations: names, durations, Retry-After, forms of address, and where each was seen.

Seconds are Azure's own, at `--pace 1`. RA in the citations is the Retry-After header.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from local.azure.evidence import DOCUMENTED, GUESS, RECORDED, Shape

Style = Literal["sql", "vm", "disk", "nic"]

_MI_MGMT = "azure-cli sql/test_sql_managed_db_mgmt.yaml@06b523ce"
_MI_RESTORE = "azure-powershell ManagedDatabaseCrudScenarioTests/TestRestoreManagedDatabase.json@25859275"
_COPY = "azure-cli sql/test_sql_db_copy.yaml@f66c4d45"
_COPY_RA = "azure-powershell DatabaseReplicationTests/TestCreateVcoreDatabaseCopy.json@eec93a5a"
_DB_MGMT = "azure-cli sql/test_sql_db_mgmt.yaml@9a17e519"
_VM_FORCE = "azure-powershell VirtualMachineTests/TestVMForceDelete.json@f183c11e"
_VM_STATES = "azure-cli vm/test_vm_create_state_modifications.yaml@a2875148"
_VM_DISK = "azure-powershell VirtualMachineTests/TestVirtualMachineDiskDeleteOption.json@1d88fb13"
_DISK = "azure-powershell DiskRPTests/TestDiskAvailabilityPolicy.json@481f488c"
_DISK_DELETE = "azure-powershell DiskRPTests/TestDisk.json@858a46f9"
_NIC = "azure-cli network/test_network_nic.yaml@f72f9a75"


@dataclass(frozen=True)
class OperationKind:
    """One kind of operation. `retry_after…` None: the header is not sent."""

    key: str
    style: Style
    name: str
    """What the SQL provider's 202 body calls it; empty elsewhere."""
    seconds: float
    accepted: Shape
    poll_word: str
    result_word: str = ""
    """Of the Location header; empty: no such header."""
    retry_after: int | None = None
    retry_after_poll: int | None = None
    retry_after_done: int | None = None


KINDS: dict[str, OperationKind] = {}


def _kind(kind: OperationKind) -> OperationKind:
    KINDS[kind.key] = kind
    return kind


def _sql(
    key: str, name: str, seconds: float, accepted: Shape, noun: str = "database", retry: int = 15
) -> OperationKind:
    words = (f"{noun}AzureAsyncOperation", f"{noun}OperationResults")
    return _kind(OperationKind(key, "sql", name, seconds, accepted, *words, retry, retry, retry))


DATABASE_COPY = _sql(
    "database-copy", "CreateDatabaseAsCopy", 76, RECORDED("SQL database: copy accepted", f"{_COPY}; RA {_COPY_RA}")
)
DATABASE_CREATE = _sql(
    "database-create",
    "CreateLogicalDatabase",
    45,
    RECORDED("SQL database: creation accepted", "azure-cli sql/test_sql_db_copy.yaml of 2018", guessed="its duration"),
)
DATABASE_UPDATE = _sql(
    "database-update",
    "UpdateLogicalDatabase",
    15,
    RECORDED("SQL database: update accepted", _DB_MGMT, guessed="that PATCH answers as PUT; Retry-After"),
)
DATABASE_DROP = _sql(
    "database-drop",
    "DropLogicalDatabase",
    14,
    RECORDED("SQL database: deletion accepted", _DB_MGMT, guessed="Retry-After: 15 here; one recording of 2021 sent 0"),
)
SERVER_PUT = _sql(
    "server-put",
    "UpsertLogicalServer",
    96,
    RECORDED("SQL server: creation accepted", _COPY, guessed="Retry-After of the first reply"),
    "server",
    20,
)
INSTANCE_PUT = _sql(
    "instance-put",
    "UpsertManagedServer",
    14400,
    RECORDED("managed instance: creation accepted", _MI_RESTORE, guessed="hours until it is ready"),
    "managedInstance",
    60,
)
MANAGED_RESTORE = _sql(
    "managed-restore",
    "CreateManagedRestoreRequest",
    100,
    RECORDED("managed database: point-in-time restore accepted", f"{_MI_MGMT}; RA {_MI_RESTORE}"),
    "managedDatabase",
)
MANAGED_CREATE = _sql(
    "managed-create", "CreateManagedDatabase", 15, RECORDED("managed database: creation accepted", _MI_MGMT),
    "managedDatabase",
)  # fmt: skip
MANAGED_UPDATE = _sql(
    "managed-update", "AlterManagedDatabase", 14, RECORDED("managed database: update accepted", _MI_MGMT),
    "managedDatabase",
)  # fmt: skip
MANAGED_DROP = _sql(
    "managed-drop", "DropManagedDatabase", 15, RECORDED("managed database: deletion accepted", _MI_MGMT),
    "managedDatabase",
)  # fmt: skip

VM_CREATE = _kind(
    OperationKind(
        "vm-create", "vm", "", 20.8, RECORDED("VM: creation accepted with 201", _VM_FORCE), "operations", "", 10, 4
    )
)
VM_UPDATE = _kind(
    OperationKind(
        "vm-update", "vm", "", 20, RECORDED("VM: update accepted with 200", _VM_STATES, guessed="Retry-After"),
        "operations", "", 10, 4,
    )
)  # fmt: skip
VM_DELETE = _kind(
    OperationKind(
        "vm-delete", "vm", "", 10, RECORDED("VM: deletion accepted", f"{_VM_STATES}; RA {_VM_FORCE}"),
        "operations", "monitor", 10, 10,
    )
)  # fmt: skip
VM_DEALLOCATE = _kind(
    OperationKind(
        "vm-deallocate", "vm", "", 31.5, RECORDED("VM: deallocation accepted", f"{_VM_STATES}; RA {_VM_DISK}"),
        "operations", "monitor", 10, 36,
    )
)  # fmt: skip
VM_START = _kind(
    OperationKind(
        "vm-start", "vm", "", 20,
        RECORDED("VM: start accepted", _VM_STATES, guessed="its duration from deallocated; Retry-After"),
        "operations", "monitor", 10, 10,
    )
)  # fmt: skip
VM_POWER_OFF = _kind(
    OperationKind(
        "vm-power-off", "vm", "", 3.4, RECORDED("VM: power-off accepted", _VM_STATES, guessed="Retry-After"),
        "operations", "monitor", 10, 10,
    )
)  # fmt: skip
VM_EXTRA = _kind(
    OperationKind(
        "vm-patch", "vm", "", 5, DOCUMENTED("VM: PATCH accepted with 200", "REST reference, Virtual Machines - Update"),
        "operations", "", 10, 4,
    )
)  # fmt: skip
DISK_DELETE = _kind(
    OperationKind(
        "disk-delete", "disk", "", 1, RECORDED("disk: deletion accepted", _DISK_DELETE), "DiskOperations", "monitor"
    )
)
DISK_UPDATE = _kind(
    OperationKind(
        "disk-put", "disk", "", 1, RECORDED("disk: creation accepted with 202", _DISK), "DiskOperations", "monitor", 2
    )
)
NIC_DELETE = _kind(
    OperationKind(
        "nic-delete", "nic", "", 10, RECORDED("network card: deletion accepted", _NIC), "operations", "operationResults"
    )
)

SQL_POLL = RECORDED("SQL operation: poll", f"{_MI_MGMT}; RA also when done: {_MI_RESTORE}")
VM_POLL = RECORDED(
    "VM operation: poll", _VM_FORCE, guessed="that its address is signed as those of disks and of SQL are since 2024"
)
DISK_POLL = RECORDED("disk operation: poll", _DISK)
NIC_POLL = RECORDED("network operation: poll", _NIC, guessed="the body while in progress")
VM_RESULT = RECORDED("VM or disk operation: Location when done", f"{_VM_FORCE}, {_VM_STATES}")
RESULT_PENDING = DOCUMENTED(
    "operation: Location while in progress", "ARM async operations: 202 with Location and Retry-After until it is done"
)
SQL_RESULT = GUESS("SQL operation: Location when done", "the SDK's rules: 200 with the resource, 204 after a deletion")
NIC_RESULT = GUESS("network operation: Location when done", "modelled on Compute's")
FAILED_POLL = GUESS(
    "operation: poll of one that failed", "ARM async operations (documentation): status Failed and an error object"
)

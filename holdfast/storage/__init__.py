"""Object storage: the interface with its failure contract; Azure Blob Storage; a local folder."""

from holdfast.storage.errors import AlreadyExists, LeaseHeld, LeaseLost, NoImmutability, ObjectMissing, WriteOnce
from holdfast.storage.interface import KeptVersion, Lease, LockMode, ObjectInfo, ObjectStore, Tier
from holdfast.storage.opening import open_store

__all__ = [
    "AlreadyExists",
    "KeptVersion",
    "Lease",
    "LeaseHeld",
    "LeaseLost",
    "LockMode",
    "NoImmutability",
    "ObjectInfo",
    "ObjectMissing",
    "ObjectStore",
    "Tier",
    "WriteOnce",
    "open_store",
]

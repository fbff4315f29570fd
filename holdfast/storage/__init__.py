"""Object storage: the interface with its failure contract; Azure Blob Storage; a local folder."""

from holdfast.storage.errors import AlreadyExists, LeaseHeld, LeaseLost, ObjectMissing
from holdfast.storage.interface import Lease, ObjectInfo, ObjectStore, Tier
from holdfast.storage.opening import open_store

__all__ = [
    "AlreadyExists",
    "Lease",
    "LeaseHeld",
    "LeaseLost",
    "ObjectInfo",
    "ObjectMissing",
    "ObjectStore",
    "Tier",
    "open_store",
]

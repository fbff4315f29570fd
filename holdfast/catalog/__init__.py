"""The configuration database: policies, sessions, points, workers, jobs and the log, on Azure Table Storage.

Everything here is safe to repeat, every change of a row is a compare-and-swap, and every time comes from the clock that
is given, never from storage. What the catalog knows of points is a copy: it is filled again from the repositories.
"""

from holdfast.catalog.database import Catalog
from holdfast.catalog.differences import Differences
from holdfast.catalog.failures import CatalogTooNew
from holdfast.catalog.points import PointPage
from holdfast.catalog.policies import StoredPolicy
from holdfast.catalog.pool import Action, Lease, Worker, WorkerRole, WorkerState
from holdfast.catalog.retention import Hold, Proven
from holdfast.catalog.retention_facts import ChainState
from holdfast.catalog.retention_runs import Batch, Outcome, RetentionEntry, Stopped
from holdfast.catalog.sessions import first_id, new_id
from holdfast.catalog.standing import Standing

__all__ = [
    "Action",
    "Batch",
    "Catalog",
    "CatalogTooNew",
    "ChainState",
    "Differences",
    "Hold",
    "Lease",
    "Outcome",
    "PointPage",
    "Proven",
    "RetentionEntry",
    "Standing",
    "Stopped",
    "StoredPolicy",
    "Worker",
    "WorkerRole",
    "WorkerState",
    "first_id",
    "new_id",
]

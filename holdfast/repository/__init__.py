"""The repository: chains of restore points, deduplicated, compressed, sealed. The format is docs/repository-format.md."""

from holdfast.repository.check_report import CheckProblem, CheckReport
from holdfast.repository.errors import LastPoint, NewerFormat, NotIdentical, PointConflict, RepositoryExists
from holdfast.repository.keys import PasswordCost
from holdfast.repository.manifests import PointHeader
from holdfast.repository.prune_report import PruneReport, PruneRules
from holdfast.repository.rehydration import Rehydration
from holdfast.repository.removing import Deletion
from holdfast.repository.repository import ChainSurvey, Repository
from holdfast.repository.restoring import WrittenBacpac
from holdfast.repository.salvage import Salvage, SalvagedEntry, SalvagedTable

__all__ = [
    "ChainSurvey",
    "CheckProblem",
    "CheckReport",
    "Deletion",
    "LastPoint",
    "NewerFormat",
    "NotIdentical",
    "PasswordCost",
    "PointConflict",
    "PointHeader",
    "PruneReport",
    "PruneRules",
    "Rehydration",
    "Repository",
    "RepositoryExists",
    "Salvage",
    "SalvagedEntry",
    "SalvagedTable",
    "WrittenBacpac",
]

"""The repository: chains of restore points, deduplicated, compressed, sealed. The format is docs/repository-format.md."""

from holdfast.repository.check_report import CheckProblem, CheckReport
from holdfast.repository.credentials import Credential, KeyWrapper, Password, RecoveryKey, VaultKey
from holdfast.repository.errors import LastPoint, NewerFormat, NotIdentical, PointConflict, RepositoryExists
from holdfast.repository.key_slots import KeySlots, NothingElseOpens, Rotation, SlotInfo
from holdfast.repository.keys import PasswordCost
from holdfast.repository.manifests import PointHeader
from holdfast.repository.prune_report import PruneReport, PruneRules
from holdfast.repository.recovery_key import BadRecoveryKey
from holdfast.repository.rehydration import Rehydration
from holdfast.repository.removing import Deletion
from holdfast.repository.repository import ChainSurvey, Repository
from holdfast.repository.restoring import WrittenBacpac
from holdfast.repository.salvage import Salvage, SalvagedEntry, SalvagedTable

__all__ = [
    "BadRecoveryKey",
    "ChainSurvey",
    "CheckProblem",
    "CheckReport",
    "Credential",
    "Deletion",
    "KeySlots",
    "KeyWrapper",
    "LastPoint",
    "NewerFormat",
    "NotIdentical",
    "NothingElseOpens",
    "Password",
    "PasswordCost",
    "PointConflict",
    "PointHeader",
    "PruneReport",
    "PruneRules",
    "RecoveryKey",
    "Rehydration",
    "Repository",
    "RepositoryExists",
    "Rotation",
    "Salvage",
    "SalvagedEntry",
    "SalvagedTable",
    "SlotInfo",
    "VaultKey",
    "WrittenBacpac",
]

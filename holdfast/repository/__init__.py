"""The repository: chains of restore points, deduplicated, compressed, sealed. The format is docs/repository-format.md."""

from holdfast.repository.check import CheckProblem, CheckReport
from holdfast.repository.credentials import Credential, KeyWrapper, Password, RecoveryKey, VaultKey
from holdfast.repository.errors import NewerFormat, NotIdentical, PointConflict, RepositoryExists
from holdfast.repository.key_slots import KeySlots, NothingElseOpens, Rotation, SlotInfo
from holdfast.repository.keys import PasswordCost
from holdfast.repository.manifests import PointHeader
from holdfast.repository.recovery_key import BadRecoveryKey
from holdfast.repository.rehydration import Rehydration
from holdfast.repository.repository import ChainSurvey, Repository
from holdfast.repository.restoring import WrittenBacpac

__all__ = [
    "BadRecoveryKey",
    "ChainSurvey",
    "CheckProblem",
    "CheckReport",
    "Credential",
    "KeySlots",
    "KeyWrapper",
    "NewerFormat",
    "NotIdentical",
    "NothingElseOpens",
    "Password",
    "PasswordCost",
    "PointConflict",
    "PointHeader",
    "RecoveryKey",
    "Rehydration",
    "Repository",
    "RepositoryExists",
    "Rotation",
    "SlotInfo",
    "VaultKey",
    "WrittenBacpac",
]

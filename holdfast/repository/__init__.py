"""The repository: chains of restore points, deduplicated, compressed, sealed. The format is docs/repository-format.md."""

from holdfast.repository.errors import LastPoint, NewerFormat, NotIdentical, NotOwned, PointConflict, RepositoryExists
from holdfast.repository.keys.credentials import Credential, KeyWrapper, Password, RecoveryKey, VaultKey
from holdfast.repository.keys.key_slots import KeySlots, NothingElseOpens, Rotation, SlotInfo
from holdfast.repository.keys.keys import PasswordCost
from holdfast.repository.keys.recovery_key import BadRecoveryKey
from holdfast.repository.objects.manifests import PointHeader
from holdfast.repository.objects.owners import Owner, foreign_writer
from holdfast.repository.point_work import ChainSurvey
from holdfast.repository.points.point_tables import PointTable, PointTables
from holdfast.repository.points.rehydration import Rehydration
from holdfast.repository.points.restoring import WrittenBacpac
from holdfast.repository.points.salvage import Salvage, SalvagedEntry, SalvagedTable
from holdfast.repository.points.table_answers import answer as answer_about_tables
from holdfast.repository.repository import Repository
from holdfast.repository.upkeep.check_report import CheckProblem, CheckReport
from holdfast.repository.upkeep.prune_report import PruneReport, PruneRules
from holdfast.repository.upkeep.removing import Deletion

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
    "NotOwned",
    "NothingElseOpens",
    "Owner",
    "Password",
    "PasswordCost",
    "PointConflict",
    "PointHeader",
    "PointTable",
    "PointTables",
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
    "answer_about_tables",
    "foreign_writer",
]

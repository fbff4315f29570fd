"""The rules for what an export lets pass: what breaks a later import, and what only needs to be known.

Sources, beside those of `blocking`: microsoft/DacFx issues 836 (broken references), 571 and 260 (Entra users), 809 and 484
(credentials), 325 (ledger tables), 804 (names of defaults), 788, 816, 726, 765 (json, vector, sql_variant), SqlPackage's
release notes (special characters, 170.3), microsoft/DACExtensions issue 56 (numbered procedures).
"""

from __future__ import annotations

from holdfast.model.preflight.rule import Rule

REMOTE_ROWS = Rule(
    "P01",
    "warning",
    "{kind}",
    "reads rows from elsewhere by {function}; an export does not look into that",
    "See after a restore whether it can still reach them",
)
BROKEN_QUERY = Rule(
    "P03",
    "breaks-import",
    "{kind}",
    "refers to {target}, which does not exist: an export may pass it, an import cannot create it",
    "Create what it refers to, or drop it",
    "SQL71501",
    repaired="dropped; its definition and permissions are kept",
)
BROKEN_BODY = Rule(
    "P03",
    "warning",
    "{kind}",
    "refers to {target}, which does not exist; it is restored as it is and fails when it runs",
    "Create what it refers to, or drop it",
    "SQL71502",
)
UNUSABLE_VIEW = Rule(
    "P03",
    "breaks-import",
    "View",
    "cannot be read: a column or an object that it names does not exist",
    "Create what it refers to, or drop it",
    "SQL71501",
    repaired="dropped; its definition and permissions are kept",
)
ENTRA_USER = Rule(
    "P07",
    "breaks-import",
    "User",
    "is an Entra user or group: an import creates it only when connected by Entra itself",
    "Import with an Entra identity, or drop the user before and create it again after the import",
    "Msg 33159",
)
EXTERNAL_SOURCE = Rule(
    "P08",
    "breaks-import",
    "External {kind}",
    "needs a credential or place outside the database; an import may leave it out without a word",
    "Create it again after a restore and compare what uses it",
    repaired="dropped where its external tables are dropped too; its definition is kept",
)
SCOPED_CREDENTIAL = Rule(
    "P09",
    "warning",
    "Database scoped credential",
    "is exported without its secret",
    "Set the secret again after a restore (ALTER DATABASE SCOPED CREDENTIAL)",
)
CREDENTIAL_WITHOUT_KEY = Rule(
    "P09",
    "breaks-import",
    "Database scoped credential",
    "has no master key in this database to be encrypted with: an import cannot create it",
    "CREATE MASTER KEY, or drop the credential and create it again after a restore",
    "SQL71589",
)
MEMORY_OPTIMISED = Rule(
    "P11",
    "breaks-import",
    "{kind}",
    "is memory-optimised or natively compiled: only the tiers Premium and Business Critical take it",
    "Restore into such a tier",
)
LEDGER_TABLE = Rule(
    "P12",
    "breaks-import",
    "Table",
    "is a ledger table: its rows are restored, its history and its proof are not",
    "Keep long-term retention backups beside this where the proof matters",
)
DROPPED_LEDGER_GRANT = Rule(
    "P12",
    "breaks-import",
    "Table",
    "is a dropped ledger table on which {grantee} has {permission}: an import fails at that permission",
    "REVOKE {permission} from {grantee}",
    "Msg 15151",
    repaired="the permission is revoked",
)
TEMPORAL_TABLE = Rule(
    "P13",
    "warning",
    "Table",
    "keeps its history in {history}; both are restored as tables",
    "Compare rows and retention of both after a restore",
)
CAPTURE = Rule(
    "P14",
    "warning",
    "Database",
    "has change data capture switched on, which no BACPAC carries",
    "Enable it again after a restore (sys.sp_cdc_enable_db and each table)",
)
LARGE_HEAP = Rule(
    "P16",
    "warning",
    "Table",
    "has {megabytes} MB and no clustered index: it is read in one go, which may time out, and in no fixed order",
    "Give it a clustered index",
)
NUMBERED_PROCEDURE = Rule(
    "P17",
    "warning",
    "Procedure",
    "is a numbered procedure; exports have failed now and then where other code calls one (SQL71501)",
    "Give it a name of its own",
)
DEFAULT_NAME = Rule(
    "P19",
    "breaks-import",
    "Default constraint",
    "of {table} has a name such as the engine gives by itself: an import may meet it twice",
    "Rename it (sp_rename)",
    "Msg 2714",
    repaired="renamed",
)
JSON_COLUMN = Rule(
    "P20",
    "breaks-import",
    "Column",
    "is json, takes NULL and is followed by another column: an import may end in the middle of the rows",
    "Import with a SqlPackage that is known to take it, and compare rows",
    "Msg 4002",
)
RISKY_COLUMN = Rule(
    "P20",
    "warning",
    "Column",
    "is {type}, with which versions of SqlPackage have failed",
    "Compare its values after a restore",
)
SPECIAL_NAME = Rule(
    "P21",
    "breaks-import",
    "Table",
    "has a character in its name with which SqlPackage before 170.3 left the restored table empty without a word",
    "Import with SqlPackage 170.3 or later and compare rows, or rename the table",
)
LOOSE_CONSTRAINT = Rule(
    "P22",
    "warning",
    "{kind}",
    "is {state}: rows may break it, and an import may check them",
    "Check its rows (ALTER TABLE … WITH CHECK CHECK CONSTRAINT), or note its state",
)
CUSTOMER_KEY = Rule(
    "P23",
    "warning",
    "Database",
    "is encrypted at rest with a key of your own ({thumbprint}), which no BACPAC carries",
    "The target encrypts with its own; give it your key where rules ask for that",
)
BROKEN_TEXT = Rule(
    "P24",
    "breaks-import",
    "{kind}",
    "has half a character (a lone surrogate) in its script: a BACPAC of it may be one that nobody can open",
    "Alter it without that character",
)

PASSING: tuple[Rule, ...] = (
    REMOTE_ROWS,
    BROKEN_QUERY,
    UNUSABLE_VIEW,
    BROKEN_BODY,
    ENTRA_USER,
    EXTERNAL_SOURCE,
    CREDENTIAL_WITHOUT_KEY,
    SCOPED_CREDENTIAL,
    MEMORY_OPTIMISED,
    LEDGER_TABLE,
    DROPPED_LEDGER_GRANT,
    TEMPORAL_TABLE,
    CAPTURE,
    LARGE_HEAP,
    NUMBERED_PROCEDURE,
    DEFAULT_NAME,
    JSON_COLUMN,
    RISKY_COLUMN,
    SPECIAL_NAME,
    LOOSE_CONSTRAINT,
    CUSTOMER_KEY,
    BROKEN_TEXT,
)

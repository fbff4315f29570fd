"""The rules for what blocks an export.

Sources of numbers and wordings: messages of DacFx itself (its own strings, and what its validation says about models made
for it), Microsoft's blog on three-part names (SQL71562), microsoft/DacFx issues 426 (Windows users), 147 and 66 (keys), 535
(encrypted modules), and people's reports on change data capture (SQL71501).
"""

from __future__ import annotations

from holdfast.model.preflight.rule import Rule

OUTSIDE_CAUSE = "refers to {target}, outside the database, which a BACPAC cannot carry"
_OUTSIDE_MEND = "Drop or rewrite it so that it uses nothing outside the database, for instance through a local table"
_DROPPED = "dropped; its definition and permissions are kept"
OWN_CAUSE = "names {target} with its own database's name; an export takes only names without a database"
_OWN_MEND = "Write the name without the database, then export again"
_REWRITTEN = "altered: the database's own name is left out"

#: The columns of a view or an inline function come from what it reads: an outside name is an error of its own there.
OUTSIDE_REFERENCE = Rule("P01", "blocks-export", "{kind}", OUTSIDE_CAUSE, _OUTSIDE_MEND, "SQL71562", repaired=_DROPPED)
OUTSIDE_QUERY = Rule("P01", "blocks-export", "{kind}", OUTSIDE_CAUSE, _OUTSIDE_MEND, "SQL71561", repaired=_DROPPED)
OWN_REFERENCE = Rule("P01", "blocks-export", "{kind}", OWN_CAUSE, _OWN_MEND, "SQL71562", repaired=_REWRITTEN)
OWN_QUERY = Rule("P01", "blocks-export", "{kind}", OWN_CAUSE, _OWN_MEND, "SQL71561", repaired=_REWRITTEN)

OUTSIDE_SYNONYM = Rule(
    "P02",
    "blocks-export",
    "Synonym",
    "stands for {target}, outside the database, which a BACPAC cannot carry",
    "Drop the synonym and what uses it, or let it stand for something in this database",
    "SQL71562",
    repaired=_DROPPED,
)
WINDOWS_PRINCIPAL = Rule(
    "P04",
    "blocks-export",
    "User",
    "is a Windows user or group, which a BACPAC for Azure SQL cannot carry",
    "Give what it owns to another (ALTER AUTHORIZATION), then DROP USER; use an Entra or SQL user instead",
    "SQL71627",
    repaired="what it owns goes to dbo, then it is dropped; roles and permissions are kept",
)
KEY_USER = Rule(
    "P05",
    "blocks-export",
    "User",
    "is mapped to {kind}, which a BACPAC cannot carry",
    "DROP USER, after the modules that it signs were changed to do without",
    "SQL71564",
)
ORPHANED_USER = Rule(
    "P06",
    "blocks-export",
    "User",
    "has been orphaned from its login: no login of the server has its security id",
    "Map it to a login (ALTER USER … WITH LOGIN = …), or note its roles and DROP USER",
    "SQL71564",
    repaired="what it owns goes to dbo, then it is dropped; roles and permissions are kept",
)
EXTERNAL_TABLE = Rule(
    "P08",
    "blocks-export",
    "External table",
    "shows rows that lie outside the database, which a BACPAC cannot carry",
    "DROP EXTERNAL TABLE; create it again after a restore",
    "SQL71564",
    repaired=_DROPPED,
)
KEY = Rule(
    "P10",
    "blocks-export",
    "{Kind}",
    "is {a_kind}, which a BACPAC cannot carry; what it encrypts could not be read after a restore",
    "Drop it if nothing is encrypted or signed with it; otherwise decrypt first",
    "SQL71626",
)
CAPTURE_ROLE_MEMBER = Rule(
    "P14",
    "blocks-export",
    "User",
    "is a member of the change-data-capture role {role}, which a BACPAC does not have",
    "ALTER ROLE {role} DROP MEMBER; make it a member again after a restore",
    "SQL71501",
    repaired="leaves the role",
)
ENCLAVE_INDEX = Rule(
    "P15",
    "blocks-export",
    "Index",
    "is on column {column}, which is encrypted at random: only an enclave could compare its values",
    "Drop the index, or export by hand with /p:IgnoreIndexesStatisticsOnEnclaveEnabledColumns=True",
    "SQL71594",
)
ENCLAVE_STATISTICS = Rule(
    "P15",
    "blocks-export",
    "Statistics",
    "are on column {column}, which is encrypted at random: only an enclave could compare its values",
    "Drop the statistics, or export by hand with /p:IgnoreIndexesStatisticsOnEnclaveEnabledColumns=True",
    "SQL71598",
)
_INSTANCE_MEND = "Drop it, or keep this database's backups on the instance (native COPY_ONLY backups to URL)"
FILESTREAM = Rule(
    "P17",
    "blocks-export",
    "Column",
    "keeps its values in FILESTREAM, which Azure SQL Database does not have",
    "Move the values to an ordinary varbinary(max) column and drop it",
    "SQL71627",
)
INSTANCE_OBJECT = Rule(
    "P17",
    "blocks-export",
    "{Kind}",
    "is {a_kind}, of a kind that Azure SQL Database does not have",
    _INSTANCE_MEND,
    "SQL71626",
)
ENCRYPTED_MODULE = Rule(
    "P18",
    "blocks-export",
    "{kind}",
    "was made WITH ENCRYPTION: nobody can read its script, so no BACPAC can carry it",
    "Create it again from its source without encryption, or drop it",
    "SQL71564",
)

BLOCKING: tuple[Rule, ...] = (
    OUTSIDE_QUERY,
    OUTSIDE_REFERENCE,
    OWN_QUERY,
    OWN_REFERENCE,
    OUTSIDE_SYNONYM,
    WINDOWS_PRINCIPAL,
    KEY_USER,
    ORPHANED_USER,
    EXTERNAL_TABLE,
    KEY,
    CAPTURE_ROLE_MEMBER,
    ENCLAVE_INDEX,
    ENCLAVE_STATISTICS,
    FILESTREAM,
    INSTANCE_OBJECT,
    ENCRYPTED_MODULE,
)

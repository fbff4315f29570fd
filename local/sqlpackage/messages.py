"""Every line that the stand-in prints, and where we know it from. `GUESS` marks what nobody showed us."""

from __future__ import annotations

from dataclasses import dataclass

GUESS = "guess"
DACFX = "strings of DacFx 15.0"
JUDGE = "DacFx 15.0's own validation of a doctored model"


@dataclass(frozen=True)
class Message:
    """A line with its placeholders, and its source."""

    text: str
    source: str

    def __call__(self, **values: object) -> str:
        return self.text.format(**values)


STAND_IN = Message(
    "*** This is Holdfast's stand-in for SqlPackage: it exports and imports databases of the local Azure emulator.",
    "ours",
)
CONNECTING = Message("Connecting to database '{database}' on server '{server}'.", "sql-docs, SqlPackage Export, output")
EXTRACTING = Message("Extracting schema", "sql-docs, SqlPackage Export, output")
EXTRACTING_FROM = Message("Extracting schema from database", "sql-docs, SqlPackage Export, output")
RESOLVING = Message("Resolving references in schema model", "sql-docs, SqlPackage Export, output")
VALIDATING = Message("Validating schema model", "sql-docs, SqlPackage Export, output")
VALIDATING_PACKAGE = Message("Validating schema model for data package", DACFX)
EXPORTING = Message("Exporting data", "sql-docs, SqlPackage Export, output")
EXPORTING_FROM = Message("Exporting data from database", "sql-docs, SqlPackage Export, output")
TABLE = Message("Processing Table '{table}'.", "sql-docs, SqlPackage Export, output")
PROCESSING = Message("Processing Export.", "sql-docs, SqlPackage Export, output")
SUCCESS = Message(
    "Successfully exported database and saved it to file '{file}'.", "sql-docs, SqlPackage Export, output"
)
ELAPSED = Message("Time elapsed {elapsed}", "sql-docs, SqlPackage Export, output")

FAILED = Message(
    "*** Error exporting database:{cause}", "dfurman, Database migration to SQL Azure using a bacpac (2015)"
)
UNSUPPORTED = Message(
    "One or more unsupported elements were found in the schema used as part of a data package.", DACFX
)
INVALID_MODEL = Message("Validation of the schema model for data package failed.", DACFX)
ERROR_LINE = Message("Error {number}: {text}", "dfurman, Database migration to SQL Azure using a bacpac (2015)")
ELEMENT = Message("Error validating element {name}: {text}", JUDGE)
UNRESOLVED = Message("{element} has an unresolved reference to object {target}.", DACFX)
EXTERNAL = Message("External references are not supported when creating a package from this platform.", DACFX)
PLATFORM_ELEMENT = Message("The element {element} is not supported in Microsoft Azure SQL Database v12.", DACFX)
PLATFORM_PROPERTY = Message(
    "The element {element} has property {property} set to a value that is not supported in Microsoft Azure SQL Database "
    "v12.",
    DACFX,
)
ORPHANED = Message("The element {element} has been orphaned from its login and cannot be deployed.", DACFX)
PACKAGE_ELEMENT = Message(
    "The element {element} is not supported when used as part of a data package (.bacpac file).", DACFX
)

UNRESOLVED_ROLE = Message("User: {member} has an unresolved reference to Role {role}.", JUDGE)
RANDOM_INDEX = Message(
    "Column {column} cannot be encrypted using randomized encryption because it has a nonclustered index.", JUDGE
)
RANDOM_STATISTIC = Message(
    "Column {column} cannot be encrypted using randomized encryption because it is used in a statistic.", JUDGE
)
ENCRYPTED = Message(
    "The element {element} cannot be deployed as the script body is encrypted.", "microsoft/DacFx issue 535"
)

_IMPORTED = "d365fo.tools issue 316, output of SqlPackage's import"
IMPORTING_TO = Message("Importing to database '{database}' on server '{server}'.", _IMPORTED)
PLANNING = Message("Creating deployment plan", _IMPORTED)
INITIALIZING = Message("Initializing deployment", _IMPORTED)
VERIFYING_PLAN = Message("Verifying deployment plan", _IMPORTED)
ANALYZING_PLAN = Message("Analyzing deployment plan", _IMPORTED)
IMPORTING_PACKAGE = Message("Importing package schema and data into database", _IMPORTED)
UPDATING = Message("Updating database", _IMPORTED)
IMPORTING_DATA = Message("Importing data", DACFX)
PROCESSING_IMPORT = Message("Processing Import.", "people's reports of it")
DISABLING = Message("Disabling indexes.", "people's reports of it")
ENABLING = Message("Enabling indexes.", "people's reports of it")
IMPORTED = Message("Successfully imported database.", "people's reports of it")
IMPORT_FAILED = Message("*** Error importing database:{cause}", _IMPORTED)
NOT_IMPORTED = Message("Could not import package.", _IMPORTED)
_NOT_EMPTY = (
    "Data cannot be imported into target because it contains one or more user objects. "
    "Import should be performed against a new, empty database."
)
NOT_EMPTY = Message(f"{_NOT_EMPTY}\nError SQL0: {_NOT_EMPTY}", "microsoft/DacFx issue 296")
NO_PACKAGE = Message("Could not load package from '{file}'.", "people's reports of it")
SERVER_SAID = Message(
    "Error SQL72014: Core Microsoft SqlClient Data Provider: Msg {number}, Level 16, State 1, Line 1 {text}",
    "microsoft/DacFx issue 571",
)
SCRIPT_FAILED = Message(
    "Error SQL72045: Script execution error.  The executed script:\n{script}", "microsoft/DacFx issue 571"
)
OBJECT_THERE = Message("There is already an object named '{name}' in the database.", "SQL Server error 2714")
NO_ENTRA = Message(
    "Principal '{name}' could not be created. Only connections established with Active Directory accounts can create "
    "other Active Directory users.",
    "microsoft/DacFx issue 571",
)
NO_OBJECT = Message(
    "Cannot find the object '{name}', because it does not exist or you do not have permission.",
    "SQL Server error 15151",
)
SIZE_REACHED = Message(
    "The database '{database}' has reached its size quota. Partition or delete data, drop indexes, or consult the "
    "documentation for possible resolutions.",
    "SQL Server error 40544",
)
NO_TIER = Message(
    "'{feature}' is not supported in this service tier of the database. See Books Online for more details on feature "
    "support in different service tiers of Windows Azure SQL Database.",
    "SQL Server error 40536",
)
CONNECTION_LOST = Message(
    "A transport-level error has occurred when receiving results from the server. (provider: TCP Provider, error: 0 - "
    "An existing connection was forcibly closed by the remote host.)",
    "Microsoft.Data.SqlClient",
)

NOT_AN_ARGUMENT = Message(
    "*** '{argument}' is not a valid argument for the '{action}' action.", "people's reports of it"
)
BAD_VALUE = Message("*** '{value}' is not a valid value for the argument '{argument}'.", GUESS)
MISSING = Message("*** The '{argument}' argument is required for the '{action}' action.", GUESS)
NO_ACTION = Message("*** The command line does not name an action.", GUESS)
OTHER_ACTION = Message("*** The stand-in does not do the '{action}' action; it does Export and Import.", "ours")
BAD_CONNECTION_STRING = Message("*** Keyword not supported: '{keyword}'.", "Microsoft.Data.SqlClient")
OTHER_AUTHENTICATION = Message(
    "*** The stand-in connects by 'Active Directory Managed Identity' only, not by '{authentication}'.", "ours"
)
EXISTS = Message("*** The file '{file}' already exists.", GUESS)

NOT_CONNECTED = Message("Could not connect to database server.", "DacFx, people's reports of it")
UNREACHABLE = Message(
    "A network-related or instance-specific error occurred while establishing a connection to SQL Server. "
    "The server was not found or was not accessible.",
    "Microsoft.Data.SqlClient",
)
LOGIN_FAILED = Message("Login failed for user '<token-identified principal>'.", "SQL Server error 18456")
TOKEN_EXPIRED = Message("Token is expired.", "SQL Server error 18456, people's reports of it")
NO_DATABASE = Message(
    'Cannot open database "{database}" requested by the login. The login failed.', "SQL Server error 4060"
)
NOT_AVAILABLE = Message(
    "Database '{database}' on server '{server}' is not currently available. Please retry the connection later.",
    "SQL Server error 40613",
)
NO_IDENTITY = Message(
    "ManagedIdentityCredential authentication unavailable. {detail}", "azure-identity for .NET, people's reports of it"
)
NO_SPACE = Message("No space left on device : '{file}'", ".NET's IOException on Linux")
EMPTY = Message("The stand-in found nothing in the emulated database: {detail}", "ours")

"""Operations of a database: their list, and cancelling one."""

from __future__ import annotations

from local.azure import sql_databases
from local.azure.evidence import GUESS, RECORDED
from local.azure.listing import page
from local.azure.operations import Operation
from local.azure.refusals import conflict, missing_right, provider_404
from local.azure.replies import Reply, sql_time
from local.azure.store import Json
from local.azure.world import EFFECTS, Ask, World, action_of, route

_OPERATIONS = f"{sql_databases.DATABASES}/operations"
_CITED = "azure-cli sql/test_sql_db_operation_mgmt.yaml@6c232475"
_LIST = RECORDED("SQL database: list of operations", _CITED, guessed="those that have ended, and the numbers of errors")
_CANCELLED = RECORDED("SQL database: cancelling an operation", _CITED)
_ENDED = GUESS("SQL database: cancelling an operation that has ended", "no recording; 409")
_FRIENDLY = {"UpdateLogicalDatabase": "ALTER DATABASE", "DropLogicalDatabase": "DROP DATABASE"}
_ERROR_NUMBER = 45000


@route("GET", f"{_OPERATIONS}/*")
def list_operations(world: World, ask: Ask) -> Reply:
    """Operations on a database, oldest first."""
    database = ask.address.parent
    action = action_of("GET", ask.address)
    if not world.rights.allowed(ask.claims.principal_id, action, database.path):
        raise missing_right(ask.claims.principal_id, action, database.path)
    sql_databases.find(world, database)
    found = world.operations.all_on(database.path)
    return page(world, ask, [_shown(world, ask, operation) for operation in found], one_page=_LIST)


def _shown(world: World, ask: Ask, operation: Operation) -> Json:
    name = operation.kind.name
    going = operation.ends > world.now() or not operation.settled
    state = "InProgress" if going else "Succeeded"
    properties: Json = {
        "databaseName": ask.address.parent.name,
        "operation": name,
        "operationFriendlyName": _FRIENDLY.get(name, "CREATE DATABASE"),
        "percentComplete": 0 if going else 100,
        "serverName": ask.address.parent.parent.name,
        "startTime": sql_time(operation.started),
    }
    if not going and operation.error:
        state = "Cancelled" if operation.error["code"] == "OperationCancelled" else "Failed"
        properties |= {
            "errorCode": _ERROR_NUMBER,
            "errorDescription": f"{operation.error['code']}: {operation.error['message']}",
            "errorSeverity": 16,
            "isUserError": False,
        }
    return {
        "properties": {**properties, "state": state},
        "id": f"{ask.path}/{operation.id}",
        "name": operation.id,
        "type": _OPERATIONS,
    }


@route("POST", f"{_OPERATIONS}/:cancel")
def cancel_operation(world: World, ask: Ask) -> Reply:
    """Cancels what is still going on."""
    address = ask.address.parent
    operation = world.operations.get(address.name)
    if operation is None or operation.target.lower() != address.parent.path.lower():
        raise provider_404(_OPERATIONS, address.name)
    if operation.settled:
        refusal = conflict("OperationNotCancellable", "The operation has ended.")
        refusal.reply.shape = _ENDED
        raise refusal
    world.operations.cut_short(operation, "OperationCancelled", "The operation was cancelled.", world.now())
    EFFECTS[operation.effect](world, operation)
    return Reply(_CANCELLED, 200)

"""How large a database is: its usages. The data of an emulated one are the inflated entries of its BACPAC."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from zipfile import ZipFile

from local.azure import contents, sql_databases
from local.azure.evidence import SDK
from local.azure.listing import page
from local.azure.refusals import missing_right
from local.azure.replies import Reply
from local.azure.store import Json
from local.azure.world import Ask, World, action_of, route

_USAGES = f"{sql_databases.DATABASES}/usages"
_LIST = SDK(
    "SQL database: usages",
    "azure-mgmt-sql models; the names database_size and database_allocated_size are those that public programs read",
    guessed="that the allocated size is a little larger; which right Azure asks for",
)
_EMPTY = 6 << 20
_ROUND = 16 << 20


@route("GET", f"{_USAGES}/*")
def list_usages(world: World, ask: Ask) -> Reply:
    """The used and the allocated size, in bytes."""
    database = ask.address.parent
    action = action_of("GET", ask.address)
    if not world.rights.allowed(ask.claims.principal_id, action, database.path):
        raise missing_right(ask.claims.principal_id, action, database.path)
    found = sql_databases.find(world, database)
    content = contents.now_of(found)
    used = _EMPTY + (_inflated(contents.path_of(world.folder, content)) if content else 0)
    limit = found.properties["maxSizeBytes"]
    sizes = (
        ("database_size", "Database Size", used),
        ("database_allocated_size", "Database Allocated Size", -(-used // _ROUND) * _ROUND),
    )
    return page(world, ask, [_usage(ask, name, title, value, limit) for name, title, value in sizes], one_page=_LIST)


def _usage(ask: Ask, name: str, title: str, value: int, limit: int) -> Json:
    return {
        "properties": {"displayName": title, "currentValue": value, "limit": limit, "unit": "Bytes"},
        "id": f"{ask.path}/{name}",
        "name": name,
        "type": _USAGES,
    }


@lru_cache(maxsize=1024)
def _inflated(file: Path) -> int:
    with ZipFile(file) as package:
        return sum(entry.file_size for entry in package.infolist())

"""What the probe is asked: questions, and on a staging copy repairs before them. JSON on its stdin."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from holdfast.model.errors import HoldfastError
from holdfast.model.job import SqlConnection
from holdfast.model.plan import COPY_PREFIX


class Repair(BaseModel):
    """Statements that are run in one transaction: all of them, or none."""

    model_config = ConfigDict(frozen=True)

    id: str
    statements: list[str]


class Inquiry(SqlConnection):
    """A connection, what to do there first, and whether what repairs need is asked too, or only what a restore compares."""

    for_repair: bool = False
    of_restored: bool = False
    repairs: list[Repair] = Field(default_factory=list)
    moves: list[tuple[str, str]] = Field(default_factory=list, description="new names; then nothing is asked")


class NotACopy(HoldfastError):
    """A repair was asked for where no staging copy stands. Nothing was done."""

    code = "not-a-copy"
    title = "Repairs are made on staging copies only"
    advice = "This is a defect of Holdfast: report it. Nothing was changed."
    exit_code = 1
    http_status = 500
    permanent = True


def assert_copy(connection: SqlConnection) -> None:
    """Raises NotACopy unless the connection leads to a staging copy, by its kind and by its name."""
    if connection.kind != "staging-copy" or not connection.database.startswith(COPY_PREFIX):
        raise NotACopy(f"{connection.database} on {connection.host} is a {connection.kind}; nothing is changed there")

"""What of a BACPAC would make its export, or an import, fail: its model under the rules of every preflight."""

from __future__ import annotations

from holdfast.bacpac.census import Answers
from holdfast.bacpac.model import DatabaseModel
from holdfast.bacpac.package import Bacpac
from holdfast.model.preflight.deciding import decide
from holdfast.model.preflight.finding import Finding

#: A heap of this many megabytes is worth a warning.
LARGE_HEAP_MEGABYTES = 1024


def answers(bacpac: Bacpac) -> Answers:
    """Rows by query: what the model says, and the heaps that are large by their data in the package."""
    model = bacpac.model()
    found = {query: [dict(row) for row in rows] for query, rows in model.answers.items()}
    found["P16"] = [
        {"s": table.schema, "name": table.name, "n": None, "mb": table.bytes >> 20}
        for table in bacpac.tables()
        if (table.schema, table.name) in model.heaps and table.bytes >> 20 > LARGE_HEAP_MEGABYTES
    ]
    return found


def find(bacpac: Bacpac, database: str = "") -> list[Finding]:
    """Every finding, by rule. `database`: the name by which its own code may call the database."""
    return decide(answers(bacpac), database)


def find_in(model: DatabaseModel, database: str = "") -> list[Finding]:
    """The same of a model alone, without what only the rows tell."""
    return decide(model.answers, database)

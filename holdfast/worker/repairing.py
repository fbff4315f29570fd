"""Mends a staging copy until nothing is left that a repair can take away. Never a source.

What will be done is kept in storage before it is done: a worker that dies in between, or the next attempt on another one,
finds there what the copy has lost by then.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import TypeAdapter

from holdfast.model.job import PreflightSpec
from holdfast.model.transformation import Transformation
from holdfast.sql.preflight import Answer, run_probe
from holdfast.sql.protocol import Inquiry, Repair, assert_copy
from holdfast.sql.repair_plan import PlannedRepair, hopeless, plan
from holdfast.worker.assignment import Assignment

#: A chain of views that stand on one another falls one by one.
MOST_ROUNDS = 50

_RECORD = TypeAdapter(list[Transformation])


@dataclass(frozen=True)
class Mending:
    """The last answer of the database, what was done to it in all, and what the server refused."""

    answer: Answer
    done: list[Transformation] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def mend(assignment: Assignment, spec: PreflightSpec, inquiry: Inquiry, answer: Answer) -> Mending:
    """Repairs and asks again, round by round.

    Nothing is touched where a finding blocks that no repair can take away: the export would fail all the same. Raises
    NotACopy where the connection does not lead to a staging copy, and what `run_probe` raises.
    """
    assert_copy(spec.connection)
    name = f"{spec.connection.database}.repairs.json"
    kept = assignment.keeper.kept(assignment.job.session, name)
    done = {(one.rule, one.object): one for one in (_RECORD.validate_json(kept) if kept else [])}
    refused: dict[tuple[str, str], str] = {}
    # Without scripts, permissions or owners it could not be told what is to be given back.
    unknown = [f"nothing was mended: {query} {said}" for query, said in answer.errors.items() if query.startswith("R")]
    if unknown or hopeless(answer.rows, spec.database):
        return Mending(answer, list(done.values()), unknown)
    for number in range(MOST_ROUNDS):
        planned = [repair for repair in plan(answer.rows, spec.database) if repair.key not in refused]
        if not planned:
            break
        before = dict(done)
        for repair in planned:
            # What an earlier attempt kept and did not come to do: the definition of then is the one to give back.
            done.setdefault(repair.key, repair.transformation)
        assignment.keeper.keep(assignment.job.session, name, _RECORD.dump_json(list(done.values())))
        assignment.progress.update(phase=f"mending the copy, round {number + 1}")
        answer = run_probe(
            assignment.settings.sql_probe,
            inquiry.model_copy(update={"repairs": [_asked(n, repair) for n, repair in enumerate(planned)]}),
            cancelled=assignment.stop.asked,
        )
        for identity, said in answer.refused.items():
            key = planned[int(identity)].key
            refused[key] = said
            if key not in before:
                del done[key]
        assignment.keeper.keep(assignment.job.session, name, _RECORD.dump_json(list(done.values())))
    return Mending(answer, list(done.values()), [f"{key[1]}: {said}" for key, said in refused.items()])


def _asked(number: int, repair: PlannedRepair) -> Repair:
    return Repair(id=str(number), statements=list(repair.statements))

"""The doctor over HTTP."""

from __future__ import annotations

from holdfast.model.diagnosis import Diagnosis
from triggers.routes import Call, Reply, page, route


@route(
    "GET",
    "doctor",
    "Every right, setting and service that the policies need: ok, warning or failed, with what mends it",
    gives=Diagnosis,
    many=True,
)
def doctor(call: Call) -> Reply:
    """Asks Azure many small questions. Changes nothing, but that it writes and removes a probe in the app's containers."""
    policies = [stored.policy for stored in call.app.catalog.policies.list()]
    return Reply(page([one.model_dump(mode="json") for one in call.app.doctor.examine(policies)], None))

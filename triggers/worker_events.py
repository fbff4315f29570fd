"""The events queue: a worker announces the end of a job, and the orchestration that waits for it goes on."""

from __future__ import annotations

import azure.durable_functions as df
import azure.functions as func
import structlog
from pydantic import ValidationError

from holdfast.model.job import JobEvent, event_name
from triggers.starting import wake

bp = df.Blueprint()

_log = structlog.get_logger("worker_events")


@bp.queue_trigger(arg_name="message", queue_name="%HOLDFAST_EVENTS_QUEUE%", connection="HOLDFAST_STATE")
@bp.durable_client_input(client_name="client")
async def worker_events(message: func.QueueMessage, client: df.DurableOrchestrationClient) -> None:
    """The event carries no more than a state: what the job came to is read from its result."""
    try:
        event = JobEvent.model_validate_json(message.get_body())
    except ValidationError:
        _log.warning("a message on the events queue is not a job event and is left out")
        return
    await wake(client, event.instance_id, event_name(event.job), event.state)

"""`python -m holdfast.worker`: runs the worker until SIGTERM. Settings come from the environment (`WorkerSettings`)."""

from __future__ import annotations

import logging
import resource
import signal
import sys

import structlog

from holdfast.clock_file import clock_from
from holdfast.settings import WorkerSettings
from holdfast.telemetry.exporting import set_up
from holdfast.worker.assignment import Equipment
from holdfast.worker.loop import WorkerLoop
from holdfast.worker.mailbox import AzureMailbox
from holdfast.worker.redaction import redact_event
from holdfast.worker.repositories import Repositories
from holdfast.worker.workspace import Workspaces


def set_up_logging() -> None:
    """One JSON object a line, to stdout: the machine's journal keeps it. The SDKs speak up only when something is wrong."""
    logging.basicConfig(stream=sys.stdout, level=logging.WARNING, format="%(message)s")
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact_event,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )


def lift_limits() -> None:
    """Raises this process's soft limits to the hard ones, for SqlPackage too: it has many files open, and large ones."""
    for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_DATA, resource.RLIMIT_AS):
        _, hard = resource.getrlimit(limit)
        resource.setrlimit(limit, (hard, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def main() -> int:
    """Runs the worker. Exit code 0 after SIGTERM or SIGINT."""
    from holdfast.cloud.clients import credential

    settings = WorkerSettings()
    set_up_logging()
    lift_limits()
    clock, identity = clock_from(settings.clock_file), credential(settings.client_id)
    equipment = Equipment(
        settings=settings,
        clock=clock,
        credential=identity,
        repositories=Repositories(identity, clock, settings.storage_api_version),
        workspaces=Workspaces(settings.workspace),
    )
    flush = set_up(settings.telemetry, "worker", settings.telemetry_connection, lambda: identity)
    loop = WorkerLoop(AzureMailbox.open(settings, identity), equipment)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.stop())
    loop.run()
    flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())

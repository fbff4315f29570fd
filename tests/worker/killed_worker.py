"""Runs a worker whose mailbox lives in the test's process; started by test_worker_killed.py, and killed by it."""

from __future__ import annotations

import json
import signal
import sys
import threading
from datetime import timedelta
from multiprocessing.connection import Client
from typing import Any

from holdfast.model.clock import SystemClock
from holdfast.settings import WorkerSettings
from holdfast.worker.assignment import Equipment
from holdfast.worker.loop import WorkerLoop
from holdfast.worker.mailbox import Delivery
from holdfast.worker.repositories import Repositories
from holdfast.worker.workspace import Workspaces


class RemoteMailbox:
    """The mailbox, by calls to the test's process: a connection for each thread, a pickled call and its answer."""

    def __init__(self, address: tuple[str, int], key: bytes) -> None:
        self.address, self.key, self.mine = address, key, threading.local()

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> Any:
            if not hasattr(self.mine, "line"):
                self.mine.line = Client(self.address, authkey=self.key)
            self.mine.line.send((name, arguments))
            answer, raised, arguments_after = self.mine.line.recv()
            if raised is not None:
                raise raised
            for ours, theirs in zip(arguments, arguments_after, strict=True):
                if isinstance(ours, Delivery):
                    ours.receipt = theirs.receipt
            return answer

        return call


def main() -> None:
    given = json.loads(sys.argv[1])
    mailbox = RemoteMailbox(tuple(given["address"]), given["key"].encode())
    clock = SystemClock()
    settings = WorkerSettings.model_validate(given["settings"])
    equipment = Equipment(
        settings=settings,
        clock=clock,
        credential=None,  # type: ignore[arg-type]
        repositories=Repositories(None, clock),  # type: ignore[arg-type]
        workspaces=Workspaces(settings.workspace),
    )
    loop = WorkerLoop(mailbox, equipment, hidden_for=timedelta(seconds=1))
    signal.signal(signal.SIGTERM, lambda *_: loop.stop())
    loop.run()


if __name__ == "__main__":
    main()

"""Sends what waits in an outbox until it is killed: `python killed_sender.py CONNECTION URL ZERO RATE`."""

from __future__ import annotations

import sys
import time
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient

from activities import send_notices
from holdfast.catalog import Catalog
from holdfast.model.channel import SlackChannel
from holdfast.model.clock import ScaledClock


def main(connection: str, url: str, zero: str, rate: str) -> None:
    """Rounds, one after the other, as the timer starts them."""
    begin = datetime.fromisoformat(zero)
    clock = ScaledClock(begin, begin, float(rate))
    tables, blobs = (
        TableServiceClient.from_connection_string(connection),
        BlobServiceClient.from_connection_string(connection),
    )
    channel = SlackChannel(kind="slack", url_secret="https://vault.example/secrets/url")
    app: Any = SimpleNamespace(
        catalog=Catalog(tables, blobs.get_container_client("catalog"), clock),
        clock=clock,
        settings=SimpleNamespace(installation="holdfast"),
        channel=lambda name: channel,
        read_secret=lambda address: url,
    )
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while app.catalog.outbox.waiting():
        for waiting in app.catalog.outbox.waiting():
            if send_notices._is_due(app, waiting):
                send_notices._send(app, waiting)
        time.sleep(0.05)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Events as Log Analytics gets them: told by the real module, turned into what Azure Monitor is sent by its own exporter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from azure.monitor.opentelemetry.exporter.export.logs import _exporter as azure
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

from holdfast.telemetry import events

Rows = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Rows:
    """The rows of AppEvents so far."""
    memory = InMemoryLogRecordExporter()
    provider = LoggerProvider()
    provider.add_log_record_processor(SimpleLogRecordProcessor(memory))
    # A provider is set once a process; the tests before this one may have.
    monkeypatch.setattr(events, "get_logger", provider.get_logger)
    return lambda: [_row(azure._convert_log_to_envelope(record)) for record in memory.get_finished_logs()]


def _row(envelope: Any) -> dict[str, Any]:
    assert envelope.data.base_type == "EventData", "it would not be in AppEvents"
    return {
        "TimeGenerated": datetime.fromisoformat(str(envelope.time)),
        "Name": envelope.data.base_data.name,
        "Properties": envelope.data.base_data.properties,
        "OperationId": envelope.tags["ai.operation.id"],
    }

"""Where telemetry goes: Azure Monitor, an OTLP collector, or the console. Set up once a process; without it, nowhere.

The exporter of Azure Monitor is used without Microsoft's distribution around it, whose instrumentations of web frameworks
cost a cold start a third of a second and watch nothing that we use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from holdfast import __version__
from holdfast.model.telemetry import Telemetry

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential


@dataclass(frozen=True)
class Exporters:
    """The two ends that everything goes to."""

    spans: Any
    logs: Any


def set_up(
    kind: Telemetry, role: str, connection: str, credential: Callable[[], TokenCredential]
) -> Callable[[], None]:
    """Sends spans and events from now on; returns what sends the last of them before the process ends.

    `role`: `app` or `worker`, the name that maps show. `connection` is Azure Monitor's connection string.
    """
    if not kind:
        return lambda: None
    from opentelemetry import _logs, trace
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    found = _exporters(kind, connection, credential)
    # Neither the app's package nor the worker's bundle is an installed distribution that could be asked for its version.
    about = {"service.name": role, "service.namespace": "holdfast", "service.version": __version__}
    resource = Resource.create(about)
    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(BatchSpanProcessor(found.spans))
    trace.set_tracer_provider(tracers)
    loggers = LoggerProvider(resource=resource)
    loggers.add_log_record_processor(BatchLogRecordProcessor(found.logs))
    _logs.set_logger_provider(loggers)

    def flush() -> None:
        tracers.force_flush()
        loggers.force_flush()

    return flush


def _exporters(kind: Telemetry, connection: str, credential: Callable[[], TokenCredential]) -> Exporters:
    if kind == "azure":
        from azure.monitor.opentelemetry.exporter import AzureMonitorLogExporter, AzureMonitorTraceExporter

        options = {"connection_string": connection, "credential": credential()}
        return Exporters(AzureMonitorTraceExporter(**options), AzureMonitorLogExporter(**options))
    if kind == "otlp":
        # Reads OTEL_EXPORTER_OTLP_ENDPOINT and its like, as every program of OpenTelemetry does.
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return Exporters(OTLPSpanExporter(), OTLPLogExporter())
    from opentelemetry.sdk._logs.export import ConsoleLogRecordExporter
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter

    return Exporters(ConsoleSpanExporter(), ConsoleLogRecordExporter())

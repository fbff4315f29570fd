"""Where telemetry goes, as settings name it."""

from typing import Literal

Telemetry = Literal["", "azure", "otlp", "console"]

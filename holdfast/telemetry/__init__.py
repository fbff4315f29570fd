"""What Holdfast tells whoever watches it: spans of work, and events that queries, alerts and the workbook are built on."""

from holdfast.telemetry.events import tell
from holdfast.telemetry.spans import working

__all__ = ["tell", "working"]

"""The small server in the emulator's place, as SqlPackage's stand-in has it; and a worker."""

from tests.local.sqlpackage.conftest import azure
from tests.worker.conftest import office

__all__ = ["azure", "office"]

"""The small server in the emulator's place, as SqlPackage's stand-in has it."""

from tests.local.sqlpackage.conftest import azure

__all__ = ["azure"]

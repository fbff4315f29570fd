"""What ends a run: the lines to print, and exit code 1, the only one that SqlPackage has for failure."""

from __future__ import annotations


class Refusal(Exception):
    """Ends the run; the message is printed to stderr as it stands."""


class ExportError(Refusal):
    """The export failed; the message follows `*** Error exporting database:`."""


class NotImported(Refusal):
    """The import failed; the message follows `*** Error importing database:`."""

"""The error for a database that holds what a BACPAC cannot: names every blocker with its cause and its mend."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.model.errors import ExportBlocked
from holdfast.model.preflight.finding import Finding

#: An error is read by a person: so many blockers are named, and how many more there are.
_MOST_NAMED = 10


def blocked(findings: Sequence[Finding]) -> ExportBlocked:
    """What preflight found or what SqlPackage refused, in the same words."""
    shown = findings[:_MOST_NAMED]
    causes = [f"{f.object}: {f.cause}{f' ({f.error_number})' if f.error_number else ''}" for f in shown]
    more = f"; and {len(findings) - _MOST_NAMED} more" if len(findings) > _MOST_NAMED else ""
    mends = [f"{f.object}: {f.mend.rstrip('.')}." for f in shown]
    return ExportBlocked("; ".join(causes) + more, help=" ".join(mends))

"""A rule: what it finds, what it means, what to do about it. All texts stand here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.model.preflight.finding import Finding, Severity


@dataclass(frozen=True)
class Rule:
    """One line of the table of rules. `cause` and `mend` may hold `{words}` that a finding fills in."""

    id: str
    severity: Severity
    object: str
    """The kind of object, in words: `View`, or `{kind}`."""
    cause: str
    mend: str
    number: str | None = None
    """SqlPackage's number (SQL71562) or the engine's (Msg 33159)."""
    repaired: str | None = None
    """What is done about it on a staging copy, where the policy allows repairs; None: nothing can be."""

    def on(self, name: str, **words: str) -> Finding:
        """The finding for an object of that name (bracketed)."""
        return Finding(
            id=self.id,
            severity=self.severity,
            object=f"{self.object.format(**words)} {name}",
            cause=self.cause.format(**words),
            error_number=self.number,
            mend=self.mend.format(**words),
        )


def bracketed(*parts: str | None) -> str:
    """`[dbo].[v]`; an empty part, as in `db..t`, stays empty."""
    return ".".join(f"[{part.replace(']', ']]')}]" if part else "" for part in parts if part is not None)

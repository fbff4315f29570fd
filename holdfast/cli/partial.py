"""How a command ends that does many things, of which some went wrong."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.cli.session_views import PARTIAL_EXIT_CODE as PARTIAL_EXIT_CODE
from holdfast.model.errors import HoldfastError


def exit_code_of(errors: Sequence[HoldfastError], *, well: int) -> int:
    """0 if nothing went wrong; 3 if a part did; the first error's exit code if nothing (`well`) went well."""
    if not errors:
        return 0
    return PARTIAL_EXIT_CODE if well else errors[0].info().exit_code

"""Loops over bytes at native speed where numba is installed; the same loops in plain Python, slowly, where it is not.

Workers have numba (extra `worker`). A machine that only reads a repository needs none: everything decodes without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Loop = TypeVar("Loop", bound=Callable[..., Any])

try:
    from numba import njit
except ImportError:  # pragma: no cover (the tests run the loops' `py_func` instead)

    def compiled(loop: Loop) -> Loop:
        """The loop as it is."""
        return loop
else:

    def compiled(loop: Loop) -> Loop:
        """The loop as machine code: made at the first call, kept on disk, and free of the interpreter's lock."""
        made: Loop = njit(nogil=True, cache=True, error_model="numpy")(loop)
        return made

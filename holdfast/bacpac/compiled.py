"""Loops over bytes as machine code where numba is installed; as plain Python, many times slower, where it is not."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

COMPILED = find_spec("numba") is not None
"""Whether `compiled` compiles: a reader needs no numba, a worker has it."""


def compiled(loop: Callable[..., Any]) -> Any:
    """The function, compiled on its first call, without the interpreter's lock while it runs.

    The machine code is kept beside the module, or in the user's cache folder (NUMBA_CACHE_DIR names another) where that
    cannot be written; where neither can, every process compiles anew. numba takes a third of a second to load, so modules of
    loops are imported where they are first needed.
    """
    if not COMPILED:
        return loop
    import numba

    try:
        return numba.njit(nogil=True, cache=True)(loop)
    except RuntimeError:  # no folder that could be written to
        return numba.njit(nogil=True)(loop)

"""Loops over bytes as machine code where numba is installed; as plain Python, many times slower, where it is not."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

COMPILED = find_spec("numba") is not None
"""Whether `compiled` compiles: a reader needs no numba, a worker has it."""


_told: list[Callable[[], object]] = []


def tell_of_compiling(tell: Callable[[], object]) -> None:
    """`tell` is called once, when a loop is compiled and not found kept: that takes seconds in which nothing happens."""
    _told[:] = [tell]


def _listen() -> None:
    from numba.core import event

    class Listener(event.Listener):  # type: ignore[misc]
        def on_start(self, _: object) -> None:
            if _told:
                _told.pop()()

        def on_end(self, _: object) -> None:
            pass

    if not _listening:
        _listening.append(Listener())
        event.register("numba:compile", _listening[0])


_listening: list[Any] = []


def compiled(loop: Callable[..., Any]) -> Any:
    """The function, compiled on its first call, without the interpreter's lock while it runs.

    The machine code is kept beside the module, or in the user's cache folder (NUMBA_CACHE_DIR names another) where that
    cannot be written; where neither can, every process compiles anew. numba takes a third of a second to load, so modules of
    loops are imported where they are first needed.
    """
    if not COMPILED:
        return loop
    import numba

    _listen()
    try:
        return numba.njit(nogil=True, cache=True)(loop)
    except RuntimeError:  # no folder that could be written to
        return numba.njit(nogil=True)(loop)

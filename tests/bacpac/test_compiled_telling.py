"""Compiling takes seconds: it is said, once."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

from holdfast.bacpac.compiled import compiled, tell_of_compiling


def test_compiling_is_told_once_and_what_is_compiled_already_is_not() -> None:
    told: list[str] = []
    tell_of_compiling(lambda: told.append("compiling"))
    import numba

    compiled(lambda data: data)  # whatever is compiled first brings the listening
    first = numba.njit(lambda data: data[0])
    second = numba.njit(lambda data: data[1])
    assert first(np.arange(3)) == 0
    assert told == ["compiling"]
    assert second(np.arange(3)) == 1
    assert first(np.arange(3)) == 0
    assert told == ["compiling"]
    tell_of_compiling(lambda: told.append("again"))
    assert first(np.arange(3)) == 0
    assert told == ["compiling"], "nothing was compiled"

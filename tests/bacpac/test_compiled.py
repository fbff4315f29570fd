"""Loops run whatever numba finds on the machine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import pytest

from holdfast.bacpac.compiled import compiled


def increase(number: int) -> int:
    return number + 1


def test_a_loop_is_compiled_where_no_folder_takes_its_machine_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """What numba says then is a RuntimeError, as soon as it is asked to cache."""
    njit = numba.njit

    def picky(*args: Any, **options: Any) -> Callable[..., Any]:
        if options.get("cache"):
            raise RuntimeError("cannot cache function 'increase': no locator available")
        return njit(*args, **options)  # type: ignore[no-any-return]

    monkeypatch.setattr(numba, "njit", picky)
    made = compiled(increase)
    assert made(2) == 3
    assert made.signatures  # it was compiled


def test_the_lock_of_the_interpreter_is_not_held() -> None:
    assert compiled(increase).targetoptions["nogil"] is True


def test_numba_is_loaded_by_who_needs_it_only() -> None:
    """Listing points must not wait for it."""
    script = "import sys, holdfast.repository, holdfast.bacpac.rows; sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], env={"PYTHONPATH": str(Path(__file__).parents[2])}, check=True)

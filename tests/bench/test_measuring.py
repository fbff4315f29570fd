"""Programs are measured from outside; what fails, or gives back something else, is no figure."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import pytest

from bench.contender import Contender
from bench.days import GivenBackWrong, entries_in, restored
from bench.inflating import inflate
from bench.measuring import Cost, ProgramFailed, middle, run
from local.samples.databases import write_sample

_MIB = 1 << 20


def _python(code: str, folder: Path) -> Cost:
    return run([sys.executable, "-I", "-S", "-c", code], folder=folder, environment={}, scratch=folder)


def test_peak_memory_is_the_programs_own(tmp_path: Path) -> None:
    ballast = b"x" * (96 * _MIB)  # of this process, which started it
    small, large = _python("pass", tmp_path), _python(f"b'x' * ({64 * _MIB})", tmp_path)
    assert len(ballast) > 2 * small.peak_bytes
    assert large.peak_bytes - small.peak_bytes == pytest.approx(64 * _MIB, rel=0.1)


def test_a_program_that_fails_is_an_error_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(ProgramFailed, match="no such thing"):
        _python("raise SystemExit('no such thing')", tmp_path)
    with pytest.raises(ProgramFailed, match="No such file"):
        run(["/nowhere/program"], folder=tmp_path, environment={}, scratch=tmp_path)


def test_a_program_runs_in_its_folder_with_its_environment(tmp_path: Path) -> None:
    code = "import os; open(os.environ['NAMED'], 'w').write(os.getcwd())"
    run([sys.executable, "-c", code], folder=tmp_path, environment={"NAMED": "written"}, scratch=tmp_path)
    assert Path((tmp_path / "written").read_text()) == Path(os.path.realpath(tmp_path))


def test_the_middle_of_three_and_the_largest_memory() -> None:
    assert middle([Cost(1, 9, 5), Cost(3, 7, 6), Cost(2, 8, 4)]) == Cost(2, 8, 6)


class _Forgetful(Contender):
    """Gives back its one day, with one entry changed if it is told to."""

    takes = "bacpac"

    def __init__(self, folder: Path, bacpac: Path, *, wrong: str | None) -> None:
        super().__init__("forgetful", folder)
        self._bacpac, self._wrong = bacpac, wrong

    def init(self) -> None:
        """Nothing to make."""

    def start(self) -> Cost:
        return Cost()

    def store(self, day: int, what: Path) -> Cost:
        return Cost()

    def environment(self) -> dict[str, str]:
        return {}

    def restore(self, day: int, to: Path) -> Cost:
        inflate(self._bacpac, to)
        if self._wrong:
            with (to / self._wrong).open("ab") as file:
                file.write(b"!")
        return Cost(1.0)


@pytest.fixture
def bacpac(tmp_path: Path) -> Path:
    path = tmp_path / "day.bacpac"
    write_sample(path, "series", scale=0.02, level="fast")
    return path


def test_what_comes_back_whole_is_counted(bacpac: Path, tmp_path: Path) -> None:
    contender = _Forgetful(tmp_path / "contender", bacpac, wrong=None)
    with zipfile.ZipFile(bacpac) as package:
        assert restored(contender, 0, bacpac, tmp_path) == (Cost(1.0), len(package.namelist()))


def test_one_byte_more_in_one_entry_is_found_and_named(bacpac: Path, tmp_path: Path) -> None:
    part = next(name for name in entries_in(bacpac) if name.startswith("Data/"))
    contender = _Forgetful(tmp_path / "contender", bacpac, wrong=part)
    with pytest.raises(GivenBackWrong, match=part):
        restored(contender, 0, bacpac, tmp_path)

"""A child process in a group of its own, and the record by which a dead worker's child is found."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holdfast.worker import child_process
from holdfast.worker.workspace import Workspaces


def run(folder: Path, program: str, *, on_tick: object = None) -> tuple[int, list[str]]:
    lines: list[str] = []
    code = child_process.run(
        [sys.executable, "-c", program],
        folder=folder,
        environment=dict(os.environ),
        on_line=lines.append,
        on_tick=on_tick or (lambda: None),  # type: ignore[arg-type]
    )
    return code, lines


def test_both_streams_come_as_lines(tmp_path: Path) -> None:
    code, lines = run(tmp_path, "import sys; print('a\\r50 %\\rb', flush=True); sys.stderr.write('c\\n'); sys.exit(3)")
    assert (code, sorted(lines)) == (3, ["50 %", "a", "b", "c"])


def test_a_line_without_end_comes_in_pieces(tmp_path: Path) -> None:
    _, lines = run(tmp_path, "print('x' * 100_000)")
    assert "".join(lines) == "x" * 100_000
    assert max(map(len, lines)) <= 16_384


def test_bytes_that_are_no_text_do_not_end_the_reading(tmp_path: Path) -> None:
    _, lines = run(tmp_path, "import sys; sys.stdout.buffer.write(b'\\xff\\xfe\\nend\\n')")
    assert lines[-1] == "end"


def test_a_death_by_signal_is_a_negative_code(tmp_path: Path) -> None:
    assert run(tmp_path, "import os; os.kill(os.getpid(), 9)")[0] == -9


def test_what_a_tick_raises_ends_the_process_and_passes_on(tmp_path: Path) -> None:
    began = time.monotonic()

    def tick() -> None:
        raise TimeoutError("enough")

    with pytest.raises(TimeoutError, match="enough"):
        run(tmp_path, "import time; time.sleep(60)", on_tick=tick)
    assert time.monotonic() - began < 10
    assert not (tmp_path / "process.json").exists()


def test_a_child_that_outlives_its_parent_is_ended_too(tmp_path: Path) -> None:
    """It would go on writing into a folder that is about to be removed, and hold the pipe open."""
    _, lines = run(tmp_path, "import subprocess; print(subprocess.Popen(['sleep', '60']).pid, flush=True)")
    deadline = time.monotonic() + 5
    while _alive(int(lines[0])):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_dead_workers_child_is_found_and_killed(tmp_path: Path) -> None:
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    child_process._record(tmp_path, child.pid)
    assert child_process.kill_recorded(tmp_path)
    assert child.wait(timeout=10) == -signal.SIGKILL


def test_a_process_that_only_has_the_same_number_is_left_alone(tmp_path: Path) -> None:
    other = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        (tmp_path / "process.json").write_text(json.dumps({"pid": other.pid, "started": "1"}))
        assert not child_process.kill_recorded(tmp_path)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"pid": "x", "started": "1"}', '{"pid": 1, "started": null}'])
def test_a_record_that_says_nothing_kills_nothing(tmp_path: Path, record: str) -> None:
    (tmp_path / "process.json").write_text(record)
    assert not child_process.kill_recorded(tmp_path)


def test_a_start_removes_what_nobody_comes_back_for(tmp_path: Path) -> None:
    """A folder of yesterday may belong to a job that is delivered again; one of last week does not."""
    spaces = Workspaces(tmp_path)
    spaces.open()
    for name, days in (("recent", 1), ("old", 8)):
        folder = spaces.fresh(name, session=name, source="x")
        stamp = time.time() - days * 86_400
        os.utime(folder, (stamp, stamp))
    spaces.open()
    assert [folder.name for folder in spaces.folders.iterdir()] == ["recent"]


def test_removing_what_is_not_there_is_fine(tmp_path: Path) -> None:
    Workspaces(tmp_path).remove("never-made")

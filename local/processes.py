"""Processes that outlive the command which started them: started in a session of their own, found again, stopped surely.

A pid alone is no name, since the kernel gives it again; pid and start time together are. Linux only (reads /proc).
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ProcessRef:
    """One process, for ever: the kernel never gives the same pid the same start time."""

    pid: int
    started: int  # clock ticks since boot, field 22 of /proc/<pid>/stat

    def alive(self) -> bool:
        """Whether it runs. A zombie does not; if it is our child it is reaped here."""
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)
        found = _stat(self.pid)
        return found is not None and found.started == self.started and found.state not in "ZX"

    def as_text(self) -> str:
        """`pid:start time`, for a pid file."""
        return f"{self.pid}:{self.started}"

    @classmethod
    def from_text(cls, text: str) -> ProcessRef:
        """The reverse of `as_text`. Raises ValueError."""
        pid, started = text.strip().split(":")
        return cls(int(pid), int(started))

    @classmethod
    def of(cls, pid: int) -> ProcessRef | None:
        """The process that has this pid now, or None."""
        found = _stat(pid)
        return None if found is None else cls(pid, found.started)


@dataclass(frozen=True)
class _Stat:
    state: str
    parent: int
    session: int
    started: int


def _stat(pid: int) -> _Stat | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command name stands in brackets and may hold anything, brackets too: count from the last one.
    fields = text[text.rindex(")") + 2 :].split()
    return _Stat(state=fields[0], parent=int(fields[1]), session=int(fields[3]), started=int(fields[19]))


def _running() -> Iterator[tuple[int, _Stat]]:
    for entry in os.listdir("/proc"):  # noqa: PTH208 (names alone; no Path for each of hundreds of processes)
        if entry.isdigit():
            found = _stat(int(entry))
            if found is not None and found.state not in "ZX":
                yield int(entry), found


def start(argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None) -> ProcessRef:
    """Starts a program in its own session with its output appended to `log`. Raises OSError."""
    log.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawnp(
        argv[0],
        list(argv),
        dict(os.environ if env is None else env),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    found = ProcessRef.of(pid)
    if found is None:
        raise OSError(f"{argv[0]} ended at once")
    return found


def session_members(leader: ProcessRef) -> list[ProcessRef]:
    """Every process of the session that `leader` opened, whether or not the leader still runs.

    A session id is not given to a new process while any member of the session lives, so the number is enough.
    """
    found = _stat(leader.pid)
    if found is not None and found.started != leader.started:
        return []  # the pid was given again, so the session is empty
    return [ProcessRef(pid, stat.started) for pid, stat in _running() if stat.session == leader.pid]


def descendants(ancestor: ProcessRef) -> list[ProcessRef]:
    """Every process below `ancestor`, whatever session it is in."""
    children: dict[int, list[tuple[int, _Stat]]] = {}
    for pid, stat in _running():
        children.setdefault(stat.parent, []).append((pid, stat))
    found, queue = [], [ancestor.pid]
    while queue:
        for pid, stat in children.get(queue.pop(), []):
            found.append(ProcessRef(pid, stat.started))
            queue.append(pid)
    return found


def send(process: ProcessRef, sign: signal.Signals) -> bool:
    """Signals one process, and no other that got its pid. Returns whether it ran."""
    if not process.alive():
        return False
    try:
        os.kill(process.pid, sign)
    except ProcessLookupError:
        return False
    return True


def wait_until_gone(process: ProcessRef, seconds: float) -> bool:
    """Whether the process ended within that time."""
    deadline = time.monotonic() + seconds
    while process.alive():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def kill_one(process: ProcessRef) -> None:
    """Ends one process at once, none of its session."""
    send(process, signal.SIGKILL)
    wait_until_gone(process, 10)


def stop(leader: ProcessRef, *, grace: float = 5.0) -> None:
    """Ends the process and its whole session: a polite request, then, after `grace` seconds, no choice."""
    if send(leader, signal.SIGTERM):
        wait_until_gone(leader, grace)
    kill(leader)


def kill(leader: ProcessRef) -> None:
    """Ends the process and its whole session at once, as a lost machine would, and returns when none is left."""
    deadline = time.monotonic() + 10
    while members := session_members(leader):
        for member in members:
            send(member, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise TimeoutError(f"process {leader.pid} cannot be killed")
        time.sleep(0.01)
    leader.alive()  # reaps it where it is our child

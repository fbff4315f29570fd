"""Runs one program and writes down what it cost: `python -I -S launch.py REPORT LOG FOLDER PROGRAM ARGUMENT…`.

A process of its own that imports next to nothing: the kernel counts a program's peak memory from that of whoever started
it, so whoever starts it must be small (about 10 MB). Peak memory is the largest of the program and its children; wall time
runs from before the start to after the end.
"""

from __future__ import annotations

import json
import os
import sys
import time


def main() -> int:
    """Returns the program's exit code; 127 where it cannot be started."""
    report, log, folder, *argv = sys.argv[1:]
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    # What was written before is not to be paid for by this one.
    os.sync()
    os.chdir(folder)
    actions = [(os.POSIX_SPAWN_DUP2, output, 1), (os.POSIX_SPAWN_DUP2, output, 2)]
    started = time.perf_counter()
    try:
        pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=actions)
    except OSError as error:
        os.write(output, f"{argv[0]}: {error.strerror}\n".encode())
        return 127
    _, status, used = os.wait4(pid, 0)
    cost = {
        "wall": time.perf_counter() - started,
        "cpu": used.ru_utime + used.ru_stime,
        "peak_bytes": used.ru_maxrss * 1024,
    }
    with open(report, "w") as file:  # noqa: PTH123 (pathlib is larger than all the rest)
        json.dump(cost, file)
    return abs(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    sys.exit(main())

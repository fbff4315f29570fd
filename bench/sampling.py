"""Where the processor's time goes, by function of the engine: a sampler beside the threads that work.

It looks every few milliseconds at what each thread is in and adds the processor time that the thread had since (as the
kernel counts it, so waiting costs nothing) to the innermost function of Holdfast. Native code runs under the name of the
function that called it. Threads that native libraries start for themselves are the difference to the whole process.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TextIO

_EVERY = 0.004
_OTHERS = "elsewhere"
_NATIVE = "threads of native libraries"


@contextmanager
def sampled(out: TextIO) -> Iterator[None]:
    """Samples what happens inside; then writes `{"wall", "cpu", "by_function": {name: seconds}}` as one line."""
    found: dict[str, float] = defaultdict(float)
    over = threading.Event()
    sampler = threading.Thread(target=_sample, args=(found, over), name="sampler")
    wall, cpu = time.perf_counter(), time.process_time()
    sampler.start()
    try:
        yield
    finally:
        over.set()
        sampler.join()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    own = found.pop("sampler", 0.0)
    cpu -= own
    found[_NATIVE] = max(cpu - sum(found.values()), 0.0)
    json.dump({"wall": wall, "cpu": cpu, "by_function": dict(found)}, out)
    out.write("\n")


def _sample(found: dict[str, float], over: threading.Event) -> None:
    before: dict[int, float] = {}
    while not over.wait(_EVERY):
        frames = sys._current_frames()
        for thread in threading.enumerate():
            ident, number = thread.ident, thread.native_id
            if ident is None or number is None:
                continue
            used = _processor_seconds(number)
            spent = used - before.get(number, used if thread is threading.main_thread() else 0.0)
            before[number] = used
            if spent > 0:
                found["sampler" if thread is threading.current_thread() else _function(frames.get(ident))] += spent


def _processor_seconds(thread: int) -> float:
    try:
        return int(Path(f"/proc/self/task/{thread}/schedstat").read_text().split()[0]) / 1e9
    except (OSError, IndexError):
        return 0.0


def _function(frame: FrameType | None) -> str:
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("holdfast."):
            return f"{module.removeprefix('holdfast.')}.{frame.f_code.co_name}"
        frame = frame.f_back
    return _OTHERS

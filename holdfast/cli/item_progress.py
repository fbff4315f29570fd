"""Work on many things one after the other, as it goes: bars on a terminal, a line for each thing that ended elsewhere."""

from __future__ import annotations

import time
from typing import Self

from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from holdfast.cli.output import human_bytes, stderr
from holdfast.model import job


class ItemProgress:
    """Shows how far it is. `show` is what the work reports to; each thing is begun and ended."""

    def __init__(self, items: int, what: str) -> None:
        console = stderr()
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), DownloadColumn(), TransferSpeedColumn())
        self._bars = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
        self._items, self._what = items, what
        self._done = 0
        self._task = self._bars.add_task("", total=None, visible=False)
        self._label = self._phase = ""
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def begin(self, label: str) -> None:
        """The next thing."""
        self._label, self._phase = label, ""
        self._began = time.monotonic()
        self._bars.reset(self._task, total=None, visible=True, description=self._description(self._what))

    def show(self, progress: job.Progress) -> None:
        """How far the thing is."""
        phase = progress.phase or self._what
        if phase != self._phase:  # a rate is of one phase
            self._phase = phase
            self._bars.reset(self._task, total=progress.bytes_total, description=self._description(phase))
        self._bars.update(self._task, completed=progress.bytes, total=progress.bytes_total)

    def end(self, size: int, told: str) -> None:
        """It has ended, well or not; `size` is what it was counted by."""
        self._done += 1
        seconds = max(time.monotonic() - self._began, 0.001)
        rate = f"{human_bytes(size)} in {seconds:.1f} s, {human_bytes(int(size / seconds))}/s: " if size else ""
        # By the bars' own console, which moves them out of the way.
        line = f"[{self._done}/{self._items}] {self._label}: {rate}{told}"
        self._bars.console.print(escape(line), soft_wrap=True)

    def _description(self, phase: str) -> str:
        return escape(f"[{self._done + 1}/{self._items}] {self._label}: {phase}")

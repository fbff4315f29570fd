"""What a folder does that no other storage needs: it clears away the files of writers that died."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

from holdfast.storage.folder import UNFINISHED, FolderStore


def test_what_a_dead_writer_left_is_removed_a_day_later(tmp_path: Path) -> None:
    """kill -9 between the first byte and the link leaves a file that is no object; the living keep theirs."""
    store = FolderStore(tmp_path)
    store.release(store.acquire("locks/chain", "writer", timedelta(seconds=30)))
    guards = set((tmp_path / UNFINISHED).iterdir())
    assert guards
    dead, living = tmp_path / UNFINISHED / ("d" * 32), tmp_path / UNFINISHED / ("e" * 32)
    long_ago = time.time() - 25 * 3600
    for path in (dead, living):
        path.write_bytes(b"half a pack")
    for path in (dead, *guards):
        os.utime(path, (long_ago, long_ago))
    store.acquire("locks/chain", "the next one", timedelta(seconds=30))
    assert set((tmp_path / UNFINISHED).iterdir()) == {living, *guards}
    assert [info.name for info in store.list()] == ["locks/chain"]

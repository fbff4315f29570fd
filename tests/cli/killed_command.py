"""Runs `holdfast` and kills the process, as SIGKILL does, at the n-th manifest that it writes: before it or after it.

Started by test_done_again.py: `killed_command.py N before|after ARGUMENT…`.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from holdfast.cli.main import main
from holdfast.storage.folder import FolderStore

left, after = int(sys.argv[1]), sys.argv[2] == "after"
put = FolderStore.put


def deadly(store: FolderStore, name: str, data: Any, **more: Any) -> None:
    global left
    if "/manifests/" in name:
        left -= 1
        if left < 0:
            if after:
                put(store, name, data, **more)
            os.kill(os.getpid(), signal.SIGKILL)
    put(store, name, data, **more)


FolderStore.put = deadly  # type: ignore[method-assign]
sys.exit(main(sys.argv[3:]))

"""The machine's `systemctl`: asks the machine's init and says what it answered. Standard library only."""

import json
import os
import sys
import time
from pathlib import Path


def main(words: list[str]) -> int:
    """Exit code as systemctl's: 0 done, 1 failed."""
    control = Path(os.environ["HOLDFAST_LOCAL_CONTROL"])
    request = control / f"{os.getpid()}-{time.monotonic_ns()}.request"
    answer = request.with_suffix(".answer")
    draft = request.with_suffix(".draft")
    draft.write_text(json.dumps(words))
    draft.rename(request)
    while not answer.exists():
        time.sleep(0.01)
    told = json.loads(answer.read_text())
    answer.unlink()
    if told["text"]:
        sys.stderr.write(told["text"] + "\n")
    return int(told["code"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

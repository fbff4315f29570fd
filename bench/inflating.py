"""Takes a package apart, with the fast inflate that Holdfast itself uses: `python -m bench.inflating BACPAC FOLDER`.

What peers on inflated entries need before they can begin; its time is added to theirs.
"""

from __future__ import annotations

import sys
from pathlib import Path

from holdfast.bacpac.package import Bacpac


def inflate(bacpac: Path, folder: Path) -> None:
    """Writes every entry below the folder. Raises BadBacpac; names that lead out of the folder are among what it refuses."""
    with Bacpac.open(bacpac) as package:
        for entry in package.entries:
            to = folder / entry.name
            to.parent.mkdir(parents=True, exist_ok=True)
            with to.open("wb") as out:
                for piece in package.pieces(entry.name):
                    out.write(piece)


def main() -> int:
    """With no arguments it only starts, so that its start-up can be taken off."""
    if len(sys.argv) == 3:
        inflate(Path(sys.argv[1]), Path(sys.argv[2]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

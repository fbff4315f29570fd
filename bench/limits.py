"""How fast each part alone is on this machine, one thread, on the bytes of the series.

`python -m bench.limits BACPAC FOLDER`
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path

import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from holdfast.bacpac.package import Bacpac

_MOST = 128 << 20
_PIECE = 1 << 20
_ROUNDS = 3


def limits(bacpac: Path, folder: Path) -> dict[str, float]:
    """MB/s by part; the best of a few rounds."""
    pieces: list[bytes] = []
    inflate = _best(lambda: _inflated(bacpac, pieces))
    whole = sum(map(len, pieces))
    cipher = AESGCM(secrets.token_bytes(32))
    speeds = {"inflate (isal)": whole / inflate}
    parts: dict[str, Callable[[], object]] = {
        "SHA-256": lambda: [hashlib.sha256(piece) for piece in pieces],
        "zstd 1": lambda: [zstandard.compress(piece, level=1) for piece in pieces],
        "zstd 3": lambda: [zstandard.compress(piece, level=3) for piece in pieces],
        "AES-256-GCM": lambda: [cipher.encrypt(number.to_bytes(12), piece, b"") for number, piece in enumerate(pieces)],
        "write and fsync": lambda: _written(folder / "written", pieces),
    }
    speeds |= {name: whole / _best(part) for name, part in parts.items()}
    return {name: speed / 1e6 for name, speed in speeds.items()}


def _best(part: Callable[[], object]) -> float:
    found: list[float] = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        part()
        found.append(time.perf_counter() - started)
    return min(found)


def _inflated(bacpac: Path, pieces: list[bytes]) -> None:
    pieces.clear()
    have = 0
    with Bacpac.open(bacpac) as package:
        for entry in package.entries:
            with package.open_entry(entry.name) as stream:
                while have < _MOST and (piece := stream.read(_PIECE)):
                    pieces.append(piece)
                    have += len(piece)


def _written(path: Path, pieces: list[bytes]) -> None:
    with path.open("wb") as file:
        file.writelines(pieces)
        file.flush()
        os.fsync(file.fileno())
    path.unlink()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(limits(Path(sys.argv[1]), Path(sys.argv[2]))))

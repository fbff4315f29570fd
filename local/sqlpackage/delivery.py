"""The ZIP in which the stand-in reaches a worker: the executables and the address of the emulator beside them."""

from __future__ import annotations

import io
import json
import shlex
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_SCRIPT = """#!/bin/sh
# Starts Holdfast's stand-in with the Python that made this archive; what the worker has on its own path does not matter.
export HOLDFAST_EMULATOR="${{HOLDFAST_EMULATOR:-$(dirname "$0")/emulator.json}}"
exec {python} -I -m {module} "$@"
"""
_PROGRAMS = {"sqlpackage": "local.sqlpackage", "sqlprobe": "local.sqlprobe", "sqltable": "local.sqltable"}


def archive(
    address: str, ca_file: Path, *, python: Path = Path(sys.executable), faults: Mapping[str, Any] | None = None
) -> bytes:
    """The ZIP's bytes; the same for the same arguments.

    `address` is the emulator's (`https://127.0.0.1:PORT`), `ca_file` its authority's certificate, `faults` as in
    `faults.Faults`.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, module in _PROGRAMS.items():
            _add(package, name, _SCRIPT.format(python=shlex.quote(str(python)), module=module), 0o755)
        document = {"address": address, "ca_file": str(ca_file), "faults": dict(faults or {})}
        _add(package, "emulator.json", json.dumps(document, indent=1), 0o644)
    return out.getvalue()


def _add(package: zipfile.ZipFile, name: str, text: str, mode: int) -> None:
    info = zipfile.ZipInfo(name)
    info.external_attr = (0o100000 | mode) << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    package.writestr(info, text)

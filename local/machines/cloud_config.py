"""Reads a cloud-config document as cloud-init does, as far as the emulator goes.

https://cloudinit.readthedocs.io/en/latest/reference/modules.html
"""

from __future__ import annotations

import base64
import gzip
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from local.machines.differences import CLOUD_CONFIG, WRITE_FILES, NotEmulated
from local.machines.relocation import Relocation


@dataclass(frozen=True)
class WrittenFile:
    """One entry of `write_files`."""

    path: str
    content: bytes
    mode: int


@dataclass(frozen=True)
class CloudConfig:
    """What the machine does at its first boot: files first, then commands."""

    files: tuple[WrittenFile, ...]
    script: str
    """`runcmd` as the one shell script that cloud-init makes of it; a command that fails does not stop the next."""


def parse(custom_data: str) -> CloudConfig:
    """Takes the document apart. Raises NotEmulated for anything that would not be done as cloud-init does it."""
    if not custom_data.startswith("#cloud-config\n"):
        raise NotEmulated("custom data that does not begin with #cloud-config")
    document = yaml.safe_load(custom_data)
    if not isinstance(document, dict):
        raise NotEmulated("a cloud-config that is no mapping")
    unknown = set(document) - {"write_files", "runcmd"} - set(CLOUD_CONFIG)
    if unknown:
        raise NotEmulated(f"the cloud-config key {sorted(unknown)[0]}")
    files = tuple(_file(entry) for entry in document.get("write_files", []))
    return CloudConfig(files, _script(document.get("runcmd", [])))


def _file(entry: Mapping[str, Any]) -> WrittenFile:
    unknown = set(entry) - {"path", "content", "permissions", "encoding"} - set(WRITE_FILES)
    if unknown:
        raise NotEmulated(f"the write_files key {sorted(unknown)[0]}")
    content = str(entry.get("content", "")).encode()
    encoding = entry.get("encoding", "text/plain")
    if encoding in ("b64", "base64", "gz+b64", "gz+base64"):
        content = base64.b64decode(content)
    elif encoding != "text/plain":
        raise NotEmulated(f"the write_files encoding {encoding}")
    if str(encoding).startswith("gz"):
        content = gzip.decompress(content)
    return WrittenFile(str(entry["path"]), content, int(str(entry.get("permissions", "0644")), 8))


def _script(commands: list[Any]) -> str:
    lines = ["#!/bin/sh"]
    for command in commands:
        if isinstance(command, list):
            lines.append(shlex.join(str(word) for word in command))
        elif isinstance(command, str):
            lines.append(command)
        else:
            raise NotEmulated(f"the runcmd entry {command!r}")
    return "\n".join(lines) + "\n"


def write(config: CloudConfig, relocation: Relocation) -> None:
    """Writes the files where the machine has them. Raises NotEmulated for places that it does not have."""
    for file in config.files:
        target = relocation.path(file.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            content = relocation.text(file.content.decode()).encode()
        except UnicodeDecodeError:
            content = file.content
        target.write_bytes(content)
        target.chmod(file.mode)

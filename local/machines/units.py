"""Reads systemd unit files: services and timers, as far as the emulator goes.

https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html , systemd.exec, systemd.timer, systemd.time
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from local.machines.differences import UNITS, NotEmulated

#: Targets that every machine has reached by the time that anything of ours starts.
TARGETS = frozenset({"multi-user.target", "network-online.target", "network.target"})
#: systemd's own defaults.
RESTART_SECONDS, STOP_SECONDS, LIMIT_INTERVAL_SECONDS, LIMIT_BURST = 0.1, 90.0, 10.0, 5


@dataclass
class Unit:
    """A unit, with systemd's defaults where the file says nothing. Times are seconds."""

    name: str
    wants: list[str] = field(default_factory=list)
    wanted_by: list[str] = field(default_factory=list)
    type: str = "simple"
    environment: dict[str, str] = field(default_factory=dict)
    environment_files: list[tuple[Path, bool]] = field(default_factory=list)  # and whether it may be absent
    exec_start_pre: list[list[str]] = field(default_factory=list)
    exec_start: list[str] = field(default_factory=list)
    restart: str = "no"
    restart_seconds: float = RESTART_SECONDS
    stop_seconds: float = STOP_SECONDS
    kill_mode: str = "control-group"
    limit_interval: float = LIMIT_INTERVAL_SECONDS
    limit_burst: int = LIMIT_BURST
    on_boot: float | None = None
    on_active: float | None = None

    def restarts_after(self, code: int) -> bool:
        """Whether the service starts again after ending with this code (negative: by a signal)."""
        clean = code in (0, -1, -2, -13, -15)  # SIGHUP, SIGINT, SIGPIPE, SIGTERM count as clean
        return self.restart == "always" or (self.restart == "on-failure" and not clean)


def parse(name: str, text: str) -> Unit:
    """Takes a unit file apart. Raises NotEmulated for any key or value that would be treated otherwise by systemd."""
    unit = Unit(name)
    section = ""
    for line in text.replace("\\\n", " ").splitlines():
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        if stripped.startswith("["):
            section = stripped.strip("[]")
            if section not in UNITS:
                raise NotEmulated(f"{name}: the section [{section}]")
            continue
        key, _, value = (part.strip() for part in stripped.partition("="))
        if key in UNITS.get(section, {}):
            continue
        setter = _SETTERS.get((section, key))
        if setter is None:
            raise NotEmulated(f"{name}: {key}= in [{section}]")
        setter(unit, value)
    if name.endswith(".service") and not unit.exec_start:
        raise NotEmulated(f"{name}: a service without ExecStart=")
    return unit


def seconds(text: str) -> float:
    """A time span such as `30min`, `1h 5s`, `5`. Raises NotEmulated."""
    units = {
        "": 1.0,
        "s": 1.0,
        "sec": 1.0,
        "min": 60.0,
        "m": 60.0,
        "h": 3600.0,
        "hr": 3600.0,
        "d": 86400.0,
        "ms": 0.001,
    }
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text)
    if not parts or re.sub(r"\d+(?:\.\d+)?\s*[a-z]*|\s", "", text) or any(unit not in units for _, unit in parts):
        raise NotEmulated(f"the time span {text!r}")
    return sum(float(number) * units[unit] for number, unit in parts)


def read_environment_file(text: str) -> dict[str, str]:
    """An EnvironmentFile: `KEY=value`, comments, double or single quotes with backslashes in the double ones."""
    found = {}
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        key, _, value = stripped.partition("=")
        if value[:1] == '"' and value[-1:] == '"' and len(value) > 1:
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        elif value[:1] == "'" and value[-1:] == "'" and len(value) > 1:
            value = value[1:-1]
        found[key.strip()] = value
    return found


def _command(unit: Unit, value: str) -> list[str]:
    # `+` runs with full rights, which everything has here; `-` and `@` would change more.
    value = value.removeprefix("+")
    if value[:1] in "-@:!|" or "%" in value:
        raise NotEmulated(f"{unit.name}: the command {value!r}")
    words = shlex.split(value)
    # systemd puts variables in place of $NAME by itself, also inside single quotes.
    if any("$" in word for word in words):
        raise NotEmulated(f"{unit.name}: a variable in the command {value!r}")
    return words


def _one_of(name: str, *allowed: str) -> Callable[[Unit, str], None]:
    def setter(unit: Unit, value: str) -> None:
        if value not in allowed:
            raise NotEmulated(f"{unit.name}: {name} = {value}")
        setattr(unit, name, value)

    return setter


def _span(name: str) -> Callable[[Unit, str], None]:
    return lambda unit, value: setattr(unit, name, seconds(value))


def _environment(unit: Unit, value: str) -> None:
    for word in shlex.split(value):
        key, _, text = word.partition("=")
        unit.environment[key] = text


def _environment_file(unit: Unit, value: str) -> None:
    unit.environment_files.append((Path(value.removeprefix("-")), value.startswith("-")))


def _exec_start(unit: Unit, value: str) -> None:
    if unit.exec_start:
        raise NotEmulated(f"{unit.name}: more than one ExecStart=")
    unit.exec_start = _command(unit, value)


_SETTERS: dict[tuple[str, str], Callable[[Unit, str], None]] = {
    ("Unit", "Wants"): lambda unit, value: unit.wants.extend(value.split()),
    ("Unit", "StartLimitIntervalSec"): _span("limit_interval"),
    ("Unit", "StartLimitBurst"): lambda unit, value: setattr(unit, "limit_burst", int(value)),
    ("Service", "Type"): _one_of("type", "simple", "exec", "oneshot"),
    ("Service", "Environment"): _environment,
    ("Service", "EnvironmentFile"): _environment_file,
    ("Service", "ExecStartPre"): lambda unit, value: unit.exec_start_pre.append(_command(unit, value)),
    ("Service", "ExecStart"): _exec_start,
    ("Service", "Restart"): _one_of("restart", "no", "always", "on-failure"),
    ("Service", "RestartSec"): _span("restart_seconds"),
    ("Service", "TimeoutStopSec"): _span("stop_seconds"),
    ("Service", "KillMode"): _one_of("kill_mode", "control-group", "mixed"),
    ("Timer", "OnBootSec"): _span("on_boot"),
    ("Timer", "OnUnitActiveSec"): _span("on_active"),
    ("Install", "WantedBy"): lambda unit, value: unit.wanted_by.extend(value.split()),
}

"""Function keys: made once, kept beside the state file, and checked as the real host checks them.

`function` level takes a function's own key, the host's default key or the master key; `admin` the master key alone;
the durable webhooks the system key or the master key.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HEADER: Final = "x-functions-key"
QUERY: Final = "code"


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of this host. `functions` are keys of single functions, by lower-case name."""

    master: str
    host: str
    system: str
    functions: dict[str, str]

    def allows(self, level: str, given: Iterable[str | None], function: str = "") -> bool:
        """Whether one of the given keys opens an endpoint of that level: anonymous, function, admin or system."""
        if level == "anonymous":
            return True
        good = [self.master]
        if level == "function":
            good += [self.host, *filter(None, [self.functions.get(function.lower())])]
        elif level == "system":
            good.append(self.system)
        tried = [key.encode() for key in given if key]
        return any(hmac.compare_digest(key, known.encode()) for key in tried for known in good)


def keys_file(state: Path) -> Path:
    """Where the keys of a state file lie."""
    return state.with_name(state.name + ".keys.json")


def load_keys(state: Path) -> Keys:
    """Reads the keys that lie beside the state file; makes them at the first start."""
    file = keys_file(state)
    if not file.exists():
        made = {"master": _key(), "host": _key(), "system": _key(), "functions": {}}
        draft = file.with_name(file.name + ".new")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as out:
            json.dump(made, out, indent=1)
        draft.replace(file)
    found = json.loads(file.read_text())
    functions = {name.lower(): key for name, key in found["functions"].items()}
    return Keys(found["master"], found["host"], found["system"], functions)


def _key() -> str:
    return secrets.token_urlsafe(40)

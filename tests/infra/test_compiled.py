"""Microsoft's own compiler takes the templates without a word, where it is at hand: on the path, or as `az` keeps it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from holdfast.settings import Settings
from tests.infra.bicep_reading import INFRA

_BICEP = shutil.which("bicep", path=os.pathsep.join((os.environ.get("PATH", ""), str(Path.home() / ".azure" / "bin"))))
pytestmark = pytest.mark.skipif(_BICEP is None, reason="no Bicep compiler here (`az bicep install` fetches one)")


def _bicep(*words: str | Path) -> str:
    done = subprocess.run([str(_BICEP), *words], capture_output=True, text=True, check=False, timeout=300)
    # Warnings leave the exit code at 0 and stand on standard error.
    assert (done.returncode, done.stderr.strip()) == (0, "")
    return done.stdout


@pytest.mark.parametrize("name", ["main.bicep", "source-subscription.bicep"])
def test_a_template_compiles_without_a_warning(name: str) -> None:
    made = json.loads(_bicep("build", "--stdout", INFRA / name))
    assert made["$schema"].endswith("subscriptionDeploymentTemplate.json#")


@pytest.mark.parametrize("path", sorted(INFRA.glob("*.bicepparam")), ids=lambda path: path.name)
def test_a_set_of_parameters_compiles(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_PRINCIPAL_ID", "00000000-0000-0000-0000-000000000001")
    made = json.loads(_bicep("build-params", "--stdout", path))
    assert json.loads(made["parametersJson"])["parameters"]["administratorId"]["value"].endswith("1")


def test_settings_in_what_is_compiled_are_known() -> None:
    # Objects that are joined are written as an expression, so the names stand in text and are no keys.
    made = json.dumps(json.loads(_bicep("build", "--stdout", INFRA / "main.bicep"))["resources"])
    own = {name.lower() for name in re.findall(r"\bHOLDFAST_([A-Z0-9_]+)\b", made) if "__" not in name}
    assert own <= Settings.model_fields.keys()
    assert {"repositories", "worker_profiles", "telemetry"} <= own

"""The custom data of a worker VM: a document that cloud-init takes, small enough for Azure, without a secret."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from holdfast.model.errors import InvalidInput
from holdfast.settings import Settings, WorkerProfile, WorkerSettings
from holdfast.worker import boot

PROFILE = WorkerProfile(
    regions={}, writer_identity="/subscriptions/s/writer", writer_client_id="11111111-writer", parallel=3
)


def settings(**changes: Any) -> Settings:
    given: dict[str, Any] = {
        "worker_bundle_url": "https://state.blob.core.windows.net/bundles/worker.tar.gz",
        "worker_bundle_sha256": "ab" * 32,
        "sqlpackage_url": "https://state.blob.core.windows.net/bundles/sqlpackage.zip",
        "sqlpackage_sha256": "cd" * 32,
        "blob_endpoint": "https://state.blob.core.windows.net",
        "queue_endpoint": "https://state.queue.core.windows.net",
        "heartbeat": timedelta(seconds=7),
    }
    return Settings(**{**given, **changes})


def document(**changes: Any) -> dict[str, Any]:
    text = boot.custom_data(settings(**changes), "hf-westeurope-standard-1", PROFILE)
    assert text.startswith("#cloud-config\n"), "cloud-init knows the document by its first line"
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def files(loaded: dict[str, Any]) -> dict[str, str]:
    return {file["path"]: file["content"] for file in loaded["write_files"]}


def test_the_boot_script_is_embedded_word_for_word() -> None:
    assert files(document())["/opt/holdfast/boot.py"] == boot.boot_script()


def test_the_boot_script_compiles_on_its_own() -> None:
    compile(boot.boot_script(), "boot.py", "exec")


def test_the_document_fits_into_azures_limit_with_a_large_margin() -> None:
    text = boot.custom_data(settings(), "n" * 60, PROFILE)
    assert len(text.encode()) < boot.MAX_CUSTOM_DATA_BYTES / 2


def test_a_document_that_azure_would_refuse_is_refused_here(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("x" * 70_000)
    with pytest.raises(InvalidInput, match="65,535"):
        boot.custom_data(settings(ca_bundle=str(authority)), "w", PROFILE)


def test_the_environment_becomes_the_workers_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = json.loads(files(document(sql_probe="probe --all 'a b'"))["/opt/holdfast/boot.json"])["environment"]
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    found = WorkerSettings()
    assert found.name == "hf-westeurope-standard-1"
    assert found.client_id == "11111111-writer"
    assert found.heartbeat == timedelta(seconds=7)
    assert found.parallel == 3
    assert found.sql_probe == "probe --all 'a b'"


def test_a_maintainer_gets_the_maintainers_identity() -> None:
    profile = PROFILE.model_copy(update={"maintainer_client_id": "22222222-maintainer"})
    text = boot.custom_data(settings(), "w", profile, "maintainer")
    assert "22222222-maintainer" in text
    assert "11111111-writer" not in text, "the two identities are never on one machine"


def test_a_profile_without_maintainer_makes_no_maintainer() -> None:
    with pytest.raises(InvalidInput, match="maintainer"):
        boot.custom_data(settings(), "w", PROFILE, "maintainer")


@pytest.mark.parametrize("missing", ["worker_bundle_url", "worker_bundle_sha256", "sqlpackage_sha256"])
def test_an_archive_without_address_or_checksum_is_refused(missing: str) -> None:
    with pytest.raises(InvalidInput):
        boot.custom_data(settings(**{missing: ""}), "w", PROFILE)


def test_an_own_authority_travels_along(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n")
    assert files(document(ca_bundle=str(authority)))["/opt/holdfast/ca.pem"] == authority.read_text()
    assert "/opt/holdfast/ca.pem" not in files(document())


def test_the_worker_starts_even_if_the_first_boot_failed() -> None:
    """runcmd goes on after a failed command; the unit boots again before every start and restarts without limit."""
    loaded = document()
    assert loaded["runcmd"][0] == ["python3", "/opt/holdfast/boot.py"]
    assert loaded["runcmd"][-1] == ["systemctl", "enable", "--now", "holdfast-worker.service"]
    unit = files(loaded)["/etc/systemd/system/holdfast-worker.service"]
    assert "EnvironmentFile=-/opt/holdfast/worker.env" in unit, "a missing file must not keep the unit from booting"
    assert "ExecStartPre=+/usr/bin/env python3 /opt/holdfast/boot.py" in unit
    assert "Restart=always" in unit
    assert "StartLimitIntervalSec=0" in unit


def test_a_forgotten_machine_stops_by_itself() -> None:
    made = files(document())
    assert "Wants=network-online.target holdfast-deadline.timer" in made["/etc/systemd/system/holdfast-worker.service"]
    assert "OnBootSec=720min" in made["/etc/systemd/system/holdfast-deadline.timer"]
    assert "systemctl poweroff" in made["/etc/systemd/system/holdfast-deadline.service"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    names = []
    for path, content in files(document()).items():
        if path.startswith("/etc/systemd/system/"):
            (tmp_path / Path(path).name).write_text(content)
            names.append(str(tmp_path / Path(path).name))
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *names],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )
    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.parametrize(("age_minutes", "stops"), [(None, True), (721, True), (10, False)])
def test_the_deadline_looks_at_the_age_of_the_sign_of_work(
    tmp_path: Path, age_minutes: int | None, stops: bool
) -> None:
    """The unit's own shell line, with the command that stops the machine replaced by one that tells."""
    alive = tmp_path / "alive"
    if age_minutes is not None:
        alive.touch()
        stamp = alive.stat().st_mtime - age_minutes * 60
        os.utime(alive, (stamp, stamp))
    unit = files(document())["/etc/systemd/system/holdfast-deadline.service"]
    line = unit.split("ExecStart=/bin/sh -c '")[1].split("'\n")[0]
    line = line.replace("/mnt/holdfast", str(tmp_path)).replace("systemctl poweroff", "echo STOPS")
    said = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=False).stdout
    assert (said.strip() == "STOPS") is stops


def test_cloud_inits_own_words_are_used() -> None:
    """The keys and their shapes, as cloud-init's schema (cloud-config v1) has them."""
    loaded = document()
    assert set(loaded) == {"package_update", "packages", "users", "mounts", "write_files", "runcmd"}
    for file in loaded["write_files"]:
        assert set(file) == {"path", "owner", "permissions", "content"}
        assert isinstance(file["permissions"], str), "a bare number would be read as decimal"
    assert all(isinstance(word, str) for mount in loaded["mounts"] for word in mount)
    assert all(isinstance(word, str) for command in loaded["runcmd"] for word in command)
    assert all(isinstance(name, str) for name in loaded["packages"])


_SCHEMA = Path(
    os.environ.get("HOLDFAST_CLOUD_INIT_SCHEMA")
    or "/usr/lib/python3/dist-packages/cloudinit/config/schemas/schema-cloud-config-v1.json"
)


@pytest.mark.skipif(
    not _SCHEMA.exists(), reason="no cloud-init here (apt: cloud-init), and HOLDFAST_CLOUD_INIT_SCHEMA names no file"
)
def test_cloud_inits_own_schema_takes_the_document() -> None:
    import jsonschema

    schema = jsonschema.Draft4Validator(json.loads(_SCHEMA.read_text()))
    schema.validate(document())
    assert list(schema.iter_errors({**document(), "runcmd": "not a list"})), "it takes anything"


_CLOUD_INIT = shutil.which("cloud-init")


@pytest.mark.skipif(not _CLOUD_INIT, reason="no cloud-init here (apt: cloud-init)")
def test_cloud_init_itself_takes_the_document(tmp_path: Path) -> None:
    file = tmp_path / "custom-data"
    file.write_text(boot.custom_data(settings(), "w", PROFILE))
    found = subprocess.run([str(_CLOUD_INIT), "schema", "-c", str(file)], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr

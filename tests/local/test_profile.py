"""The ready world of `holdfast local up`: complete, found again, broken and mended, and gone without a trace."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from holdfast.model.errors import InvalidInput, NotFound, ReportedError
from holdfast.repository import Repository
from local import plan, processes
from local.commands import local_app
from local.machines import membership
from local.machines.disk import MARK
from local.profile import LocalProfile
from local.profile_file import SERVICES, ProfileFile

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalProfile]:
    found = LocalProfile(tmp_path_factory.mktemp("world") / "state")
    try:
        found.up()
        yield found
    finally:
        found.down()


def test_the_ready_world_is_what_the_contract_promises(profile: LocalProfile) -> None:
    """Policy, repositories in two regions, worker profiles in two regions; everything runs."""
    status = profile.status()
    assert status["running"] is True
    assert status["services"] == dict.fromkeys(SERVICES, True)
    policy = profile.api("GET", "policies/default")
    assert policy["staging"] == {
        "sql_server": plan.STAGING_SERVER_ID,
        "managed_instance": plan.STAGING_INSTANCE_ID,
    }
    backup, archive = profile.repository("default"), profile.repository("archive")
    assert isinstance(backup, Repository)
    assert (backup.description.archive, archive.description.archive) == (False, True)
    assert {r.region for r in plan.REPOSITORIES} == set(plan.REGIONS)
    assert profile.password("default") != profile.password("archive")
    assert profile.resources() == []


def test_passwords_are_in_the_vault_and_nowhere_else(profile: LocalProfile) -> None:
    """Not in the profile's file, not in settings, not in any log."""
    secrets = [profile.password(r.name).encode() for r in plan.REPOSITORIES]
    assert all(len(secret) > 30 for secret in secrets)
    vault = profile.state / "azure"
    for file in profile.state.rglob("*"):
        if file.is_file() and not file.name.startswith("resources.sqlite"):
            content = file.read_bytes()
            assert not [s for s in secrets if s in content], file
    assert (vault / "resources.sqlite").exists()


def test_the_worlds_vault_key_opens_a_repository_for_its_operator(profile: LocalProfile, tmp_path: Path) -> None:
    """Adds a slot by the password, reads with the key, removes it: as the tutorial's shell would."""
    status, password = profile.status(), tmp_path / "password"
    password.write_text(profile.password("default"))
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **profile.operator_environment()}

    def run(*words: str) -> Any:
        program = [sys.executable, "-c", "from holdfast.cli.main import run; run()", *words, "-o", "json"]
        done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    at = ("--repository", status["repositories"]["default"])
    by_password, by_key = (*at, "--password-file", str(password)), (*at, "--vault-key", status["vault_key"])
    run("repository", "key", "add", "--name", "vault", "--new-vault-key", status["vault_key"], *by_password)
    assert run("repository", "check", *by_key)["ok"] is True
    assert [slot["kind"] for slot in run("repository", "key", "list", *at)] == ["password", "keyvault"]
    assert run("repository", "key", "remove", "vault", *by_password)["removed"] is True


def test_only_the_owner_reads_the_profiles_file(profile: LocalProfile) -> None:
    """It holds the function key and the account keys."""
    assert stat.S_IMODE((profile.state / "profile.json").stat().st_mode) == 0o600


def test_the_hosts_environment_holds_nothing_of_the_callers(profile: LocalProfile) -> None:
    pid = profile.profile.services["host"].pid
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    names = {entry.partition(b"=")[0].decode() for entry in environment if entry}
    foreign = {n for n in names if not n.startswith(("HOLDFAST_", "IDENTITY_", "DURABLE_", "TASKHUB"))}
    assert foreign <= {"PATH", "HOME", "LANG", "TMPDIR", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"}
    assert b"HOLDFAST_BACPACS" not in environment


def test_a_second_up_finds_everything_running(profile: LocalProfile) -> None:
    before = profile.profile.services
    profile.up()
    assert profile.profile.services == before


def test_a_killed_host_comes_back_at_its_address_with_its_state(profile: LocalProfile) -> None:
    """Bookmarks, keys and links must survive the death of the process."""
    before = profile.profile
    profile.kill_host()
    assert profile.status()["services"]["host"] is False
    profile.start_host()
    after = profile.profile
    assert (after.url, after.key) == (before.url, before.key)
    assert after.services["host"] != before.services["host"]
    assert profile.api("GET", "policies/default")["name"] == "default"


def test_killed_emulators_come_back_with_what_they_held(profile: LocalProfile, tmp_path: Path) -> None:
    profile.kill_azure()
    profile.kill_storage()
    profile.up()
    assert profile.repository("default").description.repository
    assert profile.api("GET", "policies/default")["name"] == "default"


def test_databases_are_loaded_under_the_names_that_people_use(profile: LocalProfile) -> None:
    with pytest.raises(InvalidInput, match="server/database"):
        profile.load(Path("x.bacpac"), "no-slash")


def test_problems_of_the_app_arrive_as_errors_with_their_codes(profile: LocalProfile) -> None:
    with pytest.raises(ReportedError) as caught:
        profile.api("GET", "policies/absent")
    assert caught.value.info().code == "not-found"


def test_the_commands_print_json_and_nothing_else_on_stdout(profile: LocalProfile) -> None:
    runner = CliRunner()
    state = ["--state", str(profile.state), "--output", "json"]
    status = json.loads(runner.invoke(local_app, ["status", *state]).stdout)
    assert status["url"] == profile.profile.url
    assert json.loads(runner.invoke(local_app, ["resources", *state]).stdout) == []
    told = json.loads(runner.invoke(local_app, ["password", "default", *state]).stdout)
    file = Path(told["password_file"])
    assert file.read_text() == profile.password("default")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.unlink()


def test_two_profiles_run_beside_each_other_and_down_leaves_nothing(profile: LocalProfile, tmp_path: Path) -> None:
    """The second one is stopped and started again: same addresses, same data, not one process left in between."""
    second = LocalProfile(tmp_path / "second")
    try:
        first_up = second.up().model_copy(deep=True)
        ours = {s.pid for s in profile.profile.services.values()}
        assert not ours & {s.pid for s in first_up.services.values()}
        secret = second.password("default")
        second.down()
        for service in first_up.services.values():
            assert processes.session_members(service.process) == []
        assert profile.status()["running"] is True
        again = second.up()
        assert (again.url, again.key, again.storage) == (first_up.url, first_up.key, first_up.storage)
        assert again.made["app_client_id"] == first_up.made["app_client_id"]
        assert second.password("default") == secret
    finally:
        second.down()
    for disk in second.machines.disks():
        assert membership.marked(MARK, disk.folder.name) == []


def test_a_state_folder_without_a_profile_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        LocalProfile(tmp_path).status()
    LocalProfile(tmp_path).down()


def test_a_failed_start_leaves_nothing_running(tmp_path: Path) -> None:
    """An app folder that is none: the host cannot start, so nothing else stays either."""
    (tmp_path / "app").mkdir()
    broken = LocalProfile(tmp_path / "state", app=tmp_path / "app")
    with pytest.raises(Exception, match="Functions host"):
        broken.up()
    assert ProfileFile.load(tmp_path / "state").services == {}
    mine = str(tmp_path).encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            assert mine not in command

"""Emulated VMs boot from the app's real custom data, do nothing that a VM would not, and never leave a process behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.settings import RegionProfile, Settings, WorkerProfile
from holdfast.worker import boot
from local import processes
from local.machines import cloud_config, differences, membership, units
from local.machines.differences import NotEmulated
from local.machines.disk import MARK, MachineDisk
from local.machines.relocation import Relocation
from local.machines.runner import ProcessMachines

IMDS = "http://127.0.0.1:9/vm/one"


def vm(name: str = "hf-westeurope-standard-1", vm_id: str = "11111111-2222") -> dict[str, Any]:
    return {"id": f"/subscriptions/s/{name}", "name": name, "properties": {"vmId": vm_id}}


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[ProcessMachines]:
    found = ProcessMachines(tmp_path / "machines")
    yield found
    found.stop_all()
    for disk in found.disks():
        assert membership.marked(MARK, disk.folder.name) == []


def cloud(service: str, *, more: str = "", script: str = "") -> str:
    """A cloud-config with one Python service, `demo.service`, and what the unit adds."""
    return json.loads(
        json.dumps(
            "#cloud-config\n"
            + json.dumps(
                {
                    "packages": ["libicu74"],
                    "write_files": [
                        {"path": "/opt/holdfast/demo.py", "content": service},
                        {
                            "path": "/etc/systemd/system/demo.service",
                            "content": "[Service]\nExecStart=/usr/bin/env python3 /opt/holdfast/demo.py\n"
                            f"{more}\n[Install]\nWantedBy=multi-user.target\n",
                        },
                    ],
                    "runcmd": [*([script] if script else []), ["systemctl", "enable", "--now", "demo.service"]],
                }
            )
        )
    )


def wait_for(condition: Callable[[], Any], seconds: float = 20) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.03)
    return found


def read(file: Path) -> str:
    return file.read_text() if file.exists() else ""


# --- what may differ -------------------------------------------------------------------------------------------------


def product_custom_data(**more: Any) -> str:
    region = RegionProfile(size="Standard_D4ds_v5", resource_group="rg", subnet="/subnet")
    profile = WorkerProfile(
        regions={"westeurope": region},
        writer_identity="/writer",
        writer_client_id="11111111-0000-0000-0000-000000000000",
    )
    settings = Settings(
        worker_bundle_url="https://127.0.0.1:9/hfstate/software/worker.tar.gz",
        worker_bundle_sha256="0" * 64,
        sqlpackage_url="https://127.0.0.1:9/hfstate/software/sqlpackage.zip",
        sqlpackage_sha256="1" * 64,
        identity_endpoint="http://169.254.169.254",
        **more,
    )
    return boot.custom_data(settings, "hf-westeurope-standard-1", profile)


def test_everything_in_the_products_custom_data_is_emulated_or_a_listed_difference(tmp_path: Path) -> None:
    """A key that the product begins to use must be emulated or listed, or the build fails here."""
    config = cloud_config.parse(product_custom_data())
    unit_files = [f for f in config.files if f.path.startswith("/etc/systemd/system/")]
    assert len(unit_files) >= 1
    for file in unit_files:
        units.parse(Path(file.path).name, file.content.decode())
    for file in config.files:
        Relocation(tmp_path, IMDS).path(file.path)


@pytest.mark.parametrize(
    "document",
    [
        "bootcmd: [true]",
        "write_files: [{path: /opt/holdfast/a, content: x, append: true}]",
        "write_files: [{path: /opt/holdfast/a, content: x, encoding: rot13}]",
        "runcmd: [3]",
    ],
)
def test_any_other_key_of_cloud_config_is_refused(document: str) -> None:
    with pytest.raises(NotEmulated):
        cloud_config.parse(f"#cloud-config\n{document}\n")


@pytest.mark.parametrize(
    "text",
    [
        "[Service]\nExecStart=/bin/true\nWatchdogSec=5",
        "[Service]\nExecStart=/bin/true\nRestart=on-abort",
        "[Service]\nExecStart=/bin/echo $HOME",
        "[Service]\nExecStart=/bin/echo %n",
        "[Service]\nExecStart=-/bin/false",
        "[Service]\nExecStart=/bin/a\nExecStart=/bin/b",
        "[Socket]\nListenStream=1",
        "[Service]\nType=notify\nExecStart=/bin/true",
        "[Service]\nUser=x",
    ],
)
def test_any_other_key_of_a_unit_is_refused(text: str) -> None:
    with pytest.raises(NotEmulated):
        units.parse("demo.service", text)


def test_files_outside_the_machines_own_folders_are_refused(tmp_path: Path) -> None:
    relocation = Relocation(tmp_path, IMDS)
    for path in ("/etc/passwd", "/opt/holdfastx/a", "/opt/holdfast/../../etc/passwd", "relative"):
        with pytest.raises(NotEmulated):
            relocation.path(path)


def test_every_difference_is_one_that_was_agreed() -> None:
    """A new difference is a decision: it must be changed here as well as in the list."""
    assert set(differences.CLOUD_CONFIG) == {"package_update", "packages", "mounts", "users"}
    assert set(differences.WRITE_FILES) == {"owner"}
    assert set(differences.RELOCATED) == {"/opt/holdfast", "/etc/systemd", "/mnt/holdfast", "/var/lib/holdfast"}
    assert set(differences.MACHINE) == {
        "root folder", "metadata address", "python3", "lsblk", "systemd", "user", "environment",
    }  # fmt: skip
    assert set(differences.UNITS["Service"]) == {
        "User", "LimitNOFILE", "LimitCORE", "OOMPolicy", "NoNewPrivileges", "PrivateTmp", "ProtectHome",
        "ProtectSystem", "ReadWritePaths", "TimeoutStartSec",
    }  # fmt: skip


def test_paths_and_the_metadata_address_are_moved_and_nothing_else() -> None:
    relocation = Relocation(Path("/r"), IMDS)
    assert relocation.text("EnvironmentFile=-/opt/holdfast/w.env") == "EnvironmentFile=-/r/opt/holdfast/w.env"
    text = "/opt/holdfast/a '/mnt/holdfast' /opt/holdfastx x/opt/holdfast /usr/bin http://169.254.169.254/metadata"
    assert (
        relocation.text(text)
        == f"/r/opt/holdfast/a '/r/mnt/holdfast' /opt/holdfastx x/opt/holdfast /usr/bin {IMDS}/metadata"
    )


# --- systemd's rules -------------------------------------------------------------------------------------------------


def test_environment_files_are_read_as_systemd_reads_them() -> None:
    text = '# c\n\nA=plain value \nB="quoted \\"x\\" \\$y"\n;d\nC=\'single\'\nD=a=b\n'
    assert units.read_environment_file(text) == {"A": "plain value", "B": 'quoted "x" $y', "C": "single", "D": "a=b"}


@pytest.mark.parametrize(("text", "seconds"), [("5", 5), ("30min", 1800), ("1h 5s", 3605), ("500ms", 0.5)])
def test_time_spans(text: str, seconds: float) -> None:
    assert units.seconds(text) == seconds


@pytest.mark.parametrize(
    ("restart", "code", "again"),
    [
        ("no", 1, False),
        ("on-failure", 1, True),
        ("on-failure", 0, False),
        ("on-failure", -15, False),
        ("on-failure", -9, True),
        ("always", 0, True),
    ],
)
def test_restart_rules(restart: str, code: int, again: bool) -> None:
    unit = units.parse("a.service", f"[Service]\nExecStart=/bin/true\nRestart={restart}")
    assert unit.restarts_after(code) is again


# --- machines --------------------------------------------------------------------------------------------------------


def test_a_machine_runs_its_service_with_its_environment_and_nothing_of_ours(
    machines: ProcessMachines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The profile's environment, keys and installed packages must not leak into the VM."""
    monkeypatch.setenv("SECRET_OF_THE_PROFILE", "x")
    service = (
        "import json, os, sys, time\n"
        "open('/mnt/holdfast/out','w').write(json.dumps({'env': dict(os.environ), 'path': sys.path}))\n"
        "time.sleep(600)\n"
    )
    data = cloud(service, more='Environment=A=1 "B=two words"\nEnvironmentFile=-/opt/holdfast/missing.env')
    machines.start(vm(), data, IMDS)
    disk = machines.disk("11111111-2222")
    out = json.loads(wait_for(lambda: read(disk.root / "mnt/holdfast/out")))
    assert (out["env"]["A"], out["env"]["B"]) == ("1", "two words")
    assert "SECRET_OF_THE_PROFILE" not in out["env"]
    assert not [p for p in out["path"] if "/work" in p or (".venv" in p and "site-packages" in p)]
    assert machines.alive("11111111-2222")


def test_a_service_that_dies_is_restarted_and_one_that_ends_well_is_not(machines: ProcessMachines) -> None:
    service = (
        "import sys\nfrom pathlib import Path\n"
        "f = Path('/opt/holdfast/count'); n = int(f.read_text()) + 1 if f.exists() else 1\n"
        "f.write_text(str(n)); sys.exit(1 if n < 3 else 0)\n"
    )
    machines.start(vm(), cloud(service, more="Restart=on-failure\nRestartSec=50ms"), IMDS)
    disk = machines.disk("11111111-2222")
    wait_for(lambda: "demo.service: main process ended with code 0" in read(disk.console))
    time.sleep(0.3)
    assert read(disk.root / "opt/holdfast/count") == "3"


def test_a_service_that_fails_at_once_is_given_up_as_systemd_does(machines: ProcessMachines) -> None:
    machines.start(vm(), cloud("raise SystemExit(1)", more="Restart=always\nRestartSec=10ms"), IMDS)
    disk = machines.disk("11111111-2222")
    wait_for(lambda: "repeated too quickly" in read(disk.console))
    assert read(disk.console).count("main process ended") == 5


def test_a_boot_of_the_same_disk_starts_the_service_without_cloud_init(machines: ProcessMachines) -> None:
    """Deallocate and start: files stay, the temporary disk is empty, runcmd does not run again."""
    service = "import time\nopen('/mnt/holdfast/up','a').write('x')\ntime.sleep(600)\n"
    data = cloud(service, script="echo once >> /opt/holdfast/runs")
    machines.start(vm(), data, IMDS)
    disk = machines.disk("11111111-2222")
    wait_for(lambda: read(disk.root / "mnt/holdfast/up") == "x")
    (disk.root / "mnt/holdfast/export.bacpac").write_text("big")
    wait_for(disk.booted.exists)
    machines.stop("11111111-2222")
    assert not machines.alive("11111111-2222")
    assert not (disk.root / "mnt/holdfast").exists()
    machines.start(vm(), data, IMDS)
    wait_for(lambda: read(disk.root / "mnt/holdfast/up") == "x")
    assert read(disk.root / "opt/holdfast/runs") == "once\n"
    assert not (disk.root / "mnt/holdfast/export.bacpac").exists()


ESCAPER = """
import os, subprocess, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open('/opt/holdfast/escaped', 'w').write(str(os.getpid()))
        time.sleep(600)
    os._exit(0)
subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)
time.sleep(600)
"""


def test_no_process_survives_a_deallocation(machines: ProcessMachines) -> None:
    """Daemons in sessions of their own, children of dead parents: all belong to the machine."""
    machines.start(vm(), cloud(ESCAPER), IMDS)
    disk = machines.disk("11111111-2222")
    escaped = processes.ProcessRef.of(int(wait_for(lambda: read(disk.root / "opt/holdfast/escaped"))))
    assert escaped is not None
    assert len(membership.marked(MARK, disk.folder.name)) >= 4
    machines.stop("11111111-2222")
    assert membership.marked(MARK, disk.folder.name) == []
    assert not escaped.alive()


def test_an_init_that_was_killed_leaves_nothing_once_the_machine_is_stopped(machines: ProcessMachines) -> None:
    machines.start(vm(), cloud(ESCAPER), IMDS)
    disk = machines.disk("11111111-2222")
    wait_for(lambda: read(disk.root / "opt/holdfast/escaped"))
    init = disk.init()
    assert init is not None
    os.kill(init.pid, signal.SIGKILL)
    wait_for(lambda: not machines.alive("11111111-2222"))
    assert membership.marked(MARK, disk.folder.name) != []
    machines.stop("11111111-2222")
    assert membership.marked(MARK, disk.folder.name) == []


def test_machines_outlive_an_emulator_that_was_killed_and_are_found_again(machines: ProcessMachines) -> None:
    """The emulator is the control plane: its death switches no VM off, and its successor can."""
    program = (
        "import sys, time; from pathlib import Path; from local.machines.runner import ProcessMachines\n"
        "ProcessMachines(Path(sys.argv[1])).start("
        "{'id': '/x', 'name': 'one', 'properties': {'vmId': 'aaaa'}}, sys.argv[2], 'http://127.0.0.1:9')\n"
        "print('started', flush=True); time.sleep(600)\n"
    )
    service = "import time\nopen('/mnt/holdfast/up','w').write('x')\ntime.sleep(600)\n"
    argv = [sys.executable, "-c", program, str(machines.folder), cloud(service)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as emulator:
        assert emulator.stdout is not None
        assert emulator.stdout.readline() == "started\n"
        emulator.kill()
    disk = machines.disk("aaaa")
    wait_for(lambda: read(disk.root / "mnt/holdfast/up"))
    assert machines.alive("aaaa")
    machines.start({"id": "/x", "name": "one", "properties": {"vmId": "aaaa"}}, cloud(service), IMDS)
    assert (
        len([p for p in membership.marked(MARK, "aaaa") if "init" in Path(f"/proc/{p.pid}/cmdline").read_text()]) == 1
    )
    machines.discard("aaaa")
    assert membership.marked(MARK, "aaaa") == []
    assert not disk.folder.exists()
    assert "boot" in next((machines.folder / "consoles").iterdir()).read_text()


def test_a_machine_can_switch_itself_off(machines: ProcessMachines) -> None:
    """`systemctl poweroff`, as the worker that was forgotten does."""
    machines.start(vm(), cloud("import os, time\nos.system('systemctl poweroff')\ntime.sleep(600)\n"), IMDS)
    disk = machines.disk("11111111-2222")
    wait_for(lambda: "power off" in read(disk.console))
    wait_for(lambda: membership.marked(MARK, disk.folder.name) == [])
    wait_for(lambda: not machines.alive("11111111-2222"))


def test_what_is_not_emulated_is_said_on_the_console(machines: ProcessMachines) -> None:
    machines.start(vm(), cloud("pass", more="WatchdogSec=3"), IMDS)
    disk = machines.disk("11111111-2222")
    wait_for(lambda: "NOT EMULATED: demo.service: WatchdogSec= in [Service]" in read(disk.console))


def test_a_pid_that_was_given_again_is_not_taken_for_the_machine(tmp_path: Path) -> None:
    """Pid files outlive reboots; a foreign process with the number must not be killed."""
    disk = MachineDisk(tmp_path)
    me = processes.ProcessRef.of(os.getpid())
    assert me is not None
    disk.lock.write_text(processes.ProcessRef(me.pid, me.started - 1).as_text())
    assert disk.init() is None

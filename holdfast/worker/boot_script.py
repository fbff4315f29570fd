"""Boots a worker VM: fetches the worker bundle and SqlPackage, checks and unpacks them, writes the worker's environment.

Runs on the machine as `/opt/holdfast/boot.py`, out of its custom data, before anything else is installed: standard
library only, Python 3.10 or later. Reads `boot.json` beside itself (made by `holdfast.worker.boot`). Safe to run at
every boot: what is there is not fetched again. Called by systemd (`HOLDFAST_WORKER_WORKSPACE` is set then) it also makes
the disk for exports ready, because Azure empties the local disk whenever the machine is deallocated.

The token that it gets from the metadata endpoint is sent to storage and to nobody else, and never written anywhere.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import shutil
import ssl
import stat
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any

METADATA = "http://169.254.169.254"
STORAGE_VERSION = "2021-12-02"
#: A new machine's identity may be known everywhere only after minutes.
PATIENCE_SECONDS = 900.0
#: A download that arrives whole but differs is not what we were told to run; a broken line explains the first few.
WRONG_DOWNLOADS = 3
CHUNK = 1 << 20
#: What Azure calls a raw local disk on sizes that leave formatting to the guest.
RAW_DISK_MODEL = "Microsoft NVMe Direct Disk"


class BootFailed(Exception):
    """The machine cannot work. The text says why and holds no secret."""


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token to a host that nobody named."""

    def redirect_request(self, *_args: object, **_more: object) -> None:
        """Follows none; urllib reports the redirect as an HTTP error."""
        return


def say(text: str) -> None:
    """One line to the boot log."""
    sys.stdout.write(f"holdfast boot: {text}\n")
    sys.stdout.flush()


def opener(ca_file: Path | None) -> urllib.request.OpenerDirector:
    """Opens https addresses; trusts the system's authorities and, where the file exists, our own as well."""
    context = ssl.create_default_context()
    if ca_file is not None and ca_file.exists():
        context.load_verify_locations(cafile=str(ca_file))
    return urllib.request.build_opener(NoRedirects, urllib.request.HTTPSHandler(context=context))


def read_token(boot: dict[str, Any]) -> str:
    """A token for storage from the metadata endpoint. Raises OSError or ValueError; a retry may help."""
    base = (boot.get("identity_endpoint") or METADATA).rstrip("/")
    query = {"api-version": "2018-02-01", "resource": "https://storage.azure.com/"}
    if boot.get("client_id"):
        query["client_id"] = boot["client_id"]
    address = f"{base}/metadata/identity/oauth2/token?{urllib.parse.urlencode(query)}"
    request = urllib.request.Request(address, headers={"Metadata": "true"})  # noqa: S310 (from our own boot.json)
    # Never by a proxy: the metadata endpoint answers on this machine only.
    with urllib.request.build_opener(NoRedirects, urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        token = json.load(answer).get("access_token")
    if not token:
        raise ValueError("the metadata endpoint gave no token")
    return str(token)


def download(boot: dict[str, Any], archive: dict[str, Any], to: Path, ca_file: Path | None) -> str:
    """Streams the blob into the file and returns the SHA-256 of what arrived. Raises OSError; a retry may help."""
    if not archive["url"].startswith("https://"):
        raise BootFailed("an archive's address is not https: the token would travel in the clear")
    request = urllib.request.Request(archive["url"])  # noqa: S310 (https, as just checked)
    request.add_header("Authorization", f"Bearer {read_token(boot)}")
    request.add_header("x-ms-version", boot.get("storage_api_version") or STORAGE_VERSION)
    digest = hashlib.sha256()
    with opener(ca_file).open(request, timeout=60) as answer, to.open("wb") as file:
        expected = answer.headers.get("Content-Length")
        while piece := answer.read(CHUNK):
            digest.update(piece)
            file.write(piece)
        if expected is not None and file.tell() != int(expected):
            raise OSError(f"{file.tell()} of {expected} bytes arrived")
    return digest.hexdigest()


def fetch(boot: dict[str, Any], what: str, folder: Path, *, patience: float, pause: float) -> Path:
    """The unpacked archive `releases/<sha256>`: fetched, checked and unpacked if it is not there yet.

    Raises BootFailed after `patience` seconds without success, or where the bytes are not the ones that we were told.
    """
    archive = boot[what]
    wanted = str(archive["sha256"]).lower()
    if not re.fullmatch("[0-9a-f]{64}", wanted):
        raise BootFailed(f"{what} has no SHA-256 to check it by")
    release = folder / "releases" / wanted
    if release.is_dir():
        return release
    release.parent.mkdir(parents=True, exist_ok=True)
    file = release.parent / f".{what}.download"
    deadline, wrong, wait = time.monotonic() + patience, 0, pause
    while True:
        try:
            found = download(boot, archive, file, folder / "ca.pem")
        except (OSError, ValueError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            if time.monotonic() + wait > deadline:
                raise BootFailed(f"{what} could not be fetched: {reason(error)}") from None
            say(f"{what}: {reason(error)}; again in {wait:.0f} s")
        else:
            if found == wanted:
                break
            wrong += 1
            if wrong >= WRONG_DOWNLOADS:
                file.unlink()
                raise BootFailed(f"{what} is not the expected file: its SHA-256 is {found}, not {wanted}")
            say(f"{what}: wrong SHA-256; once more")
        time.sleep(wait)
        wait = min(wait * 2, 30.0)
    unpack(file, release)
    file.unlink()
    say(f"{what} is ready")
    return release


def reason(error: Exception) -> str:
    """The error in a few words, without addresses' query parts or headers."""
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return f"{type(error).__name__}: {error}"


def safe_path(name: str, root: Path) -> Path:
    """Where an archive member goes. Raises BootFailed for a name that leads out of the folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or ":" in name.split("/")[0]:
        raise BootFailed(f"the archive holds a name that leads out of its folder: {name!r}")
    return root.joinpath(*path.parts)


def unpack(file: Path, release: Path) -> None:
    """Unpacks a ZIP or tar archive; the folder appears whole or not at all. Links and devices are refused."""
    draft = release.parent / f".{release.name}.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        if zipfile.is_zipfile(file):
            unpack_zip(file, draft)
        else:
            unpack_tar(file, draft)
    except BootFailed:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error) as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise BootFailed(f"the archive cannot be unpacked: {error}") from None
    draft.chmod(0o755)
    draft.rename(release)


def unpack_zip(file: Path, draft: Path) -> None:
    """The members of a ZIP, with the modes that it carries."""
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            target = safe_path(member.filename, draft)
            mode = member.external_attr >> 16
            if member.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            if mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
                raise BootFailed(f"the archive holds a link or device: {member.filename!r}")
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, target.open("wb") as out:
                shutil.copyfileobj(source, out, CHUNK)
            # SqlPackage's own ZIP carries no modes.
            runnable = mode & 0o111 or target.relative_to(draft) == Path("sqlpackage")
            target.chmod(0o755 if runnable else 0o644)


def unpack_tar(file: Path, draft: Path) -> None:
    """The members of a tar archive, compressed or not."""
    with tarfile.open(file) as archive:
        for member in archive:
            target = safe_path(member.name, draft)
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            source = archive.extractfile(member) if member.isreg() else None
            if source is None:
                raise BootFailed(f"the archive holds a link or device: {member.name!r}")
            target.parent.mkdir(parents=True, exist_ok=True)
            with source, target.open("wb") as out:
                shutil.copyfileobj(source, out, CHUNK)
            target.chmod(0o755 if member.mode & 0o111 else 0o644)


def write_environment(boot: dict[str, Any], folder: Path, bundle: Path, sqlpackage: Path | None) -> None:
    """Writes `worker.env`, which the systemd unit reads; it holds addresses and names, no secret."""
    values = dict(boot["environment"])
    values["PYTHONPATH"] = str(bundle)
    if sqlpackage is not None:
        values["HOLDFAST_WORKER_SQLPACKAGE"] = str(sqlpackage / "sqlpackage")
    if boot.get("identity_endpoint"):
        values["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = boot["identity_endpoint"]
    own = folder / "ca.pem"
    if own.exists():
        trust = folder / "trust.pem"
        system = ssl.get_default_verify_paths().cafile
        parts = [Path(system).read_text()] if system and Path(system).exists() else []
        trust.write_text("\n".join([*parts, own.read_text()]))
        values["REQUESTS_CA_BUNDLE"] = values["SSL_CERT_FILE"] = str(trust)
    draft = folder / ".worker.env.draft"
    draft.write_text("".join(f"{key}={quoted(str(value))}\n" for key, value in sorted(values.items())))
    draft.rename(folder / "worker.env")


def quoted(value: str) -> str:
    """A value as systemd's EnvironmentFile takes it: bare where it can be, else in double quotes."""
    if "\n" in value:
        raise BootFailed("a setting of the worker holds a line break")
    if value == value.strip() and not set(value) & set("\"'\\#;$`"):
        return value
    return '"' + "".join(f"\\{c}" if c in '"\\$`' else c for c in value) + '"'


def remove_old(folder: Path, keep: list[Path]) -> None:
    """Removes releases that are no longer used."""
    for found in (folder / "releases").iterdir():
        if found not in keep:
            shutil.rmtree(found, ignore_errors=True) if found.is_dir() else found.unlink()


def raw_disk(listing: dict[str, Any]) -> str | None:
    """The device of a local disk that nobody has formatted yet, from `lsblk --json`; None where there is none.

    Takes a disk only if it carries Azure's name for one, no file system, no partition and no mount point.
    """
    for disk in listing.get("blockdevices", []):
        used = disk.get("fstype") or disk.get("children") or any(disk.get("mountpoints") or [])
        if disk.get("type") == "disk" and RAW_DISK_MODEL in (disk.get("model") or "") and not used:
            return str(disk["path"])
    return None


def prepare_workspace(workspace: Path) -> None:
    """Makes the folder for exports, on the raw local disk if the size has one, and gives it to the worker's user."""
    workspace.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return
    if not workspace.is_mount() and shutil.which("lsblk"):
        columns = "PATH,TYPE,MODEL,FSTYPE,MOUNTPOINTS"
        listed = subprocess.run(["lsblk", "--json", "--output", columns], capture_output=True, check=False)
        device = raw_disk(json.loads(listed.stdout)) if listed.returncode == 0 else None
        if device is not None:
            say(f"formatting the raw local disk {device}")
            subprocess.run(["mkfs.ext4", "-q", "-E", "nodiscard", device], check=True)
            subprocess.run(["mount", "-o", "noatime", device, str(workspace)], check=True)
    try:
        shutil.chown(workspace, "holdfast", "holdfast")
    except LookupError:
        return
    workspace.chmod(0o700)


def main(folder: Path, *, patience: float = PATIENCE_SECONDS, pause: float = 2.0) -> int:
    """Boots. Exit code 0: the worker can start; 1: it cannot, and the log says why."""
    try:
        boot = json.loads((folder / "boot.json").read_text())
        bundle = fetch(boot, "bundle", folder, patience=patience, pause=pause)
        sqlpackage = fetch(boot, "sqlpackage", folder, patience=patience, pause=pause) if "sqlpackage" in boot else None
        write_environment(boot, folder, bundle, sqlpackage)
        remove_old(folder, [release for release in (bundle, sqlpackage) if release is not None])
        workspace = os.environ.get("HOLDFAST_WORKER_WORKSPACE")
        if workspace:
            prepare_workspace(Path(workspace))
    except (BootFailed, OSError, ValueError, KeyError, subprocess.CalledProcessError) as error:
        say(f"failed: {error if isinstance(error, BootFailed) else reason(error)}")
        return 1
    say("done")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent))

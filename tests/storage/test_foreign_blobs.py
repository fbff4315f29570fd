"""A container that others filled: read through the wire of a real Azurite, and taken in from there."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import ContainerClient, StandardBlobTier

from holdfast.cli.main import main
from holdfast.model.clock import SystemClock
from holdfast.model.errors import InvalidInput, Rehydrating
from holdfast.repository import PasswordCost, Repository
from holdfast.storage import ObjectMissing, open_store
from holdfast.storage.foreign_blobs import ForeignBlobs
from local.samples.databases import write_sample

VERSION = "2025-11-05"


@pytest.fixture
def container(azurite_container: Callable[..., Any]) -> Iterator[tuple[str, Any, ContainerClient]]:
    """Its address, the credential, and a client that fills it."""
    url, credential = azurite_container()
    with contextlib.closing(
        ContainerClient.from_container_url(url, credential=credential, api_version=VERSION)
    ) as client:
        yield url, credential, client


def test_blobs_of_any_name_are_listed_and_read(container: tuple[str, Any, ContainerClient]) -> None:
    url, credential, client = container
    content = bytes(range(256)) * 50_000  # more than one request brings
    names = ["Alte Exporte/Käse & Co 2026-01-01.bacpac", "Alte Exporte/sub/x.txt", "other.bacpac"]
    for name in names:
        client.upload_blob(name, content)
    with contextlib.closing(ForeignBlobs(url, credential=credential, api_version=VERSION)) as place:
        assert [(blob.name, blob.bytes) for blob in place.list()] == [(name, len(content)) for name in names]
        assert b"".join(place.stream(names[0])) == content
        assert place.read_at(names[0], 255, 3) == content[255:258]
        with pytest.raises(ObjectMissing):
            place.read_at("gone.bacpac", 0, 1)
    folder = f"{url}/Alte%20Exporte"
    with contextlib.closing(ForeignBlobs(folder, credential=credential, api_version=VERSION)) as place:
        assert [blob.name for blob in place.list()] == names[:2]


def test_a_blob_in_the_archive_tier_says_so(container: tuple[str, Any, ContainerClient]) -> None:
    url, credential, client = container
    client.upload_blob("cold.bacpac", b"x", standard_blob_tier=StandardBlobTier.ARCHIVE)
    with (
        contextlib.closing(ForeignBlobs(url, credential=credential, api_version=VERSION)) as place,
        pytest.raises(Rehydrating),
    ):
        place.read_at("cold.bacpac", 0, 1)


@pytest.mark.parametrize(
    "url",
    ["https://a.blob.core.windows.net", "http://127.0.0.1/account", "https://a.blob.core.windows.net/c?sig=x"],
)
def test_an_address_without_a_container_or_with_a_token_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        ForeignBlobs(url)
    assert "sig" not in refused.value.detail


@pytest.mark.parametrize(
    ("url", "prefix"),
    [
        ("https://a.blob.core.windows.net/c", ""),
        ("https://a.blob.core.windows.net/c/x/y/", "x/y/"),
        ("http://127.0.0.1:10000/account/c/x", "x/"),
    ],
)
def test_a_folder_may_follow_the_container(url: str, prefix: str) -> None:
    place = ForeignBlobs(url)
    assert (place.prefix, place._container.container_name) == (prefix, "c")


def test_a_container_is_taken_in_one_file_at_a_time(
    container: tuple[str, Any, ContainerClient],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """End to end, and again: what was fetched is gone, what is there is not fetched once more."""
    url, credential, client = container
    for day in (0, 1):
        write_sample(tmp_path / "s.bacpac", "hr", day, 0.1)
        client.upload_blob(f"years/sql-a/hr/2026-01-0{day + 1}.bacpac", (tmp_path / "s.bacpac").read_bytes())
    client.upload_blob("years/sql-a/hr/2026-01-03.bacpac", b"not a zip")
    client.upload_blob("years/sql-a/hr/2026-01-04.bacpac", bytes(99), standard_blob_tier=StandardBlobTier.ARCHIVE)
    client.upload_blob("years/notes.txt", b"notes")
    work, repository, password = tmp_path / "work", (tmp_path / "repository").as_uri(), tmp_path / "password"
    work.mkdir()
    password.write_text("password")
    cost = PasswordCost(memory_kib=64, iterations=1, lanes=1)
    Repository.init(open_store(repository), "password", clock=SystemClock(), cost=cost)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", credential.named_key.name)
    monkeypatch.setenv("AZURE_STORAGE_KEY", credential.named_key.key)
    monkeypatch.setenv("HOLDFAST_STORAGE_API_VERSION", VERSION)
    monkeypatch.setattr(tempfile, "tempdir", None)
    most: list[int] = []
    fetched = ForeignBlobs.stream

    def watched(place: ForeignBlobs, name: str) -> Iterator[bytes]:
        yield from fetched(place, name)
        most.append(sum(1 for file in work.rglob("*") if file.is_file()))

    monkeypatch.setattr(ForeignBlobs, "stream", watched)

    def take(*more: str) -> tuple[int, dict[str, Any]]:
        words = ["point", "import", "--from", f"{url}/years", "--pattern", "{server}/{database}/{d:%Y-%m-%d}.bacpac"]
        words += ["--repository", repository, "--password-file", str(password), "--work-folder", str(work), *more]
        code = main([*words, "-o", "json"])
        return code, json.loads(capsys.readouterr().out)

    assert take("--dry-run")[1]["states"] == {"new": 2, "problem": 2}
    assert most == [], "a dry run fetches nothing"
    code, report = take()
    assert (code, report["states"], report["others"]) == (3, {"stored": 2, "problem": 2}, 1)
    codes = {row["file"][-9:]: row["error"]["code"] for row in report["files"] if row["error"]}
    assert codes == {"03.bacpac": "bad-bacpac", "04.bacpac": "rehydrating"}
    assert most == [1, 1], "one file at a time"
    assert list(work.iterdir()) == []
    assert take()[1]["states"] == {"there": 2, "problem": 2}
    assert most == [1, 1]
    shutil.rmtree(work)
    assert (
        main(["point", "import", "--from", url, "--source", "s/d", "--work-folder", str(work), "-r", repository]) == 2
    )

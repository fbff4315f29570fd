"""What somebody with every right can do to locked objects in Azure: hide them, and never lose them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobClient, ContainerClient

from holdfast.model.errors import Forbidden
from holdfast.storage import AlreadyExists, ObjectMissing, ObjectStore

NAME = "chains/c/data/p"
LARGE = b"".join(bytes([n]) * 100_003 for n in range(101))  # goes up in blocks


class Place:
    """A container, its store as the owner sees it, and the SDK for what the store never does."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.name: str = world.container()
        self.owner = world.identity(("Storage Blob Data Owner", self.name))
        self.store: ObjectStore = world.open(self.name, self.owner)
        self.raw = ContainerClient(
            f"https://127.0.0.1:{world.ports.blob}/{world.account}",
            self.name,
            credential=self.owner,
            connection_verify=str(world.folder.ca),
            retry_total=0,
        )

    def locked(self, name: str = NAME, data: bytes = LARGE) -> None:
        self.store.put(name, data)
        self.store.lock(name, self.world.clock.now() + timedelta(days=9))

    def versions(self) -> list[tuple[str, bool]]:
        return [(str(b.name), bool(b.is_current_version)) for b in self.raw.list_blobs(include=["versions"])]


@pytest.fixture
def place(front_world: Any) -> Iterator[Place]:
    found = Place(front_world)
    with contextlib.closing(found.raw):
        yield found
    found.store.close()


def test_an_object_that_was_written_over_and_deleted_is_read_from_its_protected_version(place: Place) -> None:
    """Delete Blob is refused; writing over and deleting the new content goes round that."""
    place.locked()
    place.raw.upload_blob(NAME, b"", overwrite=True)
    place.raw.delete_blob(NAME)
    assert list(place.store.list()) == []
    assert place.store.get(NAME) == LARGE
    assert b"".join(place.store.stream(NAME)) == LARGE
    assert place.store.get_range(NAME, 100_000, 6) == LARGE[100_000:100_006]
    assert place.store.get_range(NAME, len(LARGE), 6) == b""
    assert place.store.stat(NAME).bytes == len(LARGE)
    (kept,) = place.store.kept_versions()
    assert (kept.info.name, kept.info.bytes, kept.replaced) == (NAME, len(LARGE), False)
    assert kept.info.write_once(place.world.clock.now())
    for _ in range(2):
        place.store.bring_back(kept)
    assert place.raw.get_blob_client(NAME).download_blob().readall() == LARGE
    assert [info.name for info in place.store.list()] == [NAME]
    assert list(place.store.kept_versions()) == []


def test_an_object_that_was_replaced_is_brought_back(place: Place) -> None:
    place.locked(data=b"true")
    place.raw.upload_blob(NAME, b"junk", overwrite=True)
    assert place.store.get(NAME) == b"junk"
    (kept,) = place.store.kept_versions("chains/")
    assert (kept.info.bytes, kept.replaced) == (4, True)
    place.store.bring_back(kept)
    assert place.store.get(NAME) == b"true"
    assert list(place.store.kept_versions()) == []


def test_a_name_that_was_written_anew_meanwhile_is_not_written_over(place: Place) -> None:
    place.locked(data=b"true")
    place.raw.upload_blob(NAME, b"", overwrite=True)
    place.raw.delete_blob(NAME)
    (kept,) = place.store.kept_versions()
    place.raw.upload_blob(NAME, b"somebody else's")
    with pytest.raises(AlreadyExists):
        place.store.bring_back(kept)
    assert place.store.get(NAME) == b"somebody else's"


def test_what_was_deleted_unlocked_is_gone_for_readers_though_azure_keeps_it(place: Place) -> None:
    """Only a lock or a hold makes a version count: a deletion that was allowed is a deletion."""
    place.store.put(NAME, b"free")
    place.raw.delete_blob(NAME)
    with pytest.raises(ObjectMissing):
        place.store.get(NAME)
    (kept,) = place.store.kept_versions()
    assert not kept.info.write_once(place.world.clock.now())
    place.store.delete(NAME)
    assert place.versions() == []


def test_deleting_leaves_no_version_that_would_be_billed(place: Place) -> None:
    place.store.put("locks/c", b"")
    for n in range(3):
        place.raw.upload_blob("locks/c", str(n).encode(), overwrite=True)
    place.store.put("locks/c2", b"another name that begins alike")
    assert place.versions() == [("locks/c", False)] * 3 + [("locks/c", True), ("locks/c2", True)]
    place.store.delete("locks/c")
    assert place.versions() == [("locks/c2", True)]


def test_a_refused_deletion_leaves_the_object_readable(place: Place) -> None:
    """Brought back, it has an unlocked copy above the locked content: neither may go."""
    place.locked()
    place.raw.upload_blob(NAME, b"", overwrite=True)
    place.raw.delete_blob(NAME)
    place.store.bring_back(next(place.store.kept_versions()))
    with pytest.raises(Forbidden, match="locked until"):
        place.store.delete(NAME)
    assert [info.name for info in place.store.list()] == [NAME]
    assert place.store.get(NAME) == LARGE


def test_the_writer_neither_locks_holds_nor_deletes(place: Place) -> None:
    writer = place.world.open(place.name, place.world.identity(("Holdfast Repository Writer", place.name)))
    with contextlib.closing(writer):
        writer.put(NAME, b"x")
        assert writer.immutability
        assert writer.stat(NAME).locked_until is None
        until = place.world.clock.now() + timedelta(days=1)
        for forbidden in (
            lambda: writer.lock(NAME, until),
            lambda: writer.hold(NAME, True),
            lambda: writer.delete(NAME),
        ):
            with pytest.raises(Forbidden, match="AuthorizationPermissionMismatch"):
                forbidden()
        assert writer.get(NAME) == b"x"


def test_the_maintainer_locks_holds_and_deletes_but_overwrites_nothing(place: Place) -> None:
    """Whoever has the maintainer cannot write over what is locked, and so cannot even hide it."""
    place.locked()
    place.store.put("chains/c/data/free", b"x")
    identity = place.world.identity(("Holdfast Repository Maintainer", place.name))
    maintainer = place.world.open(place.name, identity)
    with contextlib.closing(maintainer):
        maintainer.hold("chains/c/data/free", True)
        with pytest.raises(Forbidden, match="held"):
            maintainer.delete("chains/c/data/free")
        maintainer.hold("chains/c/data/free", False)
        maintainer.delete("chains/c/data/free")
        maintainer.put("chains/c/data/new", b"y")
        raw = BlobClient.from_blob_url(
            place.raw.get_blob_client(NAME).url, credential=identity, connection_verify=str(place.world.folder.ca)
        )
        with contextlib.closing(raw), pytest.raises(HttpResponseError) as refused:
            raw.upload_blob(b"", overwrite=True)
        assert refused.value.status_code == 403
    assert place.versions() == [("chains/c/data/new", True), (NAME, True)]
    assert place.store.get(NAME) == LARGE

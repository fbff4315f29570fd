"""A repository without the app: by its address, with what opens it in a file or in Key Vault."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from holdfast.cli.unlocking import PasswordFileOption as PasswordFileOption
from holdfast.cli.unlocking import credential
from holdfast.clock_file import clock_from
from holdfast.model.clock import Clock
from holdfast.model.errors import InvalidInput

if TYPE_CHECKING:
    from azure.core.credentials import AzureNamedKeyCredential, TokenCredential

    from holdfast.repository import Credential, Repository
    from holdfast.storage import ObjectStore
    from holdfast.storage.foreign_blobs import ForeignBlobs


def as_url(repository: str | None) -> str | None:
    """A folder's path, which begins with `/`, `./` or `../`, as its URL; anything else as it is."""
    if repository is not None and repository.startswith(("/", "./", "../")):
        return Path(repository).absolute().as_uri()
    return repository


RepositoryOption = Annotated[
    str | None,
    typer.Option(
        "--repository",
        "-r",
        callback=as_url,
        help="A configured name (through the app), or a URL or a folder's path (directly, without the app).",
    ),
]
UrlOption = Annotated[
    str | None,
    typer.Option(
        "--repository",
        "-r",
        callback=as_url,
        help="file:///folder (or /folder), or https://ACCOUNT.blob.core.windows.net/CONTAINER.",
    ),
]
UrlArgument = Annotated[str | None, typer.Argument(metavar="[URL]", callback=as_url, help="The same as --repository.")]


def is_url(repository: str | None) -> bool:
    """Whether it names a place and not a configured repository."""
    return repository is not None and "://" in repository


def needs_url(repository: str | None, command: str) -> str:
    """The URL. Raises InvalidInput for what can only be done directly."""
    if repository is None or not is_url(repository):
        raise InvalidInput(
            f"`{command}` works on a repository's URL",
            help="Give --repository file:///folder (or /folder) or https://ACCOUNT…/CONTAINER, and --password-file.",
        )
    return repository


def place_of(url: str | None, repository: str | None, command: str) -> str:
    """The repository's URL, from the argument or the option. Raises InvalidInput."""
    if url is not None and repository is not None and url != repository:
        raise InvalidInput("the argument and --repository name different places")
    return needs_url(url or repository, command)


def open_repository(url: str, password_file: Path | None, opener: Credential | None = None) -> Repository:
    """With `opener` where there is one, else the password in the file, or what `unlocking` found instead of it.

    Raises InvalidInput, NoRepository, WrongKey, Damaged, Forbidden, Unavailable.
    """
    from holdfast.repository import Repository

    return Repository.open(open_place(url), opener or credential(password_file), clock=clock(), name=url)


def open_place(url: str) -> ObjectStore:
    """The store there. For Blob Storage by AZURE_STORAGE_KEY where it is set, else as whoever is signed in to Azure.

    A key is what emulators and drills have; `az login` or a managed identity is what people and machines have.
    """
    from holdfast.storage import open_store

    if not url.startswith("http"):
        return open_store(url, clock=clock())
    return open_store(
        url,
        credential=_credential(url),
        api_version=os.environ.get("HOLDFAST_STORAGE_API_VERSION") or None,
        clock=clock(),
    )


def owner() -> str:
    """Who a chain's lock says that holds it."""
    return f"{socket.gethostname()}/{os.getpid()}"


def clock() -> Clock:
    """The machine's clock, or the scaled one of HOLDFAST_CLOCK_FILE that tests share with everything else."""
    named = os.environ.get("HOLDFAST_CLOCK_FILE")
    return clock_from(Path(named) if named else None)


def _credential(url: str) -> TokenCredential | AzureNamedKeyCredential:
    key = os.environ.get("AZURE_STORAGE_KEY")
    if key:
        from azure.core.credentials import AzureNamedKeyCredential

        host = urlsplit(url).hostname or ""
        account = os.environ.get("AZURE_STORAGE_ACCOUNT") or host.partition(".")[0]
        return AzureNamedKeyCredential(account, key)
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()


def open_container(url: str) -> ForeignBlobs:
    """A container that others filled, to be read; signed in as `open_place` is."""
    from holdfast.storage.foreign_blobs import ForeignBlobs

    api_version = os.environ.get("HOLDFAST_STORAGE_API_VERSION") or None
    return ForeignBlobs(url, credential=_credential(url), api_version=api_version)

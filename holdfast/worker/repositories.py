"""Opens repositories for jobs: the password comes from Key Vault, the bytes from Blob Storage, both by managed identity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.model.clock import Clock
from holdfast.model.job import RepositoryRef

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

    from holdfast.repository import Repository


class Repositories:
    """Opens the repositories that jobs name. Safe between threads: nothing is kept."""

    def __init__(self, credential: TokenCredential, clock: Clock, api_version: str | None = None) -> None:
        self.credential, self.clock, self.api_version = credential, clock, api_version

    def open(self, ref: RepositoryRef) -> Repository:
        """The repository that a job names. Raises NoRepository, WrongKey, Forbidden, Unavailable."""
        from holdfast.cloud.secrets import read_secret
        from holdfast.repository import Repository
        from holdfast.storage.opening import open_store

        store = open_store(ref.url, credential=self.credential, api_version=self.api_version, clock=self.clock)
        password = read_secret(ref.password_secret, self.credential)
        return Repository.open(store, password, clock=self.clock, name=ref.name)

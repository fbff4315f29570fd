"""Opens repositories for jobs: the password comes from Key Vault, the bytes from Blob Storage, both by managed identity."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from holdfast.model.clock import Clock
from holdfast.model.job import RepositoryRef

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

    from holdfast.repository import Repository


class Repositories:
    """The repositories that this worker has opened. Safe between threads.

    Opening costs a read of the secret and a memory-hard key derivation, so one that is open is used again by the same
    thread of work; each job thread has its own, because a repository object belongs to one thread.
    """

    def __init__(self, credential: TokenCredential, clock: Clock, api_version: str | None = None) -> None:
        self.credential, self.clock, self.api_version = credential, clock, api_version
        self._mine = threading.local()

    def open(self, ref: RepositoryRef) -> Repository:
        """The repository that a job names. Raises NoRepository, WrongKey, Forbidden, Unavailable."""
        from holdfast.cloud.secrets import read_secret
        from holdfast.repository import Repository
        from holdfast.storage import open_store

        open_ones: dict[str, Repository] = self._mine.__dict__.setdefault("open_ones", {})
        found = open_ones.get(ref.url)
        if found is None:
            store = open_store(ref.url, credential=self.credential, api_version=self.api_version)
            password = read_secret(ref.password_secret, self.credential)
            found = Repository.open(store, password, clock=self.clock, name=ref.name)
            open_ones[ref.url] = found
        return found

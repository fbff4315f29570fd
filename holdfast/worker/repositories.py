"""Opens repositories for jobs: by a password or a key of Key Vault, the bytes from Blob Storage, by managed identity."""

from __future__ import annotations

import hashlib
import secrets
import threading
from typing import TYPE_CHECKING

from holdfast.model.clock import Clock
from holdfast.model.errors import WrongKey
from holdfast.model.installation import Installation
from holdfast.model.job import RepositoryRef

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

    from holdfast.repository import Credential, Repository


class Repositories:
    """Opens the repositories that jobs name. Safe between threads.

    Trying a password costs seconds of processor time and much memory, on purpose. An open repository is therefore kept
    and given to the next job that names the same place with the same password; the password is read anew each time, so
    that one that was changed in the vault counts at once. What is kept of it is a keyed hash. A Key Vault key costs one
    request: it is asked every time, so that one that was disabled counts at once, too.
    """

    def __init__(self, credential: TokenCredential, clock: Clock, api_version: str | None = None) -> None:
        self.credential, self.clock, self.api_version = credential, clock, api_version
        self._salt = secrets.token_bytes(16)
        self._lock = threading.Lock()
        self._opened: dict[tuple[str, str, Installation | None], tuple[bytes, Repository]] = {}

    def open(self, ref: RepositoryRef) -> Repository:
        """The repository that a job names.

        Raises NoRepository, WrongKey, VaultKeyDisabled, VaultKeyGone, Forbidden, Unavailable.
        """
        if ref.vault_key:
            from holdfast.cloud.vault_keys import AzureVaultKey
            from holdfast.repository import VaultKey

            return self._open(ref, VaultKey(AzureVaultKey(ref.vault_key, self.credential)))
        from holdfast.cloud.secrets import read_secret
        from holdfast.repository import Password

        password = read_secret(ref.password_secret, self.credential)
        mark = hashlib.blake2b(password.encode(), key=self._salt).digest()
        # One at a time: two jobs that begin together would pay twice for the same key.
        with self._lock:
            place = (ref.url, ref.name, ref.installation)
            known, found = self._opened.get(place, (b"", None))
            if found is None or not secrets.compare_digest(known, mark):
                found = self._open(ref, Password(password))
                self._opened[place] = (mark, found)
            return found

    def _open(self, ref: RepositoryRef, credential: Credential) -> Repository:
        from holdfast.repository import Repository
        from holdfast.storage.opening import open_store

        store = open_store(ref.url, credential=self.credential, api_version=self.api_version, clock=self.clock)
        try:
            return Repository.open(store, credential, clock=self.clock, name=ref.name, installation=ref.installation)
        except WrongKey as error:
            # The repository knows neither its name nor where the password came from.
            advice = (
                f"Add a slot for the Key Vault key {ref.vault_key}: `holdfast repository key add --new-vault-key`."
                if ref.vault_key
                else f"Put the repository's password into the Key Vault secret {ref.password_secret}."
            )
            raise WrongKey(f"repository {ref.name}: {error.detail}", help=advice) from None

"""The details container: texts that are too long for a row of a table, a blob each, written once."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.catalog.failures import RowChanged, storage_errors

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient


@dataclass(frozen=True)
class Away:
    """Where a text lies that is not in the row itself."""

    blob: str


class Details:
    """Long texts. A blob's name is never used twice, so a row that names one always means that very text."""

    def __init__(self, container: ContainerClient) -> None:
        self._container = container

    def make(self) -> None:
        """Makes the container where it is missing."""
        from azure.core.exceptions import ResourceExistsError

        with storage_errors("the details container"):
            try:
                self._container.create_container()
            except ResourceExistsError:
                return

    def save(self, place: str, text: str) -> Away:
        """Writes a text under `place`. It counts once a row names it."""
        from azure.core.exceptions import ResourceNotFoundError

        name = f"{place}-{secrets.token_hex(8)}.txt".replace("|", "/")
        data = text.encode()
        with storage_errors("the details container"):
            try:
                self._container.upload_blob(name, data, overwrite=True)
            except ResourceNotFoundError:
                self.make()
                self._container.upload_blob(name, data, overwrite=True)
        return Away(name)

    def load(self, away: Away) -> str:
        """The text. Raises RowChanged where it is gone: the row that named it was replaced."""
        from azure.core.exceptions import ResourceNotFoundError

        with storage_errors("the details container"):
            try:
                return self._container.download_blob(away.blob).readall().decode()
            except ResourceNotFoundError:
                raise RowChanged(f"the text {away.blob} is gone") from None

    def drop(self, blobs: Iterable[str]) -> None:
        """Removes texts that no row names any more; missing ones are fine."""
        from azure.core.exceptions import ResourceNotFoundError

        for blob in blobs:
            with storage_errors("the details container"):
                try:
                    self._container.delete_blob(blob)
                except ResourceNotFoundError:
                    continue

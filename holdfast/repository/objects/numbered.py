"""Objects of a chain's sequence: each is bound to its number, and says itself where it belongs."""

from __future__ import annotations

import hashlib
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from holdfast.model.errors import Damaged
from holdfast.repository.format import Kind, manifest_name
from holdfast.repository.objects.seal import Sealer, open_document


class Placed(BaseModel):
    """What every document of a sequence says: where it belongs."""

    repository: str
    chain: str
    sequence: int


Document = TypeVar("Document", bound=Placed)


def open_as(
    model: type[Document], kind: Kind, sealer: Sealer, chain: str, sequence: int, data: bytes, what: str
) -> tuple[Document, str, int, str]:
    """The document in an object's bytes, the SHA-256 of the whole object, its bytes and its name.

    Raises Damaged naming the object where it is not `what` belongs there, NewerFormat.
    """
    name = manifest_name(chain, sequence)
    plain = open_document(sealer, kind, chain, name, data)
    try:
        found = model.model_validate_json(plain)
    except ValidationError as error:
        raise Damaged(f"{name}: {error.error_count()} of its fields are not those of {what}") from None
    if (found.repository, found.chain, found.sequence) != (sealer.repository, chain, sequence):
        raise Damaged(f"{name}: it says that it belongs elsewhere")
    return found, hashlib.sha256(data).hexdigest(), len(data), name

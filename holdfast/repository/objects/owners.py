"""Who may remove something of a chain: owner records, written once, numbered; the newest one counts.

The chain's lock keeps two writers of one moment apart; an owner record keeps two installations apart that work on one
repository for months, each with policies of its own.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from pydantic import BaseModel, ConfigDict, ValidationError

from holdfast.model.errors import Damaged
from holdfast.model.installation import Installation
from holdfast.repository.errors import NotOwned
from holdfast.repository.format import FORMAT, MANIFEST_DIGITS, Kind, canonical, owner_name, owners_folder
from holdfast.repository.objects.chain import Chain
from holdfast.repository.objects.manifests import ReadManifest
from holdfast.repository.objects.seal import open_document, put_document
from holdfast.storage import AlreadyExists


class Owner(BaseModel):
    """An owner record; docs/repository-format.md tells what each field means."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: int = FORMAT
    repository: str
    chain: str
    number: int
    installation: str
    name: str = ""
    since: datetime
    through: int = 0
    previous: str | None = None

    @property
    def who(self) -> Installation:
        """The installation that owns the chain."""
        return Installation(id=self.installation, name=self.name)


def read_owner(chain: Chain) -> Owner | None:
    """The chain's owner; None where nobody owns it. Raises Damaged, NewerFormat."""
    found = _newest(chain)
    return found[0] if found else None


def claim(chain: Chain, installation: Installation, at: datetime) -> Owner:
    """The chain's owner; the caller where there was none. Raises Damaged, NewerFormat."""
    while True:
        found = _newest(chain)
        if found is not None:
            return found[0]
        try:
            return _put(chain, installation, at, number=1, through=0, previous=None)
        except AlreadyExists:  # somebody claimed it meanwhile, or an earlier put of ours lost its answer
            continue


def adopt(chain: Chain, installation: Installation, at: datetime, through: int) -> Owner | None:
    """Makes the installation the owner of the chain and of every point up to number `through`.

    Call it with the chain's lock held. Gives back the owner before; done again, nothing more is written.
    """
    while True:
        found = _newest(chain)
        if found is not None and found[0].installation == installation.id and found[0].through >= through:
            return found[0]
        number = found[0].number + 1 if found else 1
        try:
            _put(chain, installation, at, number=number, through=through, previous=found[1] if found else None)
        except AlreadyExists:
            continue
        return found[0] if found else None


def ensure_removable(chain: Chain, installation: Installation | None) -> Owner | None:
    """The chain's owner, who is this installation. Raises NotOwned where it may not remove anything of the chain.

    None is a person at the repository itself, who owns nothing and may remove all: what a person names is meant.
    """
    if installation is None:
        return None
    owner = read_owner(chain)
    if owner is None:
        raise NotOwned(f"chain {chain.id} belongs to no installation")
    if owner.installation != installation.id:
        raise NotOwned(f"chain {chain.id} belongs to installation {owner.who}, this one is {installation}")
    return owner


def foreign_writer(owner: Owner | None, read: ReadManifest) -> str | None:
    """Which other installation wrote this point of the owner's chain and still may call it its own."""
    writer = read.manifest.point.installation
    if owner is None or writer in (None, owner.installation) or read.manifest.sequence <= owner.through:
        return None
    return writer


def open_owner(chain: Chain, number: int, data: bytes) -> Owner:
    """Raises Damaged naming the object where it is not what belongs there, NewerFormat."""
    name = owner_name(chain.id, number)
    try:
        owner = Owner.model_validate_json(open_document(chain.sealer, Kind.OWNER, chain.id, name, data))
    except ValidationError as error:
        raise Damaged(f"{name}: {error.error_count()} of its fields are not those of an owner record") from None
    if (owner.repository, owner.chain, owner.number) != (chain.sealer.repository, chain.id, number):
        raise Damaged(f"{name}: it says that it belongs elsewhere")
    return owner


def _newest(chain: Chain) -> tuple[Owner, str] | None:
    """The newest record and the SHA-256 of its object."""
    prefix = owners_folder(chain.id)
    tails = [info.name.removeprefix(prefix) for info in chain.store.list(prefix)]
    numbers = [int(tail) for tail in tails if len(tail) == MANIFEST_DIGITS and tail.isascii() and tail.isdigit()]
    if not numbers:
        return None
    number = max(numbers)
    data = chain.store.get(owner_name(chain.id, number))
    return open_owner(chain, number, data), hashlib.sha256(data).hexdigest()


def _put(
    chain: Chain, installation: Installation, at: datetime, *, number: int, through: int, previous: str | None
) -> Owner:
    owner = Owner(
        repository=chain.sealer.repository,
        chain=chain.id,
        number=number,
        installation=installation.id,
        name=installation.name,
        since=at,
        through=through,
        previous=previous,
    )
    plain = canonical(owner.model_dump(mode="json"))
    put_document(chain.store, chain.sealer, Kind.OWNER, chain.id, owner_name(chain.id, number), plain)
    return owner

"""Manifests: the objects that make points exist, each bound to the one before it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from holdfast.model.errors import Damaged
from holdfast.model.point import Consistency, PointKind
from holdfast.model.terms import Terms
from holdfast.model.transformation import Transformation
from holdfast.repository.deltas.trees import StreamRef
from holdfast.repository.format import FORMAT, Kind, canonical
from holdfast.repository.objects.numbered import Placed, open_as
from holdfast.repository.objects.seal import Sealer

MAX_INLINE = 4 << 10


class PointHeader(BaseModel):
    """What is known of a point before it is stored."""

    model_config = ConfigDict(frozen=True)

    id: str
    source: str
    chain: str
    created_at: datetime
    consistency: Consistency = "transactional"
    session: str | None = None
    resource_id: str | None = None
    flags: list[str] = Field(default_factory=list)
    terms: Terms | None = None
    warnings: list[str] = Field(default_factory=list)
    transformations: list[Transformation] = Field(default_factory=list)
    installation: str | None = None


class Previous(BaseModel):
    """The manifest before: its number, and the SHA-256 of its whole object."""

    model_config = ConfigDict(frozen=True)

    sequence: int
    sha256: str


class FileFacts(BaseModel):
    """The BACPAC that was read."""

    model_config = ConfigDict(frozen=True)

    bytes: int
    sha256: str


class Held(BaseModel):
    """A recipe or layout: a stream, or in the manifest itself where it is short."""

    model_config = ConfigDict(frozen=True)

    bytes: int
    level: int | None = None
    root: str | None = None
    inline: str | None = None

    @classmethod
    def of_stream(cls, ref: StreamRef) -> Held:
        """Held as a stream."""
        return cls(bytes=ref.length, level=ref.level, root=ref.root.hex())

    def stream(self, name: str) -> StreamRef:
        """The stream, where it is one. Raises Damaged."""
        return StreamRef.from_json(self.model_dump(), name)


def held_inline(length: int, frame: bytes) -> Held:
    """Held in the manifest; `frame` is coded."""
    return Held(bytes=length, inline=base64.b64encode(frame).decode())


def inline_frame(held: Held, name: str) -> bytes | None:
    """The coded bytes, where they are in the manifest. Raises Damaged."""
    try:
        return None if held.inline is None else base64.b64decode(held.inline, validate=True)
    except ValueError:
        raise Damaged(f"{name}: what it holds inline is not readable") from None


class Manifest(Placed):
    """What a manifest says; docs/repository-format.md tells what each field means."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: int = FORMAT
    previous: Previous | None
    fence: int
    point: PointHeader
    kind: PointKind
    identical_possible: bool
    written_at: datetime
    file: FileFacts | None
    recipe: Held
    layout: Held
    entries: int
    tables: int
    inflated_bytes: int
    added_bytes: int
    packs: list[str]
    indexes: list[str]
    record: int | None = None

    def encode(self) -> bytes:
        """The plain bytes of the document."""
        return canonical(self.model_dump(mode="json"))


@dataclass(frozen=True)
class ReadManifest:
    """A manifest as it was read, with what binds the next one to it."""

    manifest: Manifest
    sha256: str  # of the whole object
    object_bytes: int
    name: str

    @property
    def previous(self) -> Previous:
        """How the next manifest names this one."""
        return Previous(sequence=self.manifest.sequence, sha256=self.sha256)


def open_manifest(sealer: Sealer, chain: str, sequence: int, data: bytes) -> ReadManifest:
    """Raises Damaged naming the object where it is not what belongs there, NewerFormat."""
    read = ReadManifest(*open_as(Manifest, Kind.MANIFEST, sealer, chain, sequence, data, "a manifest"))
    if read.manifest.point.chain != chain:
        raise Damaged(f"{read.name}: it says that its point belongs elsewhere")
    return read

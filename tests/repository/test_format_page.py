"""docs/repository-format.md is enough: a reader of its own, written from the page, gets every file out of the golden one.

Imports nothing of holdfast. What it does not verify (the page says what to verify) is left out, so that it stays short.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
import zstandard
from blake3 import blake3
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.repository.frames.test_typed_page import read as typed

GOLDEN = Path(__file__).parent / "golden"
PASSWORDS = {"v1": "golden password of version 1", "v1-increments": "golden password of increments"}


def hkdf(key: bytes, info: bytes, salt: bytes | None = None) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=info).derive(key)


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def plain_of(frame: bytes) -> bytes:
    if frame[0] == 3:
        return typed(frame[1:])
    return frame[1:] if frame[0] == 0 else zstandard.decompress(frame[1:])


class Reader:
    """One repository, opened with its password."""

    def __init__(self, root: Path, password: str) -> None:
        self.root, self.password = root, password
        self.description = json.loads((root / "repository.json").read_bytes())
        self.key = self._unwrap(next((root / "keys").iterdir()).read_bytes())
        assert hkdf(self.key, b"holdfast/1/key-id")[:8].hex() == self.description["key"]
        rest = {name: self.description[name] for name in self.description if name not in ("checksum", "mac")}
        mac = hmac.digest(hkdf(self.key, b"holdfast/1/description"), canonical(rest), "sha256")
        assert mac.hex() == self.description["mac"]

    def _unwrap(self, data: bytes) -> bytes:
        slot = json.loads(data)
        kdf = slot["kdf"]
        argon = Argon2id(
            salt=bytes.fromhex(kdf["salt"]),
            length=32,
            iterations=kdf["iterations"],
            lanes=kdf["lanes"],
            memory_cost=kdf["memory_kib"],
        )
        bound = canonical({name: slot[name] for name in slot if name not in ("wrapped", "checksum")})
        wrapped = bytes.fromhex(slot["wrapped"])
        return AESGCM(argon.derive(self.password.encode())).decrypt(wrapped[:12], wrapped[12:], bound)

    def section(self, chain: str, name: str, header: bytes, number: int, sealed: bytes) -> bytes:
        object_key = hkdf(hkdf(self.key, b"holdfast/1/objects"), b"holdfast/1/object", salt=header[20:52])
        place = b"".join(struct.pack("<H", len(text)) + text.encode() for text in (chain, name))
        bound = header + bytes.fromhex(self.description["repository"]) + place + struct.pack("<Q", number)
        return plain_of(AESGCM(object_key).decrypt(number.to_bytes(12, "big"), sealed, bound))

    def document(self, chain: str, name: str) -> bytes:
        data = (self.root / name).read_bytes()
        return self.section(chain, name, data[:52], 0, data[52:])

    def chunks(self, chain: str) -> dict[bytes, bytes]:
        """Every chunk of the chain, from the packs alone."""
        found: dict[bytes, bytes] = {}
        for path in sorted((self.root / "chains" / chain).glob("data/*")) + sorted(
            (self.root / "chains" / chain).glob("recipes/*")
        ):
            name, data = path.relative_to(self.root).as_posix(), path.read_bytes()
            (length,) = struct.unpack_from("<L", data, len(data) - 12)
            assert data[-8:] == b"HFPKEND1"
            table = self.section(chain, name, data[:52], 0xFFFFFFFF, data[-12 - length : -12])
            (frames,) = struct.unpack_from("<L", table)
            stored = struct.unpack_from(f"<{frames}L", table, 4)
            counts = struct.unpack_from(f"<{frames}L", table, 4 + 9 * frames)
            at_ids, at_lengths = 4 + 13 * frames, 4 + 13 * frames + 16 * sum(counts)
            at, chunk = 52, 0
            for number in range(frames):
                plain = self.section(chain, name, data[:52], number, data[at : at + stored[number]])
                at += stored[number]
                for _ in range(counts[number]):
                    (size,) = struct.unpack_from("<L", table, at_lengths + 4 * chunk)
                    found[table[at_ids + 16 * chunk : at_ids + 16 * chunk + 16]] = plain[:size]
                    plain = plain[size:]
                    chunk += 1
        return found


def stream(ref: dict[str, Any], chunks: dict[bytes, bytes]) -> bytes:
    """A stream's bytes from its root."""

    def under(node: bytes, level: int) -> bytes:
        if level == 0:
            return chunks[node]
        if level == 255:
            return program(chunks[node], chunks)
        data = chunks[node]
        (count,) = struct.unpack_from("<L", data, 1)
        return b"".join(under(data[5 + 16 * n : 21 + 16 * n], level - 1) for n in range(count))

    if ref.get("inline"):
        return plain_of(base64.b64decode(ref["inline"]))
    return under(bytes.fromhex(ref["root"]), ref["level"]) if ref["bytes"] else b""


def program(node: bytes, chunks: dict[bytes, bytes]) -> bytes:
    """The bytes that a program makes."""
    kind, _, count, blocks = struct.unpack_from("<BBHL", node)
    assert kind == 255
    sources = []
    for n in range(count):
        size, level, root = struct.unpack_from("<QB16s", node, 8 + 25 * n)
        sources.append(stream({"bytes": size, "level": level, "root": root.hex()}, chunks))
    at = 8 + 25 * count
    made = b"".join(_block(chunks[node[at + 16 * n : at + 16 * n + 16]], sources) for n in range(blocks))
    assert len(made) == sum(struct.unpack_from(f"<{blocks}Q", node, at + 16 * blocks))
    return made


def _block(data: bytes, sources: list[bytes]) -> bytes:
    def number() -> int:
        nonlocal data
        value, shift = 0, 0
        while True:
            byte, data = data[0], data[1:]
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    count, used = number(), number()
    names, cursors = [], dict.fromkeys(range(len(sources)), 0)
    for _ in range(used):
        names.append(number())
        cursors[names[-1]] = number()
    takes, data = [names[place] for place in data[:count]], data[count:]
    lengths = [number() for _ in range(count)]
    made = b""
    for source, length in zip(takes, lengths, strict=True):
        skip = number()
        begin = cursors[source] + (skip >> 1 if skip % 2 == 0 else -(skip + 1 >> 1))
        made += sources[source][begin : begin + length]
        cursors[source] = begin + length
        if source == len(sources) - 1 > 0:
            cursors[0] += length
    assert not data
    return made


def file_of(skeleton: bytes, entries: dict[str, bytes]) -> bytes:
    """The very same file."""
    assert skeleton.startswith(b"HFSKEL1\n")
    (length,) = struct.unpack_from("<L", skeleton, 8)
    head, between = json.loads(skeleton[12 : 12 + length]), skeleton[12 + length :]
    out = b""
    for name, step, _, before in head["entries"]:
        out, between = out + between[:before], between[before:]
        level, *syncs = step.removeprefix("zlib").split("+")
        deflate = zlib.compressobj(int(level), zlib.DEFLATED, -15, 7 if level == "0" else 8)
        out += (
            deflate.compress(entries[name])
            + b"".join(deflate.flush(zlib.Z_SYNC_FLUSH) for _ in syncs)
            + deflate.flush()
        )
    return out + between


@pytest.mark.parametrize("version", PASSWORDS)
@pytest.mark.parametrize("chain", ["chain-a", "chain-b"])
def test_a_reader_written_from_the_page_reads_every_point(chain: str, version: str) -> None:
    folder = GOLDEN / version
    reader = Reader(folder / "repository", PASSWORDS[version])
    chunks = reader.chunks(chain)
    expected = {one["point"]["id"]: one for one in json.loads((folder / "expected.json").read_text())}
    before = None
    read = 0
    for path in sorted((folder / "repository" / "chains" / chain / "manifests").iterdir()):
        manifest = json.loads(reader.document(chain, f"chains/{chain}/manifests/{path.name}"))
        assert (manifest["sequence"], manifest["chain"]) == (int(path.name), chain)
        assert manifest["previous"] == (before and {"sequence": before[0], "sha256": before[1]})
        before = (manifest["sequence"], hashlib.sha256(path.read_bytes()).hexdigest())
        entries: dict[str, bytes] = {}
        for line in stream(manifest["recipe"], chunks).splitlines():
            one = json.loads(line)
            rest = stream(one, chunks)
            for name, size, sha256 in one["entries"]:
                entries[name], rest = rest[:size], rest[size:]
                assert hashlib.sha256(entries[name]).hexdigest() == sha256
            assert not rest
        layout = stream(manifest["layout"], chunks)
        (count,) = struct.unpack_from("<L", layout)
        assert sorted(struct.unpack_from(f"<{count}L", layout, 4)) == list(range(len(entries)))
        file = file_of(layout[4 + 4 * count :], entries)
        known = expected[manifest["point"]["id"]]
        assert hashlib.sha256(file).hexdigest() == manifest["file"]["sha256"] == known["file_sha256"]
        read += 1
    assert read == len([one for one in expected.values() if one["point"]["chain"] == chain])


@pytest.mark.parametrize("version", PASSWORDS)
def test_chunk_ids_and_locators_are_as_the_page_says(version: str) -> None:
    root = GOLDEN / version / "repository"
    reader = Reader(root, PASSWORDS[version])
    keys = [hkdf(reader.key, f"holdfast/1/chunks/chain-a/{kind}".encode()) for kind in ("data", "recipe")]
    chunks = reader.chunks("chain-a")
    assert len(chunks) > 20
    hmacs = reader.description["chunking"] == "cdc8-v1"
    for name, chunk in chunks.items():
        made = {hmac.digest(key, chunk, "sha256") if hmacs else blake3(chunk, key=key).digest() for key in keys}
        assert name in {one[:16] for one in made}
    locator = next((root / "points").rglob("chain-a"))
    hint = json.loads(reader.document("chain-a", locator.relative_to(root).as_posix()))
    assert (hint["chain"], hint["point"]) == ("chain-a", locator.parent.name)


def test_removal_records_tell_what_the_page_says(tmp_path: Path, clock: Any, bacpac: Any, tools: Any) -> None:
    """Numbers, gaps and links of a chain with removals, read by the page alone; the gap's hash is that of what was there."""
    from datetime import timedelta

    from holdfast.repository import PruneRules, Repository
    from holdfast.storage import open_store

    root = tmp_path / "repository"
    repository = Repository.init(open_store(root.as_uri(), clock=clock), "p", clock=clock, cost=tools.cost)
    points = [
        repository.store_point(
            bacpac({"T": [random.Random(n).randbytes(100_000)]}, exported=n), tools.header_of(n), owner="w"
        ).id
        for n in (1, 2, 3, 4)
    ]
    folder = root / "chains" / "chain-a" / "manifests"
    hashes_before = {int(path.name): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    repository.delete_points(points[1:3], owner="w")
    repository.prune(PruneRules(grace=timedelta(hours=1)), owner="w")

    reader = Reader(root, "p")
    read: dict[int, dict[str, Any]] = {}
    kinds: dict[int, int] = {}
    for path in sorted(folder.iterdir()):
        kinds[int(path.name)] = path.read_bytes()[9]
        read[int(path.name)] = json.loads(reader.document("chain-a", f"chains/chain-a/manifests/{path.name}"))
    assert kinds == {1: 1, 4: 1, 5: 6, 6: 6}
    newest = read[6]
    (gap,) = newest["gaps"]
    assert (gap["first"], gap["last"], gap["sha256"]) == (2, 3, hashes_before[3])
    assert gap["previous"] == {"sequence": 1, "sha256": hashes_before[1]}
    assert read[4]["previous"] == {"sequence": 3, "sha256": gap["sha256"]}
    assert read[5]["previous"] == {"sequence": 4, "sha256": hashes_before[4]}
    assert [(one["sequence"], one["point"], one["sha256"]) for one in read[5]["removed"]] == [
        (2, points[1], hashes_before[2]),
        (3, points[2], hashes_before[3]),
    ]
    assert read[6]["removed"] == []
    assert {one["object"].split("/")[2] for one in newest["condemned"]} <= {"data", "recipes"}
    for one in newest["condemned"]:
        assert (root / one["object"]).stat().st_size == one["bytes"]
        assert one["since"] == "2026-01-01T03:00:00Z"
    assert newest["condemned"]

"""Every kind of file that is no BACPAC, or a damaged or hostile one, is refused with a sentence that names the thing."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.bacpac.limits import Limits
from holdfast.bacpac.package import Bacpac
from holdfast.model.errors import BadBacpac

TABLE = ("dbo", "T")
PART = "Data/dbo.T/TableData-000-00000.BCP"
ROWS = b"".join(struct.pack("<i", n * 7919) for n in range(4000))


@pytest.fixture
def whole(make: Any) -> dict[str, bytes]:
    """The entries of a good package with one table."""
    columns = [make.column(TABLE, "id", "[int]", nullable=False)]
    return make.entries(make.model(make.table(TABLE, columns)), {TABLE: [ROWS]}, rows=4000)


def refusal(path: Path, limits: Limits | None = None) -> str:
    """What the file is refused with, read to the last byte."""
    with pytest.raises(BadBacpac) as caught:
        read_all(path, limits)
    assert path.name in str(caught.value) or "Data/" in str(caught.value) or ".xml" in str(caught.value)
    return caught.value.detail


def read_all(path: Path, limits: Limits | None = None) -> None:
    with Bacpac.open(path, limits) as bacpac:
        for entry in bacpac.entries:
            for _ in bacpac.pieces(entry.name):
                pass
        bacpac.model()


def zipped(path: Path, entries: list[tuple[str, bytes]]) -> Path:
    """Written by Python's own zipfile, which takes any name."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in entries:
            info = zipfile.ZipInfo("x")
            info.filename = name
            info.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(info, content)
    return path


def test_the_good_one_is_good(make: Any, whole: dict[str, bytes]) -> None:
    """Otherwise the refusals below would prove nothing."""
    with Bacpac.open(make.write(whole)) as bacpac:
        assert b"".join(bacpac.pieces(PART)) == ROWS


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.bacpac"
    path.touch()
    assert "empty" in refusal(path)


def test_not_a_zip(tmp_path: Path) -> None:
    path = tmp_path / "text.bacpac"
    path.write_bytes(b"SELECT 1;\n" * 500)
    assert "not a ZIP" in refusal(path)


def test_truncated_anywhere(make: Any, whole: dict[str, bytes]) -> None:
    """Whatever byte is the last to arrive, the file is refused at once, before any row is read."""
    path = make.write(whole)
    raw = path.read_bytes()
    for end in range(0, len(raw), 97):
        path.write_bytes(raw[:end])
        with pytest.raises(BadBacpac, match=r"empty|not a ZIP|truncated"):
            Bacpac.open(path)


def test_bytes_before_the_zip(make: Any, whole: dict[str, bytes]) -> None:
    path = make.write(whole)
    path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())
    assert "before the ZIP" in refusal(path)


def test_wrong_crc_of_rows(make: Any, whole: dict[str, bytes]) -> None:
    """DacFx itself would not notice; we do, and name the part."""
    path = make.write(whole)
    raw = bytearray(path.read_bytes())
    crc = struct.pack("<L", zlib.crc32(ROWS))
    while (at := raw.find(crc)) >= 0:
        raw[at] ^= 1
    path.write_bytes(raw)
    said = refusal(path)
    assert PART in said
    assert "CRC" in said


def test_a_flipped_bit_in_the_rows(make: Any, whole: dict[str, bytes]) -> None:
    path = make.write(whole)
    with Bacpac.open(path) as bacpac:
        entry = bacpac.entry(PART)
    raw = bytearray(path.read_bytes())
    raw[entry.data_offset + entry.compressed_bytes // 2] ^= 0x10
    path.write_bytes(raw)
    assert PART in refusal(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_anywhere_is_refused_or_harmless(
    make: Any, whole: dict[str, bytes], place: float, bit: int
) -> None:
    """Never another error than BadBacpac, and never other bytes than those that were written."""
    path = make.write(whole, f"flip-{place}-{bit}.bacpac")
    raw = bytearray(path.read_bytes())
    raw[int(place * len(raw))] ^= 1 << bit
    path.write_bytes(raw)
    try:
        with Bacpac.open(path) as bacpac:
            read = {entry.name: b"".join(bacpac.pieces(entry.name)) for entry in bacpac.entries}
    except BadBacpac:
        return
    finally:
        path.unlink()
    assert read == whole


def test_a_dacpac(make: Any) -> None:
    model = make.model()
    assert "dacpac" in refusal(make.write(make.entries(model, contains_data=False)))


@pytest.mark.real
def test_a_real_dacpac(real_dacpac: Path) -> None:
    assert "dacpac" in refusal(real_dacpac)


@pytest.mark.parametrize("name", ["model.xml", "Origin.xml", "[Content_Types].xml"])
def test_a_zip_that_lacks_an_entry(make: Any, whole: dict[str, bytes], name: str) -> None:
    del whole[name]
    assert f"no {name}" in refusal(make.write(whole))


def test_another_model_than_the_checksum_says(make: Any, whole: dict[str, bytes]) -> None:
    whole["model.xml"] = whole["model.xml"].replace(b'"[int]"', b'"[bit]"')
    assert "checksum" in refusal(make.write(whole))


def test_no_checksum(make: Any, whole: dict[str, bytes]) -> None:
    whole["Origin.xml"] = whole["Origin.xml"].replace(b"/model.xml", b"/other.xml")
    assert "no checksum" in refusal(make.write(whole))


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("../evil.xml", "`..`"),
        ("Data/../../evil.BCP", "`..`"),
        ("Data/%2e%2E/evil.BCP", "`..`"),
        ("Data//evil.BCP", "empty step"),
        ("/etc/passwd", "absolute"),
        ("C:/evil.xml", "absolute"),
        ("Data\\dbo.T\\x.BCP", "backslash"),
        ("a\nb", "control"),
    ],
)
def test_a_name_that_leads_elsewhere(tmp_path: Path, whole: dict[str, bytes], name: str, word: str) -> None:
    path = zipped(tmp_path / "names.bacpac", [*whole.items(), (name, b"x")])
    said = refusal(path)
    assert word in said
    assert repr(name) in said


@pytest.mark.parametrize("name", [PART, PART.lower()])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice(tmp_path: Path, whole: dict[str, bytes], name: str) -> None:
    """Part names differ by more than case."""
    said = refusal(zipped(tmp_path / "twice.bacpac", [*whole.items(), (name, b"x")]))
    assert "twice" in said
    assert repr(name) in said


def test_a_bomb_in_the_rows(make: Any, whole: dict[str, bytes]) -> None:
    """80 MiB of zeros in 80 kB: no table is like that."""
    whole[PART] = bytes(80 << 20)
    said = refusal(make.write(whole))
    assert "ZIP bomb" in said
    assert PART in said


def test_a_bomb_in_the_model(make: Any, whole: dict[str, bytes]) -> None:
    whole["model.xml"] += b" " * (20 << 20)
    said = refusal(make.write(whole))
    assert "ZIP bomb" in said
    assert "model.xml" in said


def test_a_bomb_that_lies_about_its_size(make: Any, whole: dict[str, bytes]) -> None:
    """The declared size is never passed, so no more memory or disk is used than it allows."""
    whole[PART] = bytes(8 << 20)
    path = make.write(whole)
    true, lie = struct.pack("<L", 8 << 20), struct.pack("<L", 1000)
    path.write_bytes(path.read_bytes().replace(true, lie))
    assert "more than the 1,000 bytes" in refusal(path)


def test_entries_that_lie_over_each_other(tmp_path: Path, whole: dict[str, bytes]) -> None:
    """The bomb that needs no nesting: one stream that many entries of the directory lead into."""
    inner = "Data/dbo.T/TableData-001-00000.BCP"
    lone = zipped(tmp_path / "lone.zip", [(inner, ROWS)])
    with zipfile.ZipFile(lone) as package:
        hidden = package.infolist()[0]
        record = lone.read_bytes()[: package.start_dir]
    path = tmp_path / "over.bacpac"
    with zipfile.ZipFile(path, "w") as package:
        for name, content in {**whole, PART: record}.items():
            package.writestr(name, content)
        hidden.header_offset = package.getinfo(PART).header_offset + 30 + len(PART)
        package.filelist.append(hidden)
    said = refusal(path)
    assert f"{inner} lies over {PART}" in said


def test_more_entries_than_any_database_has(make: Any, whole: dict[str, bytes]) -> None:
    path = make.write(whole)
    assert "at most 3" in refusal(path, Limits(entries=3))


def test_an_encrypted_entry(make: Any, whole: dict[str, bytes]) -> None:
    path = make.write(whole)
    raw = bytearray(path.read_bytes())
    raw[raw.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)
    assert "encrypted" in refusal(path)


def test_a_method_that_no_exporter_uses(tmp_path: Path, whole: dict[str, bytes]) -> None:
    path = tmp_path / "bzip2.bacpac"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as package:
        for name, content in whole.items():
            package.writestr(name, content)
    assert "method 12" in refusal(path)


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE DataSchemaModel [<!ENTITY a "aaaaaaaaaa">]>',
        '<!DOCTYPE DataSchemaModel SYSTEM "file:///etc/passwd">',
    ],
)
def test_a_document_type_in_the_model(make: Any, head: str) -> None:
    """No entities, so no bombs of them and no files read through them."""
    model = make.model().replace(b"<DataSchemaModel", head.encode() + b"<DataSchemaModel", 1)
    said = refusal(make.write(make.entries(model)))
    assert "document type" in said
    assert "model.xml" in said


def test_a_model_that_is_no_xml(make: Any) -> None:
    assert "not well-formed" in refusal(make.write(make.entries(b"<DataSchemaModel><Model>")))


def test_a_model_that_is_other_xml(make: Any) -> None:
    assert "root is 'html'" in refusal(make.write(make.entries(b"<html></html>")))


def test_a_model_that_nests_without_end(make: Any) -> None:
    deep = b"<DataSchemaModel>" + b"<Element>" * 5000
    assert "nests deeper" in refusal(make.write(make.entries(deep)))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """That is the caller's matter, not the format's."""
    with pytest.raises(FileNotFoundError):
        Bacpac.open(tmp_path / "none.bacpac")

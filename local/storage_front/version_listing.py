"""Adds versions, policies and holds to a listing of Azurite, which knows nothing of them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from local.azure.evidence import DOCUMENTED
from local.storage_front.versions import Version, Versions, http_date

DOCUMENTED(
    "storage-version-listing",
    "List Blobs: versions from the oldest to the newest; MicrosoftDocs/azure-docs soft-delete-blob-manage.md lists those "
    "of a deleted blob with include=versions alone",
    guessed="on which page earlier versions come",
)
#: What `include=` may ask for that Azurite does not know.
OURS = frozenset(("versions", "immutabilitypolicy", "legalhold", "deletedwithversions"))
_PROPERTIES = (
    ("Creation-Time", "x-ms-creation-time"),
    ("Last-Modified", "last-modified"),
    ("Etag", "etag"),
    ("Content-Length", "content-length"),
    ("Content-Type", "content-type"),
    ("Content-MD5", "content-md5"),
    ("BlobType", "x-ms-blob-type"),
    ("AccessTier", "x-ms-access-tier"),
)
_META = "x-ms-meta-"


def without_ours(raw_path: str) -> tuple[str, frozenset[str], Mapping[str, str]]:
    """The request as Azurite understands it, what it asks for besides, and its parameters."""
    path, _, query = raw_path.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    asked = {part.strip().lower() for name, value in pairs if name.lower() == "include" for part in value.split(",")}
    rest = ",".join(sorted(asked - OURS - {""}))
    kept = [(name, value) for name, value in pairs if name.lower() != "include"]
    if rest:
        kept.append(("include", rest))
    return f"{path}?{urlencode(kept)}", frozenset(asked & OURS), {name.lower(): value for name, value in pairs}


def with_versions(
    listing: bytes, versions: Versions, place: tuple[str, str], asked: frozenset[str], parameters: Mapping[str, str]
) -> bytes:
    """One page of a listing with all that was asked for. Earlier versions come on the page that their name belongs to."""
    if not asked:
        return listing
    root = ET.fromstring(listing)  # noqa: S314 (our own Azurite's answer)
    blobs = root.find("Blobs")
    if blobs is None:
        return listing
    found: list[tuple[str, str, ET.Element]] = []
    for blob in list(blobs.findall("Blob")):
        name = blob.findtext("Name") or ""
        version = versions.current((*place, name))
        _tell(blob, version, asked)
        found.append((name, "\x7f", blob))  # after the earlier ones
    if "versions" in asked:
        after, last = parameters.get("marker", ""), root.findtext("NextMarker") or ""
        for version in versions.earlier(*place, parameters.get("prefix", "")):
            name = version.key[2]
            if (not after or name > after) and (not last or name <= last):
                found.append((name, version.id, _element(version, asked)))
        found.sort(key=lambda one: one[:2])
        for blob in list(blobs.findall("Blob")):
            blobs.remove(blob)
        blobs.extend(one[2] for one in found)
    whole: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return whole


def _tell(blob: ET.Element, version: Version, asked: frozenset[str]) -> None:
    if "versions" in asked:
        ET.SubElement(blob, "VersionId").text = version.id
        if version.current:
            ET.SubElement(blob, "IsCurrentVersion").text = "true"
    properties = blob.find("Properties")
    if properties is None:
        return
    if "immutabilitypolicy" in asked and version.until is not None:
        ET.SubElement(properties, "ImmutabilityPolicyUntilDate").text = http_date(version.until)
        ET.SubElement(properties, "ImmutabilityPolicyMode").text = version.mode
    if "legalhold" in asked and version.held:
        ET.SubElement(properties, "LegalHold").text = "true"


def _element(version: Version, asked: frozenset[str]) -> ET.Element:
    blob = ET.Element("Blob")
    ET.SubElement(blob, "Name").text = version.key[2]
    properties = ET.SubElement(blob, "Properties")
    for tag, header in _PROPERTIES:
        if header in version.properties:
            ET.SubElement(properties, tag).text = version.properties[header]
    metadata = ET.SubElement(blob, "Metadata")
    for header, value in version.properties.items():
        if header.startswith(_META):
            ET.SubElement(metadata, header.removeprefix(_META)).text = value
    _tell(blob, version, asked)
    return blob

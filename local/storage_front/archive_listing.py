"""Adds the archive status of blobs that are being rehydrated to a listing of Azurite."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping

from local.storage_front.rehydration import Pending


def with_archive_status(listing: bytes, pending: Mapping[str, Pending]) -> bytes:
    """The listing with `ArchiveStatus` and `RehydratePriority` where a blob's rehydration is pending."""
    root = ET.fromstring(listing)  # noqa: S314 (our own Azurite's answer)
    for blob in root.iter("Blob"):
        found = pending.get(blob.findtext("Name") or "")
        properties = blob.find("Properties")
        if found is None or properties is None or blob.find("Snapshot") is not None:
            continue
        for tag, text in (("ArchiveStatus", found.status), ("RehydratePriority", found.priority)):
            for old in properties.findall(tag):
                properties.remove(old)
            ET.SubElement(properties, tag).text = text
    whole: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return whole

"""How much a BACPAC may ask of us before we call it a bomb. Data parts are streamed, XML parts are held: so two measures."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.model.errors import BadBacpac

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Sizes are of inflated bytes; ratios are inflated to deflated.

    Why 900: deflate cannot pass 1,032:1. The most compressible row that SQL Server can hold, a padded CHAR(8000) of
    16,000 bytes beside one changing key, comes to about 840:1; what passes 900:1 over many megabytes is no table.
    Why 200 for XML: real models lie between 10:1 and 40:1.
    """

    entries: int = 1_000_000
    xml_bytes: int = 2048 * MIB
    xml_ratio: int = 200
    xml_ratio_from_bytes: int = 16 * MIB
    data_ratio: int = 900
    data_ratio_from_bytes: int = 64 * MIB
    data_bytes: int = 64 << 40

    def check(self, name: str, inflated_bytes: int, deflated_bytes: int) -> None:
        """Refuses an entry whose sizes, as declared, are those of a bomb. Raises BadBacpac, naming it."""
        data = is_data(name)
        most = self.data_bytes if data else self.xml_bytes
        if inflated_bytes > most:
            raise BadBacpac(f"{name} would inflate to {inflated_bytes:,} bytes; at most {most:,} are taken (ZIP bomb?)")
        ratio, floor = (
            (self.data_ratio, self.data_ratio_from_bytes) if data else (self.xml_ratio, self.xml_ratio_from_bytes)
        )
        if inflated_bytes > floor and inflated_bytes > ratio * max(deflated_bytes, 1):
            raise BadBacpac(
                f"{name} would inflate {deflated_bytes:,} bytes to {inflated_bytes:,}, more than {ratio}:1 (ZIP bomb?)"
            )


def is_data(name: str) -> bool:
    """Whether an entry is table data (streamed) and not XML (held in memory)."""
    return name.startswith("Data/") and name.upper().endswith(".BCP")

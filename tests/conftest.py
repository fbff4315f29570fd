"""What all tests may use: real BACPACs and Microsoft's own reader of them where this machine has them, and made ones."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import settings

from holdfast.bacpac.names import data_folder, join_name
from holdfast.bacpac.writer import Level, write_package

ROOT = Path(__file__).resolve().parents[1]
_SETUP_SECONDS = 600

# No test asserts on time; the first call of a compiled loop takes seconds where no earlier run left its machine code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

#: Whether the long proofs run whole, as `make prove` asks; this is the one place that decides.
_WHOLE = bool(os.environ.get("HOLDFAST_PROVE"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what only the whole proofs run."""
    left = [] if _WHOLE else [item for item in items if item.get_closest_marker("whole")]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if not item.get_closest_marker("whole")]


@pytest.fixture(scope="session")
def whole() -> bool:
    """Whether a long proof is to run whole, or the small part of it that `make test` runs."""
    return _WHOLE


@pytest.fixture(scope="session")
def real_bacpacs() -> dict[str, Path]:
    """Real BACPACs by file name (without the dacpac among them); skips where the folder is not there."""
    return {path.name: path for path in sorted(_real_folder().glob("*.bacpac"))}


@pytest.fixture(scope="session")
def real_dacpac() -> Path:
    """A real dacpac, which is no BACPAC."""
    return next(_real_folder().glob("*.dacpac"))


def _real_folder() -> Path:
    folder = Path(os.environ.get("HOLDFAST_BACPACS") or ROOT.parent / "shared" / "bacpacs")
    if not any(folder.glob("*.bacpac")):
        pytest.skip("no real BACPACs: HOLDFAST_BACPACS names no folder of them")
    return folder


class Judge:
    """DacFx itself, asked about packages: whether it opens them, and what it says about their models."""

    def __init__(self, command: Path) -> None:
        self._command = command

    def refusals(self, verb: str, *packages: Path) -> list[str]:
        """The packages that it refuses to `load` or `validate`, each with its reason."""
        return [line for line in self._lines(verb, *packages) if line.startswith("refused ")]

    def unpack(self, package: Path, to: Path) -> list[str]:
        """Lets it unpack a package; its refusals."""
        return [line for line in self._lines("unpack", package, to) if line.startswith("refused ")]

    def messages(self, *packages: Path) -> dict[Path, list[str]]:
        """What it says about each model, sorted: it has no order of its own. One start for all, since it starts slowly."""
        said: dict[Path, list[str]] = {}
        waiting: list[str] = []
        for line in self._lines("validate", *packages):
            if line.startswith("  "):
                waiting.append(line.strip())
                continue
            package = packages[len(said)]
            assert line.startswith(f"ok {package}: "), line
            said[package], waiting = sorted(waiting), []
        return said

    def difference(self, ours: Path, original: Path, attempts: int = 5) -> tuple[list[str], list[str]] | None:
        """What it says of two packages' models, where that is never the same; None where it is.

        It validates in several threads, and on a busy machine it now and then reports one unresolved reference more or
        less for the very same file. So it is asked again before a difference counts.
        """
        for _ in range(attempts):
            said = self.messages(ours, original)
            if said[ours] == said[original]:
                return None
        return said[ours], said[original]

    def _lines(self, verb: str, *arguments: Path) -> list[str]:
        ran = subprocess.run(
            [self._command, verb, *arguments], capture_output=True, text=True, timeout=100, check=False
        )
        assert ran.returncode in (0, 1), ran.stderr
        assert ran.stdout, ran.stderr
        return ran.stdout.splitlines()


@pytest.fixture(scope="session")
def judge() -> Judge:
    """The DacFx judge; skips where it is not there and cannot be set up."""
    named = os.environ.get("HOLDFAST_DACFX")
    places = [Path(named)] if named else [ROOT / ".cache" / "dacfx", ROOT.parent / "cache" / "dacfx"]
    for place in places:
        command = place if place.is_file() else place / "dacx"
        if command.is_file():
            return Judge(command)
    if named:
        pytest.skip("HOLDFAST_DACFX does not name the DacFx judge")
    return Judge(_set_up(ROOT / ".cache" / "dacfx"))


def _set_up(to: Path) -> Path:
    script = ROOT.parent / "shared" / "dacfx-oracle" / "setup.sh"
    if not script.exists():
        pytest.skip("no DacFx judge: HOLDFAST_DACFX is not set")
    to.parent.mkdir(exist_ok=True)
    with (to.parent / "dacfx.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may want it at once
        if not (to / "dacx").exists():
            ran = subprocess.run([script, to], capture_output=True, text=True, timeout=_SETUP_SECONDS, check=False)
            if ran.returncode != 0:
                pytest.skip(f"the DacFx judge could not be set up: {ran.stderr.strip()[-300:]}")
    return to / "dacx"


SPACE = "http://schemas.microsoft.com/sqlserver/dac/Serialization/2012/02"
TYPES = (
    '<?xml version="1.0" encoding="utf-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="text/xml" /><Default Extension="BCP" ContentType="application/octet-stream" />'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml" /></Types>'
)


class Maker:
    """Writes model, origin and whole packages; everything can be overridden, to make bad ones."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @staticmethod
    def column(
        table: tuple[str, str],
        name: str,
        type_name: str,
        *,
        nullable: bool = True,
        builtin: bool = True,
        **facets: object,
    ) -> str:
        """A SqlSimpleColumn."""
        source = 'ExternalSource="BuiltIns" ' if builtin else ""
        null = "" if nullable else '<Property Name="IsNullable" Value="False" />'
        properties = "".join(f'<Property Name="{key}" Value="{value}" />' for key, value in facets.items())
        return (
            f'<Entry><Element Type="SqlSimpleColumn" Name={quoteattr(join_name(*table, name))}>{null}'
            f'<Relationship Name="TypeSpecifier"><Entry><Element Type="SqlTypeSpecifier">{properties}'
            f'<Relationship Name="Type"><Entry><References {source}Name={quoteattr(type_name)} /></Entry></Relationship>'
            "</Element></Entry></Relationship></Element></Entry>"
        )

    @staticmethod
    def table(name: tuple[str, str], columns: Iterable[str]) -> str:
        """A SqlTable."""
        return (
            f'<Element Type="SqlTable" Name={quoteattr(join_name(*name))}><Relationship Name="Columns">'
            f"{''.join(columns)}</Relationship></Element>"
        )

    @staticmethod
    def module(kind: str, name: str, script: str, *, key: str = "BodyScript") -> str:
        """A view, procedure, function or trigger."""
        return (
            f'<Element Type="{kind}" Name={quoteattr(name)}><Property Name="{key}">'
            f"<Value>{escape(script)}</Value></Property></Element>"
        )

    @staticmethod
    def model(*elements: str, platform: str = "SqlAzureV12") -> bytes:
        """A model.xml of these elements."""
        dsp = f"Microsoft.Data.Tools.Schema.Sql.{platform}DatabaseSchemaProvider"
        return (
            f'<?xml version="1.0" encoding="utf-8"?><DataSchemaModel FileFormatVersion="1.2" SchemaVersion="2.6" '
            f'DspName="{dsp}" CollationLcid="1033" CollationCaseSensitive="False" xmlns="{SPACE}"><Model>'
            '<Element Type="SqlDatabaseOptions"><Property Name="Collation" Value="Latin1_General_CI_AS" /></Element>'
            f"{''.join(elements)}</Model></DataSchemaModel>"
        ).encode()

    @staticmethod
    def origin(model: bytes, *, contains_data: bool = True, checksum: str | None = None, rows: int = 0) -> bytes:
        """An Origin.xml for a model."""
        digest = checksum or hashlib.sha256(model).hexdigest().upper()
        return (
            f'﻿<?xml version="1.0" encoding="utf-8"?><DacOrigin xmlns="{SPACE}"><PackageProperties>'
            f"<Version>3.1.0.0</Version><ContainsExportedData>{str(contains_data).lower()}</ContainsExportedData>"
            '<StreamVersions><Version StreamName="Data">2.0.0.0</Version></StreamVersions></PackageProperties>'
            "<Operation><Identity>a94db334-5abf-4411-a99a-961b8f0d0633</Identity>"
            "<Start>2021-09-16T10:50:13.9970400+01:00</Start></Operation>"
            f"<ExportStatistics><TableRowCountTotalTag>{rows}</TableRowCountTotalTag></ExportStatistics>"
            f'<Checksums><Checksum Uri="/model.xml">{digest}</Checksum></Checksums></DacOrigin>'
        ).encode()

    def entries(
        self, model: bytes, data: Mapping[tuple[str, str], Iterable[bytes]] | None = None, **origin: object
    ) -> dict[str, bytes]:
        """All entries of a package: its XML parts and the tables' parts."""
        parts = {
            f"{data_folder(*table)}/TableData-{n:03}-00000.BCP": part
            for table, pieces in (data or {}).items()
            for n, part in enumerate(pieces)
        }
        return {
            "model.xml": model,
            "[Content_Types].xml": TYPES.encode(),
            **parts,
            "Origin.xml": self.origin(model, **origin),  # type: ignore[arg-type]
        }

    def write(self, entries: Mapping[str, bytes], name: str = "made.bacpac", level: Level = "normal") -> Path:
        """The package as a file."""
        path = self._folder / name
        with path.open("w+b") as out:
            write_package(out, ((entry, [content]) for entry, content in entries.items()), level)
        return path


@pytest.fixture
def make(tmp_path: Path) -> Maker:
    """Makes models and packages in a folder of its own."""
    return Maker(tmp_path)

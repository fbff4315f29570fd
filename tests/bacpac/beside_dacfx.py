"""What preflight finds in BACPACs beside what DacFx's own validation says of the same models.

`python -m tests.bacpac.beside_dacfx JUDGE FILE…` prints the table of docs/explanation/preflight-beside-dacfx.md.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from holdfast.bacpac.package import MODEL, Bacpac
from holdfast.bacpac.preflight import find
from holdfast.model.preflight.finding import Finding
from local.sqlprobe.rebuilding import rebuild
from tests.conftest import Judge

_MESSAGE = re.compile(
    r"(?P<level>Error|Warning) (?P<number>SQL\d+): Error validating element (?P<element>.+?): (?P<text>.*)"
)
_NAME = re.compile(r"\[(?:[^\]]|\]\])*\](?:\.\[(?:[^\]]|\]\])*\])*")


def judged(judge: Judge, files: Sequence[Path], scratch: Path) -> dict[Path, list[str]]:
    """What DacFx says of the models. It knows those up to SQL Server 2019: a later one is shown to it as one of them."""
    shown: dict[Path, Path] = {}
    for file in files:
        shown[file] = file
        with Bacpac.open(file) as package:
            if package.model().platform in ("Sql160", "Sql170"):
                shown[file] = scratch / file.name
                model = b"".join(package.pieces(MODEL))
                named = re.sub(rb"Sql1[67]0DatabaseSchemaProvider", b"Sql150DatabaseSchemaProvider", model)
                rebuild(package, named, shown[file])
    said = judge.messages(*shown.values())
    return {file: said[at] for file, at in shown.items()}


def missed(messages: list[str], findings: list[Finding]) -> list[str]:
    """The errors of DacFx about elements that no finding names."""
    named = [found[0] for finding in findings if (found := _NAME.search(finding.object))]
    return [line for line in messages if line.startswith("Error") and not _covered(line, named, findings)]


def _covered(line: str, named: list[str], findings: list[Finding]) -> bool:
    match = _MESSAGE.match(line)
    assert match is not None, line
    if "SqlRoleMembership" in match["text"]:  # it has no name, and the model lost that of the role
        return any(finding.id == "P14" for finding in findings)
    found = _NAME.search(match["element"]) or _NAME.search(match["text"])
    assert found is not None, line
    return any(found[0] == n or found[0].startswith(f"{n}.") or n.startswith(f"{found[0]}.") for n in named)


def row(file: Path, messages: list[str], findings: list[Finding]) -> str:
    """A line of the table."""
    ours = Counter(f"{finding.id} {finding.severity.replace('-', ' ')}" for finding in findings)
    theirs = Counter(" ".join(match.group("level", "number")) for line in messages if (match := _MESSAGE.match(line)))
    return f"| {file.stem} | {_counted(ours)} | {_counted(theirs)} |"


def _counted(found: Counter[str]) -> str:
    return ", ".join(f"{count} × {what}" for what, count in sorted(found.items())) or "nothing"


def main() -> int:
    """Prints the table."""
    judge, files = Judge(Path(sys.argv[1])), [Path(name) for name in sys.argv[2:]]
    print("| BACPAC | preflight | DacFx |\n|---|---|---|")  # noqa: T201
    with tempfile.TemporaryDirectory() as scratch:
        said = judged(judge, files, Path(scratch))
    for file in files:
        with Bacpac.open(file) as package:
            print(row(file, said[file], find(package)))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m local.azure.marks [--check]`: writes the emulator's section of docs/never-run-on-azure.md."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path

from local.azure.evidence import SHAPES, Shape

DOCUMENT = Path(__file__).parents[2] / "docs" / "never-run-on-azure.md"
BEGIN, END = "<!-- emulator:begin -->", "<!-- emulator:end -->"

_INTRODUCTION = """## Replies of the emulator

Written by `python -m local.azure.marks` from the marks in `local/azure`; do not edit by hand.

Every reply of the Azure emulator names what it is taken from. What is recorded was read in exchanges with Azure that the
tests of Azure's own command lines keep; the citation is `repository file@commit`. Everything else has never been compared
with Azure by us.
"""
_HEADINGS = {
    "guess": ("### Guesses", "Nothing confirms these; the tests of Holdfast never depend on their wording."),
    "sdk": ("### From the source of the SDKs", "The real SDKs take these; that Azure answers so is inferred."),
    "documented": ("### From Azure's documentation", "Documented, not recorded."),
    "recorded": ("### Recorded", "Read in recorded exchanges with Azure."),
}


_PACKAGES = ("local.azure", "local.storage_front")


def register_all() -> None:
    """Imports every module of the emulator: importing one registers its shapes."""
    for package in _PACKAGES:
        folder = importlib.import_module(package).__path__
        for module in pkgutil.iter_modules(folder):
            if module.name != "__main__":
                importlib.import_module(f"{package}.{module.name}")


def section() -> str:
    """The section, between its marks."""
    register_all()
    parts = [BEGIN, _INTRODUCTION]
    for kind, (heading, text) in _HEADINGS.items():
        shapes = sorted((s for s in SHAPES.values() if s.kind == kind), key=lambda s: s.name.lower())
        parts += [f"{heading} ({len(shapes)})\n\n{text}\n", "\n".join(_line(shape) for shape in shapes) + "\n"]
    return "\n".join([*parts, END])


def _line(shape: Shape) -> str:
    guessed = f" **Guessed:** {shape.open}." if shape.open else ""
    return f"- {shape.name} ({shape.source}).{guessed}"


def updated(text: str) -> str:
    """The document with the section replaced, or added at its end."""
    if BEGIN in text and END in text:
        return text[: text.index(BEGIN)] + section() + text[text.index(END) + len(END) :]
    return (text.rstrip() or "# Never run on Azure") + "\n\n" + section() + "\n"


def main() -> int:
    """Writes the document; with `--check` says by its exit code whether it is current."""
    text = DOCUMENT.read_text() if DOCUMENT.exists() else ""
    if "--check" in sys.argv[1:]:
        return int(updated(text) != text)
    DOCUMENT.parent.mkdir(parents=True, exist_ok=True)
    DOCUMENT.write_text(updated(text))
    return 0


if __name__ == "__main__":
    sys.exit(main())

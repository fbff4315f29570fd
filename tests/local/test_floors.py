"""What import-linter cannot say, since it sees `azure` as one package."""

import ast
from pathlib import Path

PRODUCT = Path(__file__).resolve().parents[2] / "holdfast"


def imported(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    return found


def test_the_product_knows_nothing_of_azure_functions() -> None:
    """`holdfast` runs in the app, on workers and in the CLI; only the three upper folders know the Functions host."""
    files = list(PRODUCT.rglob("*.py"))
    assert len(files) > 10
    for file in files:
        names = imported(file)
        assert not {n for n in names if n.startswith(("azure.functions", "azure.durable_functions"))}, file

"""The queries of `infra/queries`, and the rules that run them."""

from __future__ import annotations

import re

from tests.infra.bicep_reading import INFRA

QUERIES = {
    path.relative_to(INFRA / "queries").with_suffix("").as_posix(): path.read_text()
    for path in sorted((INFRA / "queries").rglob("*.kql"))
}
ALERTS = {name: text for name, text in QUERIES.items() if name.startswith("alerts/")}


_RULE = re.compile(
    r"query: loadTextContent\('\.\./queries/(alerts/[\w-]+)\.kql'\)"
    r"(?:\n(?!\s+dimensions).*)*\n\s+dimensions: \[(.*)\]"
)


def rules() -> dict[str, list[str]]:
    """By query, the columns whose values are alerts of their own."""
    text = (INFRA / "modules" / "alerts.bicep").read_text()
    found = dict(_RULE.findall(text))
    assert len(found) == text.count("loadTextContent("), "a rule is written in another way"
    return {name: re.findall(r"'(\w+)'", columns) for name, columns in found.items()}

"""What the pages show of policies is what a policy takes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from holdfast.model.policy import Policy, policy_from

PAGE = Path("docs/how-to/schedules-and-retention.md")
PARTS = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.mark.parametrize("text", PARTS, ids=[next(iter(yaml.safe_load(part))) for part in PARTS])
def test_each_piece_of_a_policy_on_the_page_is_valid(text: str) -> None:
    policy_from({"name": "example", **yaml.safe_load(text)})


def test_every_field_of_a_policy_is_explained() -> None:
    """In the schema, from which editors and the reference page take it."""
    schema = Policy.model_json_schema()
    parts: dict[str, dict[str, Any]] = {"Policy": schema, **schema["$defs"]}
    silent = [
        f"{name}.{field}"
        for name, part in parts.items()
        for field, said in part.get("properties", {}).items()
        if not said.get("description")
    ]
    assert silent == []
    assert '"format": "time"' not in json.dumps(schema)

"""A policy as it is typed into a page: read, with each error at its field and line."""

from __future__ import annotations

from collections.abc import Sequence

import yaml
from pydantic import BaseModel, Field, ValidationError

from holdfast.model.policy import Policy

EXAMPLE = """\
name: nightly
time_zone: UTC
select:
  databases: ["*"]
schedules:
  daily: {at: ["03:00"], keep_days: 7}
  weekly: {day: sunday, keep_weeks: 4}
"""


class FieldError(BaseModel):
    """What is wrong with one field. `line` is counted from 1; null where the field is not there."""

    field: str
    message: str
    line: int | None = None


class Read(BaseModel):
    """What was typed, understood or not."""

    policy: Policy | None = None
    errors: list[FieldError] = Field(default_factory=list)


def read_policy(text: str) -> Read:
    """The policy, or every error in it."""
    try:
        data = yaml.safe_load(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        told = getattr(error, "problem", None) or str(error) or type(error).__name__
        return Read(errors=[FieldError(field="", message=f"not YAML: {told}", line=mark.line + 1 if mark else None)])
    if not isinstance(data, dict):
        return Read(errors=[FieldError(field="", message="a policy is a mapping of fields, such as `name: nightly`")])
    try:
        return Read(policy=Policy.model_validate(data))
    except ValidationError as wrong:
        return Read(
            errors=[
                FieldError(
                    field=".".join(str(part) for part in item["loc"]),
                    message=item["msg"].removeprefix("Value error, "),
                    line=_line(root, item["loc"]),
                )
                for item in wrong.errors(include_url=False, include_input=False)
            ]
        )


def line_of(text: str, field: str) -> int | None:
    """The line of a field of the policy itself, of a text that `read_policy` understood; None where it is not there."""
    return _line(yaml.compose(text, Loader=yaml.SafeLoader), [field])


def _line(node: yaml.Node | None, path: Sequence[str | int]) -> int | None:
    """Where the field stands, or the nearest that there is around it."""
    line = None
    for part in path:
        found = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    found, line = value, key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            found = node.value[part]
            line = found.start_mark.line + 1
        if found is None:
            break
        node = found
    return line


def as_yaml(policy: Policy) -> str:
    """A policy as its author would write it: what was set, in the order of the fields."""
    text: str = yaml.safe_dump(
        policy.model_dump(mode="json", exclude_unset=True),
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
    )
    return text

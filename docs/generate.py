"""Writes the reference pages from the code: `python docs/generate.py`; with `--check` it only says what is out of date.

Settings, errors, the policy's fields and JSON schema and the OpenAPI document can thus not say what the code does not.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_settings import BaseSettings

import holdfast
from holdfast.model.channel import EmailChannel, SlackChannel, TeamsChannel, WebhookChannel
from holdfast.model.costs import packaged_prices
from holdfast.model.costs.assumptions import Assumptions
from holdfast.model.costs.ledger import TITLES
from holdfast.model.costs.prices import unit_of
from holdfast.model.errors import catalogue
from holdfast.model.policy import Policy
from holdfast.model.preflight.blocking import BLOCKING
from holdfast.model.preflight.passing import PASSING
from holdfast.model.rights import APP_RIGHTS, APP_ROLE, DATA_ROLES
from holdfast.settings import Limits, RegionProfile, RepositorySettings, Settings, WorkerProfile, WorkerSettings

ROOT = Path(__file__).resolve().parent.parent


def pages() -> dict[str, str]:
    """File name to text."""
    import cli_page  # beside this file
    from infrastructure_pages import made

    from triggers import http_api, web  # noqa: F401 (they fill the tables of routes and of pages)
    from triggers.openapi import document
    from triggers.routes import ROUTES

    return {
        "docs/reference/settings.md": settings_page(),
        "docs/reference/errors.md": errors_page(),
        "docs/reference/costs.md": costs_page(),
        "docs/reference/rights.md": rights_page(),
        "docs/reference/policy.md": policy_page(),
        "docs/reference/pages.md": web_page(),
        "docs/reference/preflight.md": preflight_page(),
        cli_page.NAME: cli_page.page(),
        "docs/reference/openapi.json": json.dumps(document(ROUTES), indent=1) + "\n",
        "schemas/policy.schema.json": json.dumps(policy_schema(), indent=1) + "\n",
        **made(),
    }


def policy_schema() -> dict[str, Any]:
    """What an editor completes a policy with."""
    schema = Policy.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def policy_page() -> str:
    """Every field of a policy, part by part."""
    schema = Policy.model_json_schema()
    parts = [
        "# Policies\n\nMade from `holdfast/model/policy.py`; the same for editors: `schemas/policy.schema.json`",
        "(`holdfast schema policy`). YAML, one policy a file; unknown fields are errors.",
        "How to: [schedules and retention](../how-to/schedules-and-retention.md), "
        "[databases](../how-to/choose-databases.md).\n",
    ]
    named = {"": schema, **schema["$defs"]}
    for name, part in named.items():
        rows = [
            f"## {name or 'The policy'}\n",
            f"{part['description']}\n",
            "| field | default | meaning |",
            "|---|---|---|",
        ]
        for field, said in part["properties"].items():
            default = "required" if field in part.get("required", ()) else _default(said.get("default"))
            inner = [one for one in named if f'"#/$defs/{one}"' in json.dumps(said)]
            links = "".join(f" → [{one}](#{one.lower()})" for one in inner)
            rows.append(f"| `{field}` | {default} | {' '.join(said['description'].split())}{links} |")
        parts.append("\n".join(rows) + "\n")
    return "\n".join(parts)


def web_page() -> str:
    """Every page of the app, and who may see it."""
    from triggers.visitors import ROLES, Right
    from triggers.web_table import PAGES

    rights = {right: ", ".join(role for role, has in ROLES.items() if right in has) for right in Right}
    rows = [
        "# Pages\n\nMade from the table of pages in `triggers`. How to sign in: [the how-to](../how-to/pages.md).\n",
        "Every address stands below `/api/web/`. What is looked at (`GET`) has a twin in JSON: the same address with",
        "`.json` (the overview: `overview.json`), or with `Accept: application/json`. What a form sends (`POST`) needs the",
        "token of a page of the same visit.\n",
        "| | address | what it is | app roles |",
        "|---|---|---|---|",
        *(f"| {one.method} | `{one.path or '/'}` | {one.about} | {rights[one.right]} |" for one in PAGES),
        "",
        "Whoever signed in with a function key may do everything.",
        "",
    ]
    return "\n".join(rows)


def settings_page() -> str:
    """Every setting with its default and meaning."""
    parts = [
        "# Settings\n\nMade from `holdfast/settings.py`. Durations are ISO 8601 (`PT15S`) or seconds.\n",
        _table("The Functions app", Settings, "HOLDFAST_"),
        "`HOLDFAST_REPOSITORIES` is a JSON object of name to:\n",
        _table("A repository", RepositorySettings, ""),
        "`HOLDFAST_WORKER_PROFILES` is a JSON object of name to:\n",
        _table("A worker profile", WorkerProfile, ""),
        "Each of its `regions` is:\n",
        _table("A region of a worker profile", RegionProfile, ""),
        "`HOLDFAST_NOTIFICATION_CHANNELS` is a JSON object of name to one of these, told apart by `kind`:\n",
        _table("A channel of kind `webhook`", WebhookChannel, ""),
        _table("A channel of kind `teams`", TeamsChannel, ""),
        _table("A channel of kind `slack`", SlackChannel, ""),
        _table("A channel of kind `email`", EmailChannel, ""),
        "`HOLDFAST_LIMITS` is a JSON object:\n",
        _table("Limits", Limits, ""),
        "The worker's own settings are written by its boot; nobody sets them by hand.\n",
        _table("The worker", WorkerSettings, "HOLDFAST_WORKER_"),
        _BESIDES,
    ]
    return "\n".join(parts)


_BESIDES = """## Of the platform

| setting | meaning |
|---|---|
| `HOLDFAST_STATE__queueServiceUri` | Queue endpoint of the state account, for the queue trigger |
| `HOLDFAST_STATE__credential`, `HOLDFAST_STATE__clientId` | `managedidentity`, and the client id of the app's identity |
| `HOLDFAST_CLOCK_SCHEDULE`, `HOLDFAST_WATCH_SCHEDULE` | must be set: the Functions host reads them itself |
| `HOLDFAST_JANITOR_SCHEDULE`, `HOLDFAST_EVENTS_QUEUE` | the same; a trigger whose setting is missing is left out |
| `HOLDFAST_NOTICES_SCHEDULE` | the same |
| `HOLDFAST_DRILL_SCHEDULE` | the same |
| `TASKHUB_NAME` | name of the durable task hub |
| `DURABLE_TASK_SCHEDULER_CONNECTION_STRING` | address of the Durable Task Scheduler, by managed identity |
| `AzureFunctionsJobHost__extensions__durableTask__storageProvider__type` | `AzureStorage` in place of the scheduler |
"""


def _table(title: str, model: type[BaseModel | BaseSettings], prefix: str) -> str:
    rows = [f"## {title}\n", "| setting | default | meaning |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        shown = f"{prefix}{name.upper()}" if prefix else name
        default = "required" if field.is_required() else _default(field.get_default(call_default_factory=True))
        rows.append(f"| `{shown}` | {default} | {field.description} |")
    return "\n".join(rows) + "\n"


def _default(value: Any) -> str:
    if value in ("", None, [], {}):
        return "–"
    return f"`{value}`"


def costs_page() -> str:
    """Lines, assumptions and prices of an estimate."""
    found = packaged_prices()
    rows = [
        "# Costs\n",
        "What an estimate is made of; [how to make one](../how-to/costs.md).\n",
        "## Lines\n",
        "| item | what |",
        "|---|---|",
        *(f"| `{item}` | {title} |" for item, title in TITLES.items()),
        "\n## Assumptions\n",
        "`low` is what costs less.\n",
        "| assumption | low | expected | high | unit | what |",
        "|---|---|---|---|---|---|",
    ]
    for name, field in Assumptions.model_fields.items():
        value, unit = field.default.value, field.default.unit
        rows.append(f"| `{name}` | {value.low} | {value.expected} | {value.high} | {unit} | {field.description} |")
    rows += [
        f"\n## The packaged prices\n\n{found.about} {found.currency}, {found.region}, {found.as_of}.\n",
        "| price | amount | for one | mark | source |",
        "|---|---|---|---|---|",
    ]
    for key, price in found.prices.items():
        low, high = price.band.low, price.band.high
        amount = f"{price.amount}" if low == high else f"{price.amount} ({low} to {high})"
        rows.append(f"| `{key}` | {amount} | {unit_of(key)} | {price.mark} | {price.source} |")
    return "\n".join(rows) + "\n"


def errors_page() -> str:
    """Every error by its code."""
    for found in pkgutil.walk_packages(holdfast.__path__, "holdfast."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    rows = [
        "# Errors\n",
        "The code is the same in the CLI's JSON, the HTTP problem document and a session's log; `holdfast explain CODE`",
        "says the same. An exit code that is not listed means failure. 0 is success, 2 a usage error, 3 a session, prune,",
        "deletion or salvage of which only a part succeeded.\n",
        "| code | exit | HTTP | retried | what happened | what to do |",
        "|---|---|---|---|---|---|",
    ]
    rows += [
        f"| `{code}` | {e.exit_code} | {e.http_status} | {'no' if e.permanent else 'yes'} | {e.title} | {e.advice} |"
        for code, e in catalogue().items()
    ]
    return "\n".join(rows) + "\n"


def preflight_page() -> str:
    """The page with its table of rules made anew."""
    rows = [
        "| id | on a | finding | number | severity | mend | repaired on a copy |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {rule.id} | {_plain(rule.object)} | {_plain(rule.cause)} | {rule.number or '–'} | "
            f"{rule.severity.replace('-', ' ')} | {_plain(rule.mend)} | {rule.repaired or '–'} |"
            for rule in sorted((*BLOCKING, *PASSING), key=lambda rule: rule.id)
        ),
    ]
    text = (ROOT / "docs/reference/preflight.md").read_text()
    before, _, rest = text.partition("<!-- rules:begin -->")
    return f"{before}<!-- rules:begin -->\n{chr(10).join(rows)}\n<!-- rules:end -->{rest.partition('<!-- rules:end -->')[2]}"


def _plain(text: str) -> str:
    """`{words}` that a finding fills in, as words."""
    return re.sub(r"\{(\w+)\}", lambda match: f"*{match[1].lower().replace('_', ' ')}*", text).replace("|", "\\|")


def rights_page() -> str:
    """Every right that is used, where and what for; and the app's custom role, as `az role definition create` takes it."""
    role = {
        "Name": APP_ROLE,
        "IsCustom": True,
        "Description": "What the Holdfast app does on the control plane.",
        "Actions": [right.action for right in APP_RIGHTS],
        "NotActions": [],
        "DataActions": [],
        "NotDataActions": [],
        "AssignableScopes": ["/subscriptions/SUBSCRIPTION_ID"],
    }
    rows = [
        "# Rights\n",
        "Made from `holdfast/model/rights.py`, which `holdfast doctor` checks against. How to give them:",
        "[how-to/permissions.md](../how-to/permissions.md).\n",
        "## The app, on the control plane\n",
        "| action | at | what for |",
        "|---|---|---|",
        *(f"| `{right.action}` | {right.where} | {right.why} |" for right in APP_RIGHTS),
        "\n## The identities of workers, on storage\n",
        "| identity | on the | role | must be able to | must not be able to | and where a policy is immutable | what for |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {one.identity} | {one.place} | {one.role} | {_short(one.needs)} | {_short(one.never)} "
            f"| {_short(one.immutable)} | {one.why} |"
            for one in DATA_ROLES
        ),
        "\n## The custom role of the app\n",
        "```json",
        json.dumps(role, indent=2),
        "```",
    ]
    return "\n".join(rows) + "\n"


def _short(actions: tuple[str, ...]) -> str:
    return ", ".join(f"`{action.partition('/blobServices/containers/')[2]}`" for action in actions) or "–"


def main() -> int:
    """0 if everything is (now) current."""
    stale = []
    for name, text in pages().items():
        file = ROOT / name
        if not file.exists() or file.read_text() != text:
            stale.append(name)
            if "--check" not in sys.argv:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
    if "--check" in sys.argv and stale:
        sys.stderr.write(f"out of date: {', '.join(stale)}; run `make docs`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

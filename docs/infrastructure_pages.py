"""What is made for `infra/`, and the pages about it: the workbook, the app's role, parameters, roles, telemetry."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from azure_calls import BESIDE, RAW, calls  # beside this file

from holdfast.model.rights import APP_RIGHTS
from holdfast.settings import Settings
from holdfast.telemetry.events import EVENTS

INFRA = Path(__file__).resolve().parent.parent / "infra"
_WORKSPACE = "microsoft.operationalinsights/workspaces"

#: Tabs of the workbook: what is said on top, and the queries in it with how each is shown.
TABS: dict[str, tuple[str, list[tuple[str, str, str]]]] = {
    "Summary": (
        "How backups are doing. Times are those of the range above.",
        [
            ("summary", "Policies, and databases that are overdue", "table"),
            ("sessions-a-day", "Sessions a day", "barchart"),
            ("errors", "What made databases fail", "table"),
        ],
    ),
    "Protected sources": (
        "Every database that was in a session within the range.",
        [("overdue", "Overdue", "table"), ("sources", "Databases", "table")],
    ),
    "Sessions": (
        "`holdfast session show SESSION` has the steps, `holdfast session log SESSION` all that was said.",
        [("sessions", "Sessions", "table"), ("steps", "Steps and jobs", "table")],
    ),
    "Storage and cost": (
        "What points added and what workers took. Prices: `holdfast cost estimate`.",
        [
            ("stored-a-day", "Bytes added a day", "barchart"),
            ("stored-by-source", "By database", "table"),
            ("worker-hours", "Hours of workers' jobs", "barchart"),
        ],
    ),
    "Proofs": (
        "A backup is proven by its restore: drills restore a point and compare, checks read repositories back.",
        [
            ("drills", "Restore drills", "table"),
            ("checks", "Checks of repositories", "table"),
            ("alarms", "Retention: alarms", "table"),
        ],
    ),
    "Leftovers": (
        "Copies and workers that nobody uses. *stuck* costs until somebody removes what is in the way.",
        [("leftovers", "Leftovers", "table")],
    ),
}


def made() -> dict[str, str]:
    """File name to text."""
    return {
        "infra/roles.json": json.dumps(roles(), indent=2) + "\n",
        "infra/workbooks/holdfast.json": json.dumps(workbook(), indent=1, ensure_ascii=False) + "\n",
        "docs/reference/roles.md": roles_page(),
        "docs/reference/telemetry.md": telemetry_page(),
        "docs/reference/infrastructure.md": infrastructure_page(),
    }


def query(name: str) -> str:
    """A query's text."""
    return (INFRA / "queries" / f"{name}.kql").read_text()


def roles() -> dict[str, Any]:
    """`infra/roles.json`, with the app's actions as the table of its rights has them."""
    found: dict[str, Any] = json.loads((INFRA / "roles.json").read_text())
    found["app"]["actions"] = [right.action for right in APP_RIGHTS]
    return found


#: Of the roles on data: who has them, and on what.
_ON_DATA = {
    "jobWriter": "both identities of workers, on the containers `jobs` and `exports`",
    "queueWorker": "both, on the queues of the state account",
    "repositoryWriter": "the writer, and the administrator, on each repository's container",
    "repositoryLocker": "both, on each repository's container, under a condition: `locks/` alone",
    "repositoryMaintainer": "the maintainer, on each repository's container",
    "rehydrator": "both, on each repository's container, under a condition: Set Blob Tier alone",
}


def roles_page() -> str:
    """The custom roles; of the app's, every call that the code makes and the right that it needs."""
    found = roles()
    rows = [
        "# Roles\n",
        "Made from the code and `infra/roles.json`. What each right is for: [rights](rights.md). How to give them by hand:",
        "[permissions](../how-to/permissions.md).\n",
        f"## {found['app']['name']}\n",
        "Every call of Azure Resource Manager in `holdfast/cloud`, with the right that it needs; the role has those and no",
        "other.\n",
        "| right | call | in |",
        "|---|---|---|",
    ]
    told: dict[str, list[tuple[str, str]]] = {}
    for call in calls():
        told.setdefault(call.action, []).append((f"`{call.operation}`", call.file))
    for file, places in RAW.items():
        for action in (action for place in places for action in place):
            told.setdefault(action, []).append(("a GET of its own", file))
    for action in found["app"]["actions"]:
        for what, file in told.get(action, []):
            rows.append(f"| `{action}` | {what} | `{file}` |")
    rows += [
        "\nBeside them, what Azure asks for while it does them.\n",
        "| right | of which call |",
        "|---|---|",
        *(f"| `{action}` | {of} |" for action, of in BESIDE.items()),
        "\n## On data\n",
        "| role | who, on what | data actions |",
        "|---|---|---|",
    ]
    for name, where in _ON_DATA.items():
        actions = "<br>".join(f"`{action.partition('/storageAccounts/')[2]}`" for action in found[name]["dataActions"])
        rows.append(f"| {found[name]['name']} | {where} | {actions} |")
    return "\n".join(rows) + "\n"


def workbook() -> dict[str, Any]:
    """The workbook, as Azure Monitor stores it."""
    day = 86_400_000
    range_of_time = {
        "id": "range",
        "version": "KqlParameterItem/1.0",
        "name": "TimeRange",
        "label": "Time range",
        "type": 4,
        "isRequired": True,
        "value": {"durationMs": 30 * day},
        "typeSettings": {
            "selectableValues": [{"durationMs": days * day} for days in (1, 3, 7, 14, 30, 60, 90)],
            "allowCustom": True,
        },
    }
    tabs = [
        {
            "id": _word(title),
            "cellValue": "Tab",
            "linkTarget": "parameter",
            "linkLabel": title,
            "subTarget": _word(title),
            "style": "link",
        }
        for title in TABS
    ]
    items: list[dict[str, Any]] = [
        {
            "type": 9,
            "content": {
                "version": "KqlParameterItem/1.0",
                "parameters": [range_of_time],
                "style": "pills",
                "queryType": 0,
                "resourceType": _WORKSPACE,
            },
            "name": "range",
        },
        {"type": 11, "content": {"version": "LinkItem/1.0", "style": "tabs", "links": tabs}, "name": "tabs"},
    ]
    for title, (text, shown) in TABS.items():
        items.append({"type": 1, "content": {"json": text}, **_only_on(title), "name": _word(title)})
        items += [{**_shown(*one), **_only_on(title)} for one in shown]
    return {
        "version": "Notebook/1.0",
        "items": items,
        "fallbackResourceIds": [],
        "$schema": "https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json",
    }


def _word(title: str) -> str:
    return title.lower().replace(" ", "-")


def _only_on(title: str) -> dict[str, Any]:
    return {"conditionalVisibility": {"parameterName": "Tab", "comparison": "isEqualTo", "value": _word(title)}}


def _shown(name: str, title: str, visualization: str) -> dict[str, Any]:
    content: dict[str, Any] = {
        "version": "KqlItem/1.0",
        "query": query(f"workbook/{name}"),
        "size": 0,
        "title": title,
        "noDataMessage": "Nothing within the range.",
        "timeContextFromParameter": "TimeRange",
        "queryType": 0,
        "resourceType": _WORKSPACE,
        "visualization": visualization,
    }
    if visualization == "table":
        in_bytes = {"unit": 2, "options": {"style": "decimal", "maximumFractionDigits": 1}}
        content["gridSettings"] = {
            "formatters": [
                {"columnMatch": f"^{column}$", "formatter": 0, "numberFormat": in_bytes}
                for column in ("Stored", "Read", "Database bytes")
            ],
            "filter": True,
        }
    return {"type": 3, "content": content, "name": name}


def telemetry_page() -> str:
    """Events, spans and settings."""
    rows = [
        "# Telemetry\n",
        "What Holdfast tells whoever watches it. With `HOLDFAST_TELEMETRY=azure` events are custom events of Application",
        "Insights: rows of `AppEvents`, the attributes as text in `Properties`; spans are rows of `AppDependencies`. With",
        "`otlp` both go to a collector, named by the `OTEL_EXPORTER_OTLP_…` variables, with `console` to standard output.",
        "All of a session, on the app and on workers, is one trace. No secret and no row of any database is in it.",
        "What Azure makes of it: [infrastructure.md](infrastructure.md#alerts).\n",
        "## Events\n",
        "Made from `holdfast/telemetry/events.py`. An event of a session bears its trace.\n",
    ]
    for name, (meaning, attributes) in EVENTS.items():
        rows += [f"### {name}\n", f"{meaning[0].upper()}{meaning[1:]}.\n", "| attribute | meaning |", "|---|---|"]
        rows += [f"| `{key}` | {said} |" for key, said in attributes.items()]
        rows.append("")
    rows += [
        "## Spans\n",
        "| name | role | attributes |",
        "|---|---|---|",
        "| name of an activity, such as `stage_source` | `app` | `backup.session.id`, `backup.source.key`, `backup.step` |",
        "| `job KIND`, such as `job export` | `worker` | `backup.session.id`, `backup.source.id`, `backup.step`, "
        "`backup.job.id` |\n",
        "One that failed has the status *error* and `error.code` (`holdfast explain CODE`) or `error.type`. Orchestrators",
        "have none: they are replayed.\n",
        "## Settings\n",
        "| setting | meaning |",
        "|---|---|",
        *(
            f"| `HOLDFAST_{name.upper()}` | {Settings.model_fields[name].description} |"
            for name in ("telemetry", "telemetry_connection")
        ),
    ]
    return "\n".join(rows) + "\n"


_PARAMETER = re.compile(
    r"@description\('(?P<about>(?:[^'\\]|\\.)*)'\)\n(?P<more>(?:@\w+\(.*\)\n)*)"
    r"param (?P<name>\w+) (?P<kind>\w+)(?: = (?P<default>.+))?"
)
_OUTPUT = re.compile(r"@description\('(?P<about>(?:[^'\\]|\\.)*)'\)\noutput (?P<name>\w+) ")
_ALERT = re.compile(
    r"name: '(?P<name>[\w-]+)'\n\s+title: '(?P<title>(?:[^'\\]|\\.)*)'\n\s+advice: '(?P<advice>(?:[^'\\]|\\.)*)'\n.*\n"
    r"\s+severity: (?P<severity>\d)\n\s+window: (?P<window>.*)\n\s+frequency: '(?P<frequency>\w+)'"
)


_PACKAGE = """
## The app's package

`.funcignore` leaves out everything that is not the app; a test starts the package on its own, uninstalled. Importing it
took 0.8 to 0.9 s of processor on two shared hyperthreads with telemetry off, 0.43 s of it the Functions SDKs, structlog
and settings. SDKs of Azure, Jinja and exporters are imported by whoever first needs them: with `HOLDFAST_TELEMETRY=azure`
the first step waits 0.3 s more. One instance is kept warm, so sessions do not wait for either.
"""


def infrastructure_page() -> str:
    """Parameters, outputs, resources and alerts of the templates."""
    main, alerts = (INFRA / "main.bicep").read_text(), (INFRA / "modules" / "alerts.bicep").read_text()
    rows = [
        "# Infrastructure\n",
        "Made from `infra/`. How to deploy it: [deploy to Azure](../how-to/deploy-to-azure.md).\n",
        "## Parameters of `infra/main.bicep`\n",
        "| parameter | kind | default | meaning |",
        "|---|---|---|---|",
    ]
    for found in _PARAMETER.finditer(main):
        allowed = re.search(r"@allowed\(\[(.*)\]\)", found["more"])
        bounds = re.findall(r"@(m\w+)Value\((\d+)\)", found["more"])
        more = f" One of {allowed[1]}." if allowed else ""
        more += "".join(f" At {'least' if which == 'min' else 'most'} {number}." for which, number in bounds)
        default = f"`{found['default']}`" if found["default"] else "required"
        rows.append(f"| `{found['name']}` | {found['kind']} | {default} | {_plain(found['about'])}{more} |")
    rows += [
        "\nSets of them: `main.bicepparam` (what `azd up` deploys), `main.private.bicepparam` (private endpoints, the",
        "archive in another region), `main.small.bicepparam` (for trying it out).\n",
        "## Outputs\n",
        "| output | meaning |",
        "|---|---|",
        *(f"| `{found['name']}` | {_plain(found['about'])} |" for found in _OUTPUT.finditer(main)),
        "\n## What is made\n",
        "| template | what | resources |",
        "|---|---|---|",
    ]
    for path in sorted(INFRA.rglob("*.bicep")):
        text = path.read_text()
        kinds = dict.fromkeys(re.findall(r"^resource \w+ '([^']+)'", text, re.M))
        about = re.match(r"((?:// .*\n)+)", text)
        first = re.split(r"(?<=\.) ", " ".join(about[1].replace("// ", "").split()))[0] if about else ""
        rows.append(
            f"| `{path.relative_to(INFRA).as_posix()}` | {first} | {'<br>'.join(f'`{kind}`' for kind in kinds) or '–'} |"
        )
    rows += [
        _PACKAGE,
        "## Alerts\n",
        "A rule fires when its query returns rows, and resolves when it returns none. Queries: `infra/queries/alerts`.\n",
        "| rule | severity | looks back | every | fires when | what to do |",
        "|---|---|---|---|---|---|",
        *(
            f"| `{one['name']}` | {one['severity']} | {_window(one['window'], alerts)} | {one['frequency']} "
            f"| {_plain(one['title'])} | {_plain(one['advice'])} |"
            for one in _ALERT.finditer(alerts)
        ),
        "\n## The workbook\n",
        "| tab | shows | queries in `infra/queries/workbook` |",
        "|---|---|---|",
        *(
            f"| {title} | {', '.join(name for _, name, _ in shown)} | {', '.join(f'`{one}`' for one, _, _ in shown)} |"
            for title, (_, shown) in TABS.items()
        ),
    ]
    return "\n".join(rows) + "\n"


def _window(written: str, template: str) -> str:
    """As written, or the default of the parameter that it is."""
    if written.startswith("'"):
        return written.strip("'")
    default = re.search(rf"^param {written} string = '(\w+)'", template, re.M)
    if default is None:
        raise ValueError(f"{written} is no parameter with a default")
    return default[1]


def _plain(text: str) -> str:
    return text.replace("\\'", "'").replace("|", "\\|")

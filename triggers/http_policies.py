"""Policies over HTTP."""

from __future__ import annotations

from itertools import islice
from typing import Any

from holdfast.model.clock import iso
from holdfast.model.errors import InvalidInput, InvalidPolicy
from holdfast.model.policy import Policy, parse_policy
from holdfast.model.policy_advice import warnings_of
from holdfast.model.schedule import starts_after
from holdfast.model.selection import selects, winning_policy
from holdfast.wiring import Services
from triggers.routes import Call, Reply, page, route
from triggers.views import PolicyPlan, PolicyView

_NEXT_RUNS = 5


def _view(policy: Policy, etag: str) -> dict[str, object]:
    return {
        **policy.model_dump(mode="json", exclude_none=True),
        "etag": etag,
        "warnings": warnings_of(policy),
    }


@route("GET", "policies", "All policies, by name", gives=PolicyView, many=True)
def list_policies(call: Call) -> Reply:
    return Reply(page([_view(p.policy, p.etag) for p in call.app.catalog.policies.list()], None))


@route("GET", "policies/{name}", "One policy", gives=PolicyView)
def get_policy(call: Call) -> Reply:
    stored = call.app.catalog.policies.get(call.path["name"])
    return Reply(_view(stored.policy, stored.etag), headers={"ETag": stored.etag})


@route("PUT", "policies/{name}", "Makes or replaces a policy", takes=Policy, gives=PolicyView, takes_yaml=True)
def put_policy(call: Call) -> Reply:
    """Takes YAML or JSON. `If-Match` replaces only what was read."""
    policy = parse_policy(call.text(), where=f"policy {call.path['name']}")
    if policy.name != call.path["name"]:
        raise InvalidPolicy(f"the policy is named {policy.name!r}, the address says {call.path['name']!r}")
    check_names(call.app, policy)
    stored = call.app.catalog.policies.put(policy, etag=call.headers.get("if-match"))
    return Reply(_view(stored.policy, stored.etag), headers={"ETag": stored.etag})


def check_names(app: Services, policy: Policy) -> None:
    """Whatever the policy names by name must be configured, and of the right kind."""
    if app.repository(policy.repository).archive:
        raise InvalidPolicy(f"repository: {policy.repository!r} is an archive repository; name it under `archive`")
    if policy.archive is not None and not app.repository(policy.archive).archive:
        raise InvalidPolicy(f"archive: {policy.archive!r} is not an archive repository")
    try:
        app.worker_profile(policy.worker)
    except InvalidInput as error:
        raise InvalidPolicy(f"worker: {error.detail}", help=error.help) from None
    for name in policy.notify:
        try:
            app.channel(name)
        except InvalidInput as error:
            raise InvalidPolicy(f"notify: {error.detail}", help=error.help) from None
    app.require_immutability(policy)


@route("DELETE", "policies/{name}", "Removes a policy; its points stay", status=204)
def delete_policy(call: Call) -> Reply:
    call.app.catalog.policies.delete(call.path["name"], etag=call.headers.get("if-match"))
    return Reply(status=204)


@route("POST", "policies/{name}/plan", "What the policy would do: its databases and next runs", gives=PolicyPlan)
def plan_policy(call: Call) -> Reply:
    return Reply(planned(call.app, call.app.catalog.policies.get(call.path["name"]).policy))


def planned(app: Services, policy: Policy) -> dict[str, Any]:
    """What a policy would do, be it saved or not: it is judged beside the others as if it stood in its own place."""
    everyone = [p.policy for p in app.catalog.policies.list() if p.policy.name != policy.name] + [policy]
    sources = []
    for source in sorted(app.servers.list_sources(), key=lambda s: s.name):
        if not selects(policy.select, source):
            continue
        winner = winning_policy(source, everyone)
        sources.append(
            {"source": source.name, "region": source.region, "taken_by": winner.name if winner else policy.name}
        )
    runs = [iso(start) for start in islice(starts_after(policy, app.clock.now()), _NEXT_RUNS)]
    return {"policy": policy.name, "sources": sources, "next_runs": runs, "warnings": warnings_of(policy)}

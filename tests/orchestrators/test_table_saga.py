"""A table session goes the way of a download, with its own plan and its own job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def asked(**more: Any) -> dict[str, Any]:
    return {"session": "s", "kind": "table", "key": "a", "ask": {"act": "list"}, **more}


def test_a_table_session_plans_reads_and_records(host: Any) -> None:
    host.run("read_tables", asked())
    kinds = [given["kind"] for name, given in host.called if name == "submit_job"]
    assert kinds == ["rehydrate", "table"]
    assert host.names()[1] == "validate_tables"
    assert dict(host.called)["commit_download"]["job"] == "table-1"
    assert host.names()[-1] == "close_session"


@pytest.mark.parametrize("broken", ["validate_tables", "lease_worker", "collect_job", "commit_download"])
def test_whatever_fails_the_worker_is_given_back(host: Any, fails: Callable[..., Any], broken: str) -> None:
    host.activities[broken] = fails("damaged", permanent=True)
    host.run("read_tables", asked())
    assert [name for name in host.names() if name in ("clean_up", "deallocate_workers", "close_session")] == [
        "clean_up",
        "deallocate_workers",
        "close_session",
    ]
    assert dict(host.called)["clean_up"]["outcome"]["error"]["code"] == "damaged"


def test_a_table_that_is_restored_is_loaded_and_nothing_is_kept_to_be_fetched(host: Any) -> None:
    host.run("read_tables", asked(ask={"act": "restore"}))
    assert [given["kind"] for name, given in host.called if name == "submit_job"] == ["rehydrate", "load"]
    assert "commit_download" not in host.names()

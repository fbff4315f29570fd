"""The app's log shows what went wrong, and nothing that must not be shown."""

import json
import logging

import pytest
import structlog
from pydantic import ValidationError

from holdfast.catalog import Catalog, CatalogTooNew
from holdfast.model.installation import Installation
from holdfast.settings import RepositorySettings, Settings
from holdfast.wiring import Services, log_as_lines


def test_a_traceback_shows_no_local_variables_and_no_tokens(caplog: pytest.LogCaptureFixture) -> None:
    log_as_lines()
    try:
        password = "never-in-a-log"
        try:
            raise ValueError(f"refused: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2ln, length {len(password)}")
        except ValueError:
            with caplog.at_level(logging.ERROR):
                structlog.get_logger("app").exception("a step failed", step="store")
    finally:
        structlog.reset_defaults()
    line = json.loads(caplog.messages[0])
    assert line["event"] == "a step failed"
    assert "ValueError" in line["exception"]
    assert "never-in-a-log" not in caplog.text.replace('password = "never-in-a-log"', "")
    assert "eyJzdWIiOiIxIn0" not in caplog.text


@pytest.mark.parametrize("way", [{}, {"password_secret": "https://v/secrets/s", "vault_key": "https://v/keys/k"}])
def test_a_repository_has_one_way_in(way: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="password_secret or vault_key"):
        RepositorySettings(url="https://a.blob.core.windows.net/c", region="r", **way)


def test_a_job_is_told_the_key_that_the_settings_name_and_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Catalog, "prepare", lambda _: 2)
    monkeypatch.setattr(Catalog, "installation", "an-id")
    named = RepositorySettings(url="https://a.blob.core.windows.net/c", region="r", vault_key="https://v/keys/k")
    account = "https://state.{}.core.windows.net"
    endpoints = {"table_endpoint": account.format("table"), "blob_endpoint": account.format("blob")}
    ref = Services(Settings(repositories={"default": named}, installation="prod", **endpoints)).repository("default")
    assert ref.installation == Installation(id="an-id", name="prod")
    assert (ref.vault_key, ref.password_secret) == ("https://v/keys/k", "")


def test_a_catalog_of_a_newer_version_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor at the second try: whatever asks for it hears why."""
    asked: list[Catalog] = []

    def check(catalog: Catalog) -> int:
        asked.append(catalog)
        if len(asked) < 3:
            raise CatalogTooNew("it has schema 99")
        return 1

    monkeypatch.setattr(Catalog, "prepare", check)
    account = "https://state.{}.core.windows.net"
    app = Services(Settings(table_endpoint=account.format("table"), blob_endpoint=account.format("blob")))
    for _ in range(2):
        with pytest.raises(CatalogTooNew, match="99"):
            _ = app.catalog
    assert app.catalog is app.catalog is asked[-1]
    assert len(asked) == 3, "checked once a process"

"""Channels over HTTP: what is shown, and that a test goes past the outbox and tells what the peer said."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from holdfast.catalog.outbox import Standing
from holdfast.model.channel import SlackChannel
from holdfast.model.errors import InvalidInput, InvalidPolicy
from holdfast.model.policy import policy_from
from holdfast.notify import Undelivered
from holdfast.settings import RepositorySettings, Settings
from holdfast.wiring import Services
from triggers import http_notify, http_policies
from triggers.routes import Call

_NOW = datetime(2026, 3, 1, 3, tzinfo=UTC)
_SECRET = "https://v.vault.azure.net/secrets/slack"


class Outbox:
    """What was recorded."""

    def __init__(self) -> None:
        self.recorded: list[tuple[str, str]] = []

    def record(self, channel: str, failure: str = "") -> None:
        self.recorded.append((channel, failure))

    def standing(self, channel: str) -> Standing:
        return Standing(last_sent_at=_NOW, failure="it hangs")

    def counts(self, channels: list[str]) -> dict[str, int]:
        return {**dict.fromkeys(channels, 3), "gone": 1}

    def ended(self, *, state: str) -> list[Any]:
        assert state == "failed"
        return [SimpleNamespace(channel="ops"), SimpleNamespace(channel="gone")]


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Any:
    channels = {"ops": SlackChannel(kind="slack", url_secret=_SECRET)}
    repository = RepositorySettings(url="https://a/b", region="r", password_secret=_SECRET)
    settings = Settings(notification_channels=channels, repositories={"default": repository})
    made = Services(settings)
    policy = policy_from({"name": "nightly", "notify": ["ops"]})
    policies = SimpleNamespace(list=lambda: [SimpleNamespace(policy=policy)])
    made.__dict__["catalog"] = SimpleNamespace(outbox=Outbox(), policies=policies, installation="i")
    made.__dict__["clock"] = SimpleNamespace(now=lambda: _NOW)
    monkeypatch.setattr(made, "worker_profile", lambda name: None)
    return made


def call(app: Any, **path: str) -> Call:
    return Call(app=app, path=path, query={}, headers={}, raw=b"")


def test_a_channel_is_shown_without_the_addresses_of_its_secrets(app: Any) -> None:
    (shown,) = http_notify.list_channels(call(app)).value["value"]
    assert (shown["policies"], shown["waiting"], shown["given_up"]) == (["nightly"], 3, 1)
    assert shown["failure"] == "it hangs"
    assert _SECRET not in str(shown)


def test_a_test_goes_to_the_peer_at_once(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(http_notify, "deliver", lambda channel, envelope, read: sent.append((channel, envelope)))
    told = http_notify.send_test(call(app, name="ops")).value
    assert told == {"channel": "ops", "id": sent[0][1].id, "delivered": True}
    assert app.catalog.outbox.recorded == [("ops", "")]


def test_a_test_that_fails_is_an_error_and_noted(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise Undelivered("the receiver answered 404", busy=False)

    monkeypatch.setattr(http_notify, "deliver", refuse)
    with pytest.raises(Undelivered):
        http_notify.send_test(call(app, name="ops"))
    assert app.catalog.outbox.recorded == [("ops", "the receiver answered 404")]
    with pytest.raises(InvalidInput, match="'nobody' is not configured"):
        http_notify.send_test(call(app, name="nobody"))


def test_a_policy_names_channels_that_exist(app: Any) -> None:
    http_policies.check_names(app, policy_from({"name": "a", "notify": ["ops"]}))
    with pytest.raises(InvalidPolicy, match=r"notify: .*'dba' is not configured \(configured: ops\)"):
        http_policies.check_names(app, policy_from({"name": "a", "notify": ["ops", "dba"]}))

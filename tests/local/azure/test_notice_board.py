"""The notice board takes what is signed for it, shows it once, and shows nothing to who does not know its address."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
import requests

from holdfast.model.channel import WebhookChannel
from holdfast.model.notice import of_test
from holdfast.notify import Envelope, Undelivered, deliver
from holdfast.settings import Settings
from holdfast.wiring import Services
from local import plan
from local.azure import notice_board
from local.provisioning import Provisioning

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def board(emulator, monkeypatch):
    """Its address; the machine trusts the emulator's authority."""
    url = f"{emulator.url}{notice_board.PATH}/a-token-that-nobody-knows"
    emulator.admin("PUT", f"secrets/{notice_board.URL_SECRET}", {"value": url})
    emulator.admin("PUT", f"secrets/{notice_board.KEY_SECRET}", {"value": KEY})
    monkeypatch.setenv("SSL_CERT_FILE", str(emulator.root / "ca.pem"))
    return url


def send(emulator, url, key=KEY, title="srv/<b>shop</b> failed", late=timedelta(0), name="n1"):
    secret = "https://vault.example/secrets"
    channel = WebhookChannel(kind="webhook", url_secret=f"{secret}/u", signing_secret=f"{secret}/k")
    now = emulator.clock.now()
    notice = of_test("local", now).model_copy(update={"title": title})
    deliver(
        channel, Envelope(name, notice, "holdfast", now - late), {f"{secret}/u": url, f"{secret}/k": key}.__getitem__
    )


def test_what_comes_twice_is_shown_once_and_escaped(emulator, board):
    send(emulator, board)
    send(emulator, board)
    (kept,) = emulator.admin("GET", "notices")
    assert (kept["id"], kept["deliveries"]) == ("n1", 2)
    page = requests.get(board, verify=str(emulator.root / "ca.pem"), timeout=10).text
    assert page.count("srv/&lt;b&gt;shop&lt;/b&gt; failed") == 1
    assert "<b>shop" not in page


@pytest.mark.parametrize(
    "wrong", [{"key": "whsec_" + "A" * 32}, {"late": timedelta(minutes=6)}, {"late": timedelta(minutes=-6)}]
)
def test_a_signature_that_does_not_fit_or_is_old_is_refused(emulator, board, wrong):
    with pytest.raises(Undelivered, match="401"):
        send(emulator, board, **wrong)
    assert emulator.admin("GET", "notices") == []


def test_who_does_not_know_the_address_neither_posts_nor_looks(emulator, board):
    other = board.replace("nobody", "everybody")
    with pytest.raises(Undelivered, match="404"):
        send(emulator, other)
    assert requests.get(other, verify=str(emulator.root / "ca.pem"), timeout=10).status_code == 404
    assert emulator.admin("GET", "notices") == []


def test_the_profiles_channel_leads_to_it_by_the_apps_identity(emulator, monkeypatch):
    """Provisioning makes both secrets once; the app reads them from the vault as it does any other."""
    profile = SimpleNamespace(state=emulator.root.parent, azure_https=emulator.port, made={}, clock_file=None)
    world = Provisioning(profile)
    world.owner.grant()
    world._notice_board()
    address = world.secret(notice_board.URL_SECRET)
    world._notice_board()
    assert world.secret(notice_board.URL_SECRET) == address
    identity = emulator.make_app(["Key Vault Secrets User", plan.VAULT_SCOPE])
    for name, value in {
        "SSL_CERT_FILE": emulator.ca,
        "REQUESTS_CA_BUNDLE": emulator.ca,
        "IDENTITY_ENDPOINT": f"{emulator.http_url}/msi/token",
        "IDENTITY_HEADER": emulator.folder.identity_header.read_text(),
    }.items():
        monkeypatch.setenv(name, value)
    channels = {plan.CHANNEL: plan.channel(emulator.url)}
    app = Services(Settings(identity_client_id=identity["client_id"], notification_channels=channels))
    now = emulator.clock.now()
    deliver(app.channel(plan.CHANNEL), Envelope("n", of_test(plan.CHANNEL, now), "holdfast", now), app.read_secret)
    assert [notice["id"] for notice in emulator.admin("GET", "notices")] == ["n"]

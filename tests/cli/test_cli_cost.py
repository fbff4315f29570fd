"""`holdfast cost`: from files alone, and through the app."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from holdfast.cli import price_refresh
from holdfast.model.costs import packaged_prices, parse_prices

RETAIL = Path(__file__).parent.parent / "model" / "costs" / "retail"
POLICY = """
name: nightly
schedules:
  daily: {at: ["03:00"], keep_days: 7}
  monthly: {day: 1, keep_months: 3, archive: true}
archive: archive
"""
SIZES = """
databases:
  - {name: sql-a/shop, size_gb: 100, region: westeurope, objective: S3}
  - {name: sql-a/hr, size_gb: 1}
assumptions: {compression: 0.25}
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    return file


@pytest.fixture
def sizes(tmp_path: Path) -> Path:
    file = tmp_path / "sizes.yaml"
    file.write_text(SIZES)
    return file


def test_files_alone_are_enough(run, policy, sizes) -> None:
    ran = run("cost", "estimate", "-f", policy, "--sizes", sizes, "--output", "json")
    assert ran.code == 0
    found = ran.json
    assert found["policy"] == "nightly"
    assert 0 < found["month"]["low"] < found["month"]["expected"] < found["month"]["high"]
    assert len(found["drivers"]) == 3
    assert found["month"]["expected"] == pytest.approx(sum(x["month"]["expected"] for x in found["lines"]))
    by_name = {line["name"]: line for line in found["assumptions"]}
    assert by_name["compression"]["source"] == "given"
    assert by_name["change"]["source"] == "default"
    assert found["prices"]["unverified"]


def test_people_read_sum_drivers_fees_restore_and_sources(run, policy, sizes) -> None:
    ran = run("cost", "estimate", "-f", policy, "--sizes", sizes)
    assert ran.code == 0
    for words in ("a month", "what drives it", "early deletion from the archive", "one restore", "standard", "given"):
        assert words in ran.out
    assert "unverified" in ran.err
    assert "180 days" in ran.err


def test_own_prices_change_the_sum(run, policy, sizes, tmp_path) -> None:
    dear = tmp_path / "prices.yaml"
    plain = packaged_prices().model_copy(
        update={
            "prices": {
                key: price.model_copy(update={"amount": price.amount * 10, "low": None, "high": None, "mark": "own"})
                for key, price in packaged_prices().prices.items()
            }
        }
    )
    dear.write_text(plain.model_dump_json(exclude_none=True))
    cheap = run("cost", "estimate", "-f", policy, "--sizes", sizes, "-o", "json").json
    found = run("cost", "estimate", "-f", policy, "--sizes", sizes, "--prices", dear, "-o", "json").json
    assert found["month"]["expected"] == pytest.approx(10 * cheap["month"]["expected"], rel=1e-3)
    assert found["prices"]["unverified"] == []


def test_wrong_files_are_named(run, policy, sizes, tmp_path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("prices: {}")
    ran = run("cost", "estimate", "-f", policy, "--sizes", sizes, "--prices", bad)
    assert ran.code == 2
    assert "bad.yaml" in ran.err
    assert run("cost", "estimate", "-f", policy, "--sizes", tmp_path / "none.yaml").code == 2
    assert run("cost", "estimate", "--sizes", sizes).code == 2
    assert run("cost", "estimate", "-f", policy, "--policy", "nightly").code == 2


def test_validation_shows_the_cost_of_the_given_sizes_or_of_one_example(run, policy, sizes) -> None:
    given = run("policy", "validate", "-f", policy, "--sizes", sizes, "-o", "json")
    assert (
        given.json["cost"]["month"]
        == run("cost", "estimate", "-f", policy, "--sizes", sizes, "-o", "json").json["month"]
    )
    example = run("policy", "validate", "-f", policy)
    assert "one database of 100 GB" in example.err
    assert "cost a month" in example.err


def test_applying_tells_the_cost_before_it_saves(run, policy, sizes, fake_app) -> None:
    estimated = run("cost", "estimate", "-f", policy, "--sizes", sizes, "-o", "json").json
    fake_app.answers |= {"POST costs/estimate": estimated, "PUT policies/nightly": {"name": "nightly"}}
    ran = run("policy", "apply", "-f", policy, "-o", "json")
    assert fake_app.called == ["POST costs/estimate", "PUT policies/nightly"]
    assert fake_app.sent(0)["policy"]["name"] == "nightly"
    assert ran.json["cost"]["month"] == estimated["month"]
    assert f"cost a month: {estimated['month']['expected']:,.2f} USD" in ran.err
    run("policy", "apply", "-f", policy, "--no-estimate")
    assert fake_app.called[2:] == ["PUT policies/nightly"]


def test_through_the_app_a_policy_is_named_or_sent(run, policy, sizes, fake_app) -> None:
    estimated = run("cost", "estimate", "-f", policy, "--sizes", sizes, "-o", "json").json
    fake_app.answers["POST costs/estimate"] = estimated
    assert run("cost", "estimate", "--policy", "nightly", "--sizes", sizes, "-o", "json").json == estimated
    assert fake_app.sent()["name"] == "nightly"
    assert fake_app.sent()["sizes"]["databases"][0]["size_gb"] == 100
    assert run("cost", "estimate", "-f", policy, "--sessions", "0").code == 0
    assert fake_app.sent() == {"policy": {**fake_app.sent()["policy"]}, "sessions": 0}


def test_the_price_list_is_shown_with_what_it_is_for(run) -> None:
    rows = run("cost", "prices", "-o", "json").json
    archive = next(row for row in rows if row["price"] == "blob.archive.stored")
    assert (archive["amount"], archive["per"], archive["mark"]) == (0.002, "GB and month", "cited")


def test_a_list_is_made_of_saved_answers(run, tmp_path) -> None:
    to = tmp_path / "prices.yaml"
    saved = [part for name in ("blob-1", "blob-2", "vm", "sql") for part in ("--from", RETAIL / f"{name}.json")]
    ran = run("cost", "refresh", "--region", "eastus", "--to", to, *saved, "-o", "json")
    assert ran.code == 0
    made = parse_prices(to.read_text())
    assert made.prices["blob.archive.stored"].mark == "list"
    assert made.prices["sql.stored"] == packaged_prices().prices["sql.stored"]
    assert "sql.stored" in ran.json["kept"]
    assert "sql.stored: not found" in ran.err


class PriceApi:
    """Answers by product, page by page; the first answer is that it is too busy."""

    def __init__(self, next_host: str = "prices.azure.com:443") -> None:
        self.asked: list[str] = []
        self.next_host = next_host

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        if len(self.asked) == 1:
            return httpx.Response(429)
        query = parse_qs(urlsplit(str(request.url)).query)
        if "$skip" in query:
            return httpx.Response(200, content=(RETAIL / "blob-2.json").read_bytes())
        wanted = query["$filter"][0]
        assert query["currencyCode"] == ["'USD'"]
        name = "blob-1" if "General Block Blob v2" in wanted else "vm" if "Standard_D4ds_v5'" in wanted else ""
        if not name:
            return httpx.Response(200, json={"Items": [], "NextPageLink": None})
        text = (RETAIL / f"{name}.json").read_text().replace("prices.azure.com:443", self.next_host)
        return httpx.Response(200, text=text)


def through(api: PriceApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price_refresh, "new_price_client", lambda: httpx.Client(transport=httpx.MockTransport(api)))
    monkeypatch.setattr(price_refresh, "pause", lambda _: None)


def test_the_api_is_read_page_by_page_and_asked_again_when_busy(run, tmp_path, monkeypatch) -> None:
    api = PriceApi()
    through(api, monkeypatch)
    to = tmp_path / "prices.yaml"
    assert run("cost", "refresh", "--region", "eastus", "--to", to).code == 0
    made = parse_prices(to.read_text())
    assert str(made.prices["blob.cold.stored"].amount) == "0.0036"  # stands on the second page
    assert api.asked[0] == api.asked[1]


def test_a_next_page_on_another_host_is_not_followed(run, tmp_path, monkeypatch) -> None:
    api = PriceApi(next_host="elsewhere.test")
    through(api, monkeypatch)
    ran = run("cost", "refresh", "--region", "eastus", "--to", tmp_path / "prices.yaml")
    assert ran.code == 7
    assert not any("elsewhere" in url for url in api.asked)
    assert not (tmp_path / "prices.yaml").exists()


def test_without_the_api_the_old_list_stays(run, tmp_path, monkeypatch) -> None:
    def down(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route", request=request)

    monkeypatch.setattr(price_refresh, "new_price_client", lambda: httpx.Client(transport=httpx.MockTransport(down)))
    monkeypatch.setattr(price_refresh, "pause", lambda _: None)
    ran = run("cost", "refresh", "--region", "eastus", "--to", tmp_path / "prices.yaml")
    assert ran.code == 7
    assert "--from" in ran.err

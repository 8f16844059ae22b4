"""Poe's account API, by requests: the points of one key or several."""

import json
import logging
from typing import Any

import pytest
import requests
from requests_mock import Mocker

from app.config import Settings
from app.errors import (
    ApiError,
    InsufficientCredits,
    InvalidRequest,
    Overloaded,
    RateLimited,
    Refused,
    Unauthenticated,
    UpstreamError,
)
from app.poe import account
from app.poe.account import Account, ask_together, poe_is_reachable
from app.poe.catalog import Catalog

BASE = "https://poe.test"
MODELS = f"{BASE}/v1/models"
BALANCE = f"{BASE}/usage/current_balance"
HISTORY = f"{BASE}/usage/points_history"
SETTINGS = Settings(poe_api_url=BASE)


def test_a_balance_is_poes_own_answer(requests_mock: Mocker) -> None:
    requests_mock.get(BALANCE, json={"current_point_balance": 1500, "more": 1})
    assert Account(SETTINGS).balance("k1") == {"current_point_balance": 1500, "more": 1}
    assert requests_mock.request_history[0].headers["Authorization"] == "Bearer k1"


def test_a_history_is_asked_for_with_its_query(requests_mock: Mocker) -> None:
    page = {"has_more": False, "length": 0, "data": []}
    requests_mock.get(HISTORY, json=page)
    assert Account(SETTINGS).history("k1", 7, "a b&c") == page
    Account(SETTINGS).history("k1", 100, None)
    asked = [request.qs for request in requests_mock.request_history]
    assert asked == [{"limit": ["7"], "starting_after": ["a b&c"]}, {"limit": ["100"]}]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, UpstreamError),
        (400, InvalidRequest),
        (401, Unauthenticated),
        (402, InsufficientCredits),
        (403, Refused),
        (404, UpstreamError),
        (422, InvalidRequest),
        (429, RateLimited),
        (500, UpstreamError),
        (503, Overloaded),
        (529, Overloaded),
    ],
)
def test_poes_statuses(requests_mock: Mocker, status: int, kind: type[ApiError]) -> None:
    body = {"error": {"message": "the key secret-1 will not do"}}
    headers = {"Retry-After": "9", "Location": "https://elsewhere.test/"}
    requests_mock.get(BALANCE, status_code=status, json=body, headers=headers)
    with pytest.raises(ApiError) as caught:
        Account(SETTINGS).balance("secret-1")
    assert type(caught.value) is kind
    assert "the key [key] will not do" in caught.value.message
    assert "secret-1" not in repr(caught.value)
    assert caught.value.retry_after == "9"
    assert caught.value.metadata == {"upstream_status": status}
    assert requests_mock.call_count == 1


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"exc": requests.ReadTimeout}, "in time"),
        ({"exc": requests.ConnectTimeout}, "in time"),
        ({"exc": requests.ConnectionError}, "reached"),
        ({"exc": requests.exceptions.ChunkedEncodingError}, "reached"),
        ({"text": "<html>"}, "not JSON"),
        ({"json": ["no object"]}, "no JSON object"),
    ],
)
def test_other_failures(requests_mock: Mocker, fault: dict[str, Any], words: str) -> None:
    requests_mock.get(HISTORY, **fault)
    with pytest.raises(UpstreamError, match=words):
        Account(SETTINGS).history("k1", 20, None)


def by_key(answers: dict[str, dict[str, Any]]) -> Any:
    """An answer for each key."""

    def match(request: Any, context: Any) -> str:
        answer = answers[request.headers["Authorization"].removeprefix("Bearer ")]
        context.status_code = answer.get("status_code", 200)
        context.headers.update(answer.get("headers", {}))
        if "exc" in answer:
            raise answer["exc"]
        return json.dumps(answer.get("json", {}))

    return match


def points(number: Any) -> dict[str, Any]:
    return {"json": {"current_point_balance": number}}


def test_the_balance_of_a_pool_is_the_sum(requests_mock: Mocker) -> None:
    requests_mock.get(BALANCE, text=by_key({"k1": points(1500), "k2": points(0), "k3": points(7)}))
    assert Account(SETTINGS).total_balance(["k1", "k2", "k3"]) == 1507


@pytest.mark.parametrize(
    "fault",
    [
        {"status_code": 401, "json": {"detail": "bad key k2"}},
        {"status_code": 429, "headers": {"Retry-After": "3"}},
        {"exc": requests.ReadTimeout()},
        points(None),
        points(True),
        points("12"),
    ],
)
def test_no_sum_without_all_keys(
    requests_mock: Mocker, caplog: pytest.LogCaptureFixture, fault: dict[str, Any]
) -> None:
    requests_mock.get(BALANCE, text=by_key({"k1": points(5), "k2": fault, "k3": points(7)}))
    with caplog.at_level(logging.WARNING), pytest.raises(UpstreamError) as caught:
        Account(SETTINGS).total_balance(["k1", "k2", "k3"])
    assert caught.value.message.startswith("2 of 3 Poe keys answered; key 2 ")
    assert caught.value.metadata == {"keys": 3, "answered": 2}
    assert caught.value.retry_after == fault.get("headers", {}).get("Retry-After")
    told = caught.value.message + caplog.text
    assert "key 2" in caplog.text and not any(key in told for key in ("k1", "k2", "k3"))


def test_a_defect_is_no_failure_of_poes() -> None:
    def broken() -> int:
        raise LookupError

    with pytest.raises(LookupError):
        ask_together({1: broken})


def test_nothing_of_one_client_is_left_for_the_next(
    requests_mock: Mocker, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine poe.test login me password other-key\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTPS_PROXY", "http://elsewhere.test:1")
    requests_mock.get(BALANCE, json={}, headers={"Set-Cookie": "session=k1; Path=/"})
    shared = Account(SETTINGS)
    shared.balance("k1")
    shared.balance("k2")
    first, second = requests_mock.request_history
    assert second.headers["Authorization"] == "Bearer k2"
    assert "Cookie" not in second.headers
    assert not first.proxies


def test_the_proxy_of_the_settings(requests_mock: Mocker) -> None:
    proxy = "http://user:word@proxy.test:3128"
    settings = Settings(poe_api_url=BASE, poe_proxy=proxy)
    requests_mock.get(BALANCE, json={})
    requests_mock.get(MODELS, json={"object": "list", "data": []})
    Account(settings).balance("k1")
    Catalog(settings).models()
    for request in requests_mock.request_history:
        assert request.proxies["https"] == proxy
        timeout: Any = request.timeout  # the stubs know no pair
        assert timeout == account.TIMEOUT_SECONDS


def test_whether_poe_can_be_reached(requests_mock: Mocker) -> None:
    requests_mock.head(BASE, [{"status_code": 404}, {"exc": requests.ConnectionError}])
    account._reachable.clear()
    assert poe_is_reachable(SETTINGS) and poe_is_reachable(SETTINGS)
    account._reachable.clear()
    assert not poe_is_reachable(SETTINGS)

"""Poe's list of models, by requests: asked for seldom, and kept where Poe fails."""

import json
from typing import Any

import pytest
import requests
from requests_mock import Mocker

from app.config import Settings
from app.poe import catalog as module
from app.poe.catalog import Catalog

BASE = "https://poe.test"
MODELS = f"{BASE}/v1/models"
SETTINGS = Settings(poe_api_url=BASE)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def listing(*names: str) -> dict[str, Any]:
    return {"object": "list", "data": [{"id": name} for name in names]}


def names(catalog: Catalog) -> list[str]:
    return [model["id"] for model in catalog.models()]


def test_it_works(requests_mock: Mocker) -> None:
    requests_mock.get(MODELS, json=listing("GPT-5", "Claude-Opus-4.5"))
    assert names(Catalog(SETTINGS)) == ["GPT-5", "Claude-Opus-4.5"]
    assert "Authorization" not in requests_mock.request_history[0].headers


def test_the_list_is_asked_for_once_in_ten_minutes(requests_mock: Mocker, clock: Clock) -> None:
    requests_mock.get(MODELS, [{"json": listing("old")}, {"json": listing("new")}])
    catalog = Catalog(SETTINGS)
    assert [names(catalog), names(catalog)] == [["old"], ["old"]]
    clock.now += 599
    assert names(catalog) == ["old"] and requests_mock.call_count == 1
    clock.now += 2
    assert names(catalog) == ["new"] and requests_mock.call_count == 2


FAULTS: list[dict[str, Any]] = [
    {"exc": requests.ConnectTimeout},
    {"exc": requests.ConnectionError},
    {"status_code": 503},
    {"text": "<html>"},
    {"json": []},
    {"json": {"data": None}},
]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_last_good_list_outlives_a_failure(
    requests_mock: Mocker, clock: Clock, fault: dict[str, Any]
) -> None:
    requests_mock.get(MODELS, [{"json": listing("good")}, fault, {"json": listing("back")}])
    catalog = Catalog(SETTINGS)
    names(catalog)
    clock.now += 601
    assert names(catalog) == ["good"]
    clock.now += 29
    assert names(catalog) == ["good"] and requests_mock.call_count == 2
    clock.now += 2
    assert names(catalog) == ["back"]


@pytest.mark.parametrize("fault", FAULTS)
def test_no_list_where_there_never_was_one(requests_mock: Mocker, fault: dict[str, Any]) -> None:
    requests_mock.get(MODELS, **fault)
    assert Catalog(SETTINGS).models() == []


def test_what_is_no_model_is_left_out(requests_mock: Mocker) -> None:
    odd = [{"id": "good"}, {"id": ""}, {"id": 5}, {}, None, "text", {"id": None}]
    requests_mock.get(MODELS, json={"data": odd})
    assert names(Catalog(SETTINGS)) == ["good"]


def test_while_one_request_renews_the_list_the_others_take_the_old_one(
    requests_mock: Mocker, clock: Clock
) -> None:
    catalog = Catalog(SETTINGS)
    inner: list[list[str]] = []

    def answer(request: Any, context: Any) -> str:
        if requests_mock.call_count:
            inner.append(names(catalog))
        return json.dumps(listing("fresh"))

    requests_mock.get(MODELS, [{"json": listing("old")}, {"text": answer}])
    names(catalog)
    clock.now += 601
    assert names(catalog) == ["fresh"] and inner == [["old"]]

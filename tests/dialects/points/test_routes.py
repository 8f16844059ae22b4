"""Balance and points history: of the client's own key, and of the gateway's keys together."""

import hashlib
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.account_api import history
from tests.servers import Server

KEYS = ("points-1500-130-20", "points-20-0-1", "points-7-60-40")


@pytest.fixture(scope="module")
def pool(start_gateway: Callable[..., Server]) -> Server:
    return start_gateway(
        POE_API_KEYS=",".join((*KEYS, KEYS[0])), ACCESS_TOKENS="tok", POOL_HISTORY="all"
    )


def get(server: Server, path: str, key: str = "tok", **query: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return requests.get(f"{server.url}{path}", params=query, headers=headers, timeout=10)


@pytest.mark.parametrize("path", ["/usage/current_balance", "/v1/usage/current_balance"])
def test_it_works(gateway: Server, path: str) -> None:
    assert get(gateway, path, KEYS[0]).json() == {"current_point_balance": 1500}


def test_ones_own_history(gateway: Server) -> None:
    due = history(KEYS[0])
    first = get(gateway, "/v1/usage/points_history", KEYS[0]).json()
    assert first == {"has_more": True, "length": 20, "data": due[:20]}
    query = {"limit": 100, "starting_after": due[99]["query_id"]}
    last = get(gateway, "/usage/points_history", KEYS[0], **query).json()
    assert last == {"has_more": False, "length": 30, "data": due[100:]}


def test_the_balance_of_a_pool(pool: Server) -> None:
    answer = get(pool, "/usage/current_balance")
    assert answer.json() == {"current_point_balance": 1527}, (
        "a key that is listed twice counts once"
    )


def test_the_history_of_a_pool(pool: Server) -> None:
    due = sorted(
        (entry for key in KEYS for entry in history(key)), key=lambda entry: -entry["creation_time"]
    )
    got: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 50}
    while True:
        page = get(pool, "/usage/points_history", **query).json()
        got += page["data"]
        if not page["has_more"]:
            break
        query["starting_after"] = got[-1]["query_id"]
    assert got == due


def test_any_worker_knows_the_cursor(pool: Server, start_gateway: Callable[..., Server]) -> None:
    other = start_gateway(POE_API_KEYS=",".join(KEYS), ACCESS_TOKENS="tok", POOL_HISTORY="all")
    cursor = get(pool, "/usage/points_history", limit=90).json()["data"][-1]["query_id"]
    pages = [
        get(server, "/usage/points_history", limit=30, starting_after=cursor).json()
        for server in (pool, other)
    ]
    assert pages[0] == pages[1] and pages[0]["length"] == 30


@pytest.mark.parametrize("limit", ["0", "101", "x", "1.5", "-1"])
@pytest.mark.parametrize("key", ["tok", KEYS[0]])
def test_a_bad_limit(gateway: Server, pool: Server, limit: str, key: str) -> None:
    answer = get(pool if key == "tok" else gateway, "/usage/points_history", key, limit=limit)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "limit"


@pytest.mark.parametrize("key", ["tok", KEYS[0]])
def test_a_bad_cursor(gateway: Server, pool: Server, key: str) -> None:
    server = pool if key == "tok" else gateway
    answer = get(server, "/usage/points_history", key, starting_after="nobody")
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("status", "told", "kind"),
    [
        (401, 401, "authentication_error"),
        (402, 402, "insufficient_credits"),
        (403, 403, "moderation_error"),
        (429, 429, "rate_limit_error"),
        (500, 502, "upstream_error"),
        (503, 529, "overloaded_error"),
    ],
)
@pytest.mark.parametrize("path", ["current_balance", "points_history"])
def test_poes_errors_are_the_clients(
    gateway: Server, path: str, status: int, told: int, kind: str
) -> None:
    answer = get(gateway, f"/v1/usage/{path}", f"status-{status}")
    assert answer.status_code == told
    assert answer.json()["error"]["type"] == kind
    assert f"status-{status}" not in answer.text


@pytest.mark.parametrize("path", ["current_balance", "points_history"])
def test_a_key_of_the_pool_that_fails(start_gateway: Callable[..., Server], path: str) -> None:
    server = start_gateway(
        POE_API_KEYS=f"{KEYS[0]},status-401,{KEYS[2]}", ACCESS_TOKENS="tok", POOL_HISTORY="all"
    )
    answer = get(server, f"/usage/{path}")
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (502, "upstream_error")
    assert error["message"] == (
        "2 of 3 Poe keys answered; key 2 of this gateway's did not: HTTP 401 from Poe"
    )
    assert error["metadata"]["answered"] == 2
    assert "status-401" not in answer.text + server.printed()


def test_an_answer_that_is_none(gateway: Server) -> None:
    answer = get(gateway, "/usage/current_balance", "odd-1")
    assert (answer.status_code, answer.json()["error"]["type"]) == (502, "upstream_error")


@pytest.mark.parametrize("path", ["current_balance", "points_history"])
def test_a_credential_is_needed(pool: Server, path: str) -> None:
    assert get(pool, f"/usage/{path}", "wrong").status_code == 401
    assert get(pool, f"/usage/{path}", KEYS[0]).status_code == 401
    assert requests.get(f"{pool.url}/usage/{path}", timeout=5).status_code == 401


@pytest.fixture(scope="module")
def team(start_gateway: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A pool whose points are its operator's alone."""
    folder = tmp_path_factory.mktemp("team")
    config = folder / "poegate.toml"
    digest = hashlib.sha256(b"tablet-secret").hexdigest()
    config.write_text(f'[token.tablet]\nsha256 = "{digest}"\npoints_per_day = 500\n')
    return start_gateway(
        POE_API_KEYS=",".join(KEYS),
        ACCESS_TOKENS="bob:tok",
        ADMIN_TOKEN="operator",
        POEGATE_CONFIG=str(config),
        STATE_DIR=str(folder),
    )


def ask(server: Server, token: str) -> None:
    body = {"model": "demo-echo", "messages": [{"role": "user", "content": "hello"}]}
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{server.url}/v1/chat/completions"
    requests.post(url, json=body, headers=headers, timeout=10).raise_for_status()


def test_the_points_of_a_pool_are_its_operators(team: Server) -> None:
    assert get(team, "/usage/current_balance", "operator").json() == {"current_point_balance": 1527}
    assert get(team, "/usage/points_history", "operator").json()["length"] == 20
    answer = get(team, "/usage/current_balance")
    assert (answer.status_code, answer.json()["error"]["type"]) == (403, "permission_error")


def test_a_token_sees_its_budget_and_its_own_rows(team: Server) -> None:
    for _ in range(3):
        ask(team, "tablet-secret")
    ask(team, "tok")
    time.sleep(2)
    assert get(team, "/usage/current_balance", "tablet-secret").json() == {
        "current_point_balance": 500
    }
    page = get(team, "/usage/points_history", "tablet-secret").json()
    assert (page["has_more"], page["length"]) == (False, 1)
    [entry] = page["data"]
    assert (entry["bot_name"], entry["requests"], entry["usage_type"]) == ("demo-echo", 3, "API")
    after = get(team, "/usage/points_history", "tablet-secret", starting_after=entry["query_id"])
    assert after.json() == {"has_more": False, "length": 0, "data": []}
    assert (
        get(team, "/usage/points_history", "tablet-secret", starting_after="x").status_code == 400
    )


def test_a_token_sees_its_own_usage(team: Server) -> None:
    ask(team, "tok")
    time.sleep(2)
    usage = get(team, "/v1/usage", "tok", by="token,model").json()
    assert [(row["token"], row["model"]) for row in usage["data"]] == [("bob", "demo-echo")]
    assert usage["totals"]["requests"] == usage["data"][0]["requests"] >= 1
    assert get(team, "/v1/usage", "tok", by="key").status_code == 400
    others = get(team, "/v1/usage", "tok", by="token", token="tablet").json()
    assert {row["token"] for row in others["data"]} == {"bob"}
    text = get(team, "/v1/usage", "tok", by="model", format="csv")
    assert text.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert text.text.splitlines()[1].startswith("demo-echo,")

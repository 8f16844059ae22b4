"""Tokens, limits, budgets and states over two gateways that share one Redis."""

import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.redis_server import running_redis
from tests.relay.gateways import ADMIN, KEYS, TOKEN, Pooled, at_once
from tests.servers import Server

FILE = """
[token.narrow]
sha256 = "{narrow}"
models = ["count-*"]

[token.slow]
sha256 = "{slow}"
requests_per_minute = 5

[token.counted]
sha256 = "{counted}"
tokens_per_minute = 60

[token.few]
sha256 = "{few}"
max_parallel = 3

[token.poor]
sha256 = "{poor}"
points_per_day = 10

[token.blocked]
sha256 = "{blocked}"
blocked = true

[token.expired]
sha256 = "{expired}"
expires = 2020-01-01
"""
NAMES = ("narrow", "slow", "counted", "few", "poor", "blocked", "expired")


def config_text() -> str:
    return FILE.format(**{name: hashlib.sha256(name.encode()).hexdigest() for name in NAMES})


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("team") / "poegate.toml"
    path.write_text(config_text())
    return path


@pytest.fixture(scope="module")
def gateways(
    start_gateway: Callable[..., Server],
    upstream: Server,
    config: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[list[Pooled]]:
    with running_redis(tmp_path_factory.mktemp("redis")) as url:
        yield [
            Pooled(
                start_gateway(
                    POE_API_KEYS=",".join(KEYS),
                    ACCESS_TOKENS=f"alice:{TOKEN}",
                    STORED_TOKENS="on",
                    ADMIN_TOKEN=ADMIN,
                    STATE_URL=url,
                    POEGATE_CONFIG=str(config),
                    COST_IN_USAGE="on",
                    FIRST_EVENT_TIMEOUT="20",
                ),
                upstream,
            )
            for _ in range(2)
        ]


@pytest.fixture(autouse=True)
def without_faults(gateways: list[Pooled]) -> None:
    gateways[0].set_faults()


def test_requests_a_minute_hold_over_both(gateways: list[Pooled]) -> None:
    statuses = [gateways[number % 2].chat(token="slow").status_code for number in range(8)]
    assert statuses == [200] * 5 + [429] * 3
    refused = gateways[0].chat(token="slow")
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert refused.json()["error"]["type"] == "rate_limit_error"


def test_headers_of_both_vendors(gateways: list[Pooled]) -> None:
    openai = gateways[0].chat(token="counted", bot="count-1")
    assert openai.headers["x-ratelimit-limit-tokens"] == "60"
    assert openai.headers["x-ratelimit-reset-tokens"].endswith("s")
    body = {"model": "count-1", "max_tokens": 9, "messages": [{"role": "user", "content": "a"}]}
    url = f"{gateways[0].gateway.url}/v1/messages"
    anthropic = requests.post(url, json=body, headers={"x-api-key": "counted"}, timeout=20)
    assert anthropic.headers["anthropic-ratelimit-tokens-limit"] == "60"
    assert anthropic.headers["anthropic-ratelimit-tokens-reset"].endswith("Z")


def test_tokens_a_minute_hold_over_both(gateways: list[Pooled]) -> None:
    statuses = []
    for number in range(12):
        statuses.append(gateways[number % 2].chat(token="counted", bot="count-5").status_code)
        time.sleep(0.1)
    assert statuses[0] == 200
    assert statuses[-1] == 429


def test_parallel_requests_hold_over_both(gateways: list[Pooled]) -> None:
    answers = at_once(
        8, lambda number: gateways[number % 2].chat(token="few", bot="slow-1").status_code
    )
    assert sorted(answers) == [200] * 3 + [429] * 5
    time.sleep(0.3)
    assert gateways[0].chat(token="few").status_code == 200, "they were given back"


def test_models(gateways: list[Pooled]) -> None:
    assert gateways[0].chat(token="narrow").status_code == 200
    refused = gateways[0].chat(token="narrow", bot="Claude-Sonnet-4.5")
    assert (refused.status_code, refused.json()["error"]["type"]) == (403, "permission_error")
    listed = requests.get(
        f"{gateways[0].gateway.url}/v1/models",
        headers={"Authorization": "Bearer narrow"},
        timeout=10,
    ).json()["data"]
    assert [model["id"] for model in listed] == ["count-7", "count-8"]
    one = requests.get(
        f"{gateways[0].gateway.url}/v1/models/Claude-Sonnet-4.5",
        headers={"Authorization": "Bearer narrow"},
        timeout=10,
    )
    assert one.status_code == 404


@pytest.mark.parametrize("token", ["blocked", "expired", "nobody"])
def test_who_may_not_ask(gateways: list[Pooled], token: str) -> None:
    refused = gateways[0].chat(token=token)
    assert (refused.status_code, refused.json()["error"]["type"]) == (401, "authentication_error")


def test_admin_asks_no_bot(gateways: list[Pooled]) -> None:
    assert gateways[0].chat(token=ADMIN).status_code == 401


def test_a_budget_holds_over_both(gateways: list[Pooled]) -> None:
    """Claude-Sonnet-4.5's price is known: 1,000 characters of prompt are some 125 tokens, or 12
    points."""
    time.sleep(2)  # the catalog is read at the start
    first = gateways[0].chat("word " * 200, token="poor", bot="Claude-Sonnet-4.5")
    assert first.status_code == 404, "the simulated Poe has no such bot"
    own = requests.get(
        f"{gateways[0].gateway.url}/v1/key", headers={"Authorization": "Bearer poor"}, timeout=10
    ).json()
    assert own["limits"]["points_per_day"]["limit"] == 10


def test_a_key_refused_at_one_rests_at_the_other(gateways: list[Pooled]) -> None:
    here, there = gateways
    here.set_faults(key1="revoked", key2="revoked")
    answers = at_once(20, lambda number: here.chat(f"s{number}"))
    assert [answer.text for answer in answers if answer.status_code != 200] == []
    time.sleep(1.5)
    asked = len([row for row in here.asked() if row[1] != 3])
    at_once(20, lambda number: there.chat(f"s{number}").raise_for_status())
    assert len([row for row in here.asked() if row[1] != 3]) == asked
    states = [key["state"] for key in there.admin("get", "keys").json()["data"]]
    assert states == ["refused", "refused", "ready"]
    for number in (1, 2):
        there.admin("post", f"keys/{number}/reset").raise_for_status()
    time.sleep(1.2)
    assert {key["state"] for key in here.admin("get", "keys").json()["data"]} == {"ready"}


def test_a_stored_token_is_made_used_blocked_and_deleted(gateways: list[Pooled]) -> None:
    here, there = gateways
    made = here.admin("post", "tokens", json={"name": "carol", "models": ["count-*"], "note": "x"})
    assert made.headers["Cache-Control"] == "no-store"
    assert made.status_code == 201, made.text
    secret = made.json()["secret"]
    assert made.json()["source"] == "stored" and made.json()["editable"] is True
    assert here.admin("post", "tokens", json={"name": "carol"}).json()["error"]["code"] == (
        "token_exists"
    )
    for name in ("alice", "narrow"):
        refused = here.admin("patch", f"tokens/{name}", json={"note": "y"})
        assert refused.json()["error"]["code"] == "token_not_stored"
    within(5, lambda: there.chat(token=secret).status_code == 200)
    assert here.admin("post", "tokens/carol/block").json()["status"] == "blocked"
    within(5, lambda: there.chat(token=secret).status_code == 401)
    here.admin("post", "tokens/carol/unblock").raise_for_status()
    renewed = here.admin("post", "tokens/carol/rotate").json()["secret"]
    within(5, lambda: there.chat(token=renewed).status_code == 200)
    assert there.chat(token=secret).status_code == 401
    changed = there.admin("patch", "tokens/carol", json={"models": None, "max_parallel": 2})
    assert (changed.json()["models"], changed.json()["max_parallel"]) == (None, 2)
    mistyped = there.admin("post", "tokens", json={"name": "dan", "request_per_minute": 5})
    assert mistyped.status_code == 400
    assert mistyped.json()["error"]["param"] == "request_per_minute"
    assert there.admin("get", "tokens/dan").status_code == 404
    bad = there.admin("patch", "tokens/carol", json={"max_parallel": -1})
    assert (bad.status_code, bad.json()["error"]["param"]) == (400, "max_parallel")
    assert secret not in here.admin("get", "tokens").text
    here.admin("delete", "tokens/carol").raise_for_status()
    assert here.admin("get", "tokens/carol").status_code == 404
    within(5, lambda: there.chat(token=renewed).status_code == 401)


def within(seconds: float, holds: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.2)


def test_the_ledger_and_the_requests_are_those_of_both(gateways: list[Pooled]) -> None:
    here, there = gateways
    before = here.admin("get", "usage?by=token&token=alice").json()["totals"]["requests"]
    ids = []
    for number in range(6):
        answer = gateways[number % 2].chat(str(number), bot="count-3")
        ids.append(answer.headers["x-request-id"])
    assert gateways[0].chat(bot="status-400").status_code == 400
    time.sleep(2.5)
    usage = there.admin("get", "usage?by=token,model,key&token=alice").json()
    assert usage["totals"]["requests"] == before + 7
    assert {row["key"] for row in usage["data"]} <= {1, 2, 3}
    rows = {row["request_id"]: row for row in here.admin("get", "requests").json()["data"]}
    assert set(ids) <= set(rows)
    row = rows[ids[0]]
    assert (row["token"], row["model"], row["status"], row["dialect"]) == (
        "alice",
        "count-3",
        200,
        "chat",
    )
    assert row["completion_tokens"] > 0 and row["key"] in (1, 2, 3)
    failed = here.admin("get", "requests?status=4xx&token=alice").json()["data"]
    assert failed and all(400 <= row["status"] < 500 for row in failed)
    newest = here.admin("get", "requests?limit=1").json()["data"][0]["seq"]
    assert here.admin("get", f"requests?after={newest}").json()["data"] == []


def test_health(gateways: list[Pooled]) -> None:
    health = gateways[0].admin("get", "health").json()
    assert health["mode"] == "token"
    assert health["workers"] == 2
    assert health["ledger"] == {"medium": "redis", "usable": True, "pending": 0, "lost": 0}
    assert health["tokens"]["environment"] == 1 and health["tokens"]["file"] == len(NAMES)
    assert health["warnings"] == []


@pytest.mark.parametrize("credential", [None, "wrong", TOKEN])
def test_admin_is_for_the_operator(gateways: list[Pooled], credential: str | None) -> None:
    headers = {"Authorization": f"Bearer {credential}"} if credential else {}
    url = f"{gateways[0].gateway.url}/v1/admin/health"
    assert requests.get(url, headers=headers, timeout=10).status_code == 401


def test_a_changed_file_is_taken_over_and_a_broken_one_is_not(
    gateways: list[Pooled], config: Path
) -> None:
    here = gateways[0]
    digest = hashlib.sha256(b"late").hexdigest()
    try:
        config.write_text(f'{config_text()}\n[token.late]\nsha256 = "{digest}"\n')
        within(5, lambda: here.chat(token="late").status_code == 200)
        config.write_text("this is no TOML")
        within(5, lambda: "config_unreadable" in here.admin("get", "health").text)
        assert here.chat(token="late").status_code == 200
        config.write_text(f'{config_text()}\n[bot]\n"nick" = "count-4"\n')
        within(5, lambda: here.chat(token="late").status_code == 401)
        assert here.chat(bot="nick").status_code == 200
    finally:
        config.write_text(config_text())


def test_the_request_id_and_the_trace_go_to_poe(
    gateways: list[Pooled], seen: Callable[[], Any]
) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    url = f"{gateways[0].gateway.url}/v1/chat/completions"
    body = {"model": "count-7", "messages": [{"role": "user", "content": "a"}]}
    headers = {
        "Authorization": f"Bearer {TOKEN}",
        "x-request-id": "mine-1",
        "traceparent": trace,
    }
    requests.post(url, json=body, headers=headers, timeout=10).raise_for_status()
    sent = seen()["last"]["count-7"]["headers"]
    assert (sent["x-request-id"], sent["traceparent"]) == ("mine-1", trace)
    assert f'"traceparent": "{trace}"' in gateways[0].gateway.printed()

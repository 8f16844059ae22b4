"""A pool of keys under fire: the gateway as it runs, before a simulated Poe."""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.relay.gateways import ADMIN, KEYS, TOKEN, Pooled, at_once, text_of
from tests.servers import Server, free_port, running
from tests.upload_server import FOLDER

STREAMS = 200


@pytest.fixture(scope="module")
def pooled(
    start_gateway: Callable[..., Server],
    upstream: Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Pooled:
    gateway = start_gateway(
        POE_API_KEYS=",".join(KEYS),
        ACCESS_TOKENS=f"alice:{TOKEN},bob:bob-secret",
        ADMIN_TOKEN=ADMIN,
        STATE_DIR=str(tmp_path_factory.mktemp("pooled")),
        WEB_CONCURRENCY="2",
        FIRST_EVENT_TIMEOUT="20",
    )
    return Pooled(gateway, upstream)


@pytest.fixture(autouse=True)
def without_faults(pooled: Pooled) -> None:
    pooled.reset()


def expected(text: str) -> str:
    return "".join(f"{text}:{number} " for number in range(5))


def stream_all(pooled: Pooled, prefix: str) -> list[str]:
    """The texts of many streams at once, each of a session of its own."""

    def ask(number: int) -> str:
        return text_of(pooled.chat(f"{prefix}{number}", stream=True))

    return at_once(STREAMS, ask)


def no_key_was_asked_while_it_rested(pooled: Pooled, key: int, seconds: float) -> None:
    """After the first answer that told the fault, and the time that others need to hear of it."""
    times = sorted(at for at, number, _, _ in pooled.asked() if number == key)
    late = [at - times[0] for at in times if times[0] + seconds > at > times[0] + 1.5]
    assert not late


@pytest.mark.parametrize(
    "faults",
    [
        {"key1": "revoked"},
        {"key1": "revoked", "key2": "limited:30"},
        {"key2": "no_points", "key3": "limited"},
        {"key1": "limit_event"},
        {"key1": "flapping"},
        {"key1": "flapping", "key2": "slow:1"},
        {"key3": "unavailable"},
        {"key3": "unavailable:502", "key1": "slow:0.5"},
    ],
    ids=lambda faults: "+".join(faults.values()),
)
def test_no_client_sees_a_fault_that_another_key_can_meet(
    pooled: Pooled, faults: dict[str, str]
) -> None:
    pooled.set_faults(**faults)
    texts = stream_all(pooled, "a")
    assert texts == [expected(f"a{number}") for number in range(STREAMS)]


@pytest.mark.parametrize("fault", ["revoked", "limited:30", "no_points", "limit_event"])
def test_no_key_is_asked_while_it_rests(pooled: Pooled, fault: str) -> None:
    pooled.set_faults(key2=fault)
    stream_all(pooled, "b")
    time.sleep(2)
    stream_all(pooled, "c")
    no_key_was_asked_while_it_rested(pooled, 2, 30)
    (key,) = [key for key in pooled.admin("get", "keys").json()["data"] if key["number"] == 2]
    assert key["state"] == {"revoked": "refused", "no_points": "ready"}.get(fault, "resting")
    if fault == "no_points":
        assert [bot["reason"] for bot in key["bots"]] == ["insufficient_credits"]


def test_sessions_keep_their_keys_and_spread_over_all(pooled: Pooled) -> None:
    pooled.set_faults()
    for _ in range(2):
        at_once(30, lambda number: pooled.chat(f"session {number}"))
    by_key = Counter(number for _, number, _, _ in pooled.asked())
    assert set(by_key) == {1, 2, 3}
    assert all(count % 2 == 0 for count in by_key.values()), "each session asked one key twice"


@pytest.mark.parametrize("name", ["x-claude-code-session-id", "session-id"])
def test_a_named_session_keeps_its_key_whatever_it_says(pooled: Pooled, name: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", name: "s-1"}
    for number in range(5):
        body = {"model": "count-1", "messages": [{"role": "user", "content": f"{number}"}]}
        url = f"{pooled.gateway.url}/v1/chat/completions"
        requests.post(url, json=body, headers=headers, timeout=20).raise_for_status()
    assert len({number for _, number, _, _ in pooled.asked()}) == 1


def test_a_prompt_cache_key_names_a_session(pooled: Pooled) -> None:
    for number in range(5):
        pooled.chat(str(number), prompt_cache_key="cache-7").raise_for_status()
    assert len({number for _, number, _, _ in pooled.asked()}) == 1


def test_headers_name_the_key_and_the_attempts(pooled: Pooled) -> None:
    response = pooled.chat("who")
    first = response.headers["x-poegate-key"]
    assert response.headers["x-poegate-attempts"] == "1"
    pooled.set_faults(**{f"key{first}": "revoked"})
    response = pooled.chat("who", stream=True)
    assert response.headers["x-poegate-key"] != first
    assert response.headers["x-poegate-attempts"] == "2"


def test_all_revoked_is_never_the_clients_401(pooled: Pooled) -> None:
    pooled.set_faults(key1="revoked", key2="revoked", key3="revoked")
    for _ in range(2):
        response = pooled.chat()
        assert response.status_code == 502
        assert "POE_API_KEYS" in response.json()["error"]["message"]


def test_all_limited_is_a_429_with_the_shortest_wait(pooled: Pooled) -> None:
    pooled.set_faults(key1="limited:40", key2="limited:9", key3="limited:50")
    assert pooled.chat().status_code == 429
    time.sleep(1)
    asked = len(pooled.asked())
    response = pooled.chat()
    assert response.status_code == 429
    assert 0 < int(response.headers["Retry-After"]) <= 9
    assert len(pooled.asked()) == asked, "nobody was asked"


def test_all_out_of_points_is_a_402(pooled: Pooled) -> None:
    pooled.set_faults(key1="no_points", key2="no_points", key3="no_points")
    for _ in range(2):
        assert pooled.chat().status_code == 402
    assert pooled.chat(bot="count-2").status_code == 402


@pytest.mark.parametrize("bot", ["status-400", "status-403", "status-404", "status-413"])
def test_what_the_request_is_to_blame_for_is_asked_once(pooled: Pooled, bot: str) -> None:
    assert pooled.chat(bot=bot).status_code == int(bot[-3:])
    assert len(pooled.asked()) == 1


def test_what_may_have_been_paid_for_is_asked_once(pooled: Pooled) -> None:
    assert pooled.chat(bot="status-500").status_code == 502
    assert pooled.chat(bot="cut-3").status_code == 502
    assert [bot for _, _, bot, _ in pooled.asked()] == ["status-500", "cut-3"]


def test_an_unavailable_bot_gets_one_more_try(pooled: Pooled) -> None:
    assert pooled.chat(bot="status-503").status_code == 529
    assert len(pooled.asked()) == 2


def test_own_bots_never_count(pooled: Pooled) -> None:
    pooled.set_faults(key1="revoked", key2="revoked", key3="revoked")
    response = pooled.chat(bot="demo-echo")
    assert response.status_code == 200, response.text
    assert "x-poegate-key" not in response.headers
    assert pooled.asked() == []


def test_a_refused_key_serves_again_once_it_is_tested(pooled: Pooled) -> None:
    pooled.set_faults(key1="revoked", key2="revoked", key3="revoked")
    assert pooled.chat().status_code == 502
    tested = pooled.admin("post", "keys/1/test").json()
    assert (tested["ok"], tested["error"]["status"]) == (False, 401)
    pooled.set_faults()
    tested = pooled.admin("post", "keys/1/test").json()
    assert (tested["ok"], tested["balance"]["current_point_balance"]) == (True, 1001)
    time.sleep(1)
    assert pooled.chat().status_code == 200


def test_uploads_take_another_key_too(
    start_gateway: Callable[..., Server], logs: Path, tmp_path: Path
) -> None:
    port = free_port()
    with running(["-m", "tests.upload_server", str(port)], port, logs / "uploads.log") as poe:
        gateway = start_gateway(
            POE_API_KEYS="refused-1,refused-2,points-1-0-1",
            ACCESS_TOKENS=f"alice:{TOKEN}",
            POE_UPLOAD_URL=f"{poe.url}{FOLDER}",
            STATE_DIR=str(tmp_path),
        )
        for number in range(6):
            answer = requests.post(
                f"{gateway.url}/v1/files",
                headers={"Authorization": f"Bearer {TOKEN}", "session-id": str(number)},
                files={"file": (f"{number}.txt", b"text" * number + b"x")},
                data={"purpose": "user_data"},
                timeout=20,
            )
            assert answer.status_code == 200, answer.text
        for key in ("refused-1", "refused-2"):
            asked = requests.get(f"{poe.url}/uploads/{key}", timeout=5).json()["asked"]
            assert len(asked) <= 1, "it is not asked again"

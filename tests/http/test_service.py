"""Credentials, models, health, headers, CORS and the log: what surrounds an answer."""

import json
import time
from collections.abc import Callable
from typing import Any

import openai
import pytest
import requests

from tests.conftest import KEY
from tests.servers import Server

HELLO: Any = [{"role": "user", "content": "hello"}]
BODY = {"model": "demo-echo", "messages": HELLO}


def post(server: Server, path: str = "/v1/chat/completions", **headers: str) -> requests.Response:
    return requests.post(server.url + path, json=BODY, headers=headers, timeout=10)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer anything"},
        {"Authorization": "bearer anything"},
        {"x-api-key": "anything"},
        {"Authorization": "Bearer ", "x-api-key": "anything"},
    ],
)
def test_both_styles_of_credential(gateway: Server, headers: dict[str, str]) -> None:
    assert post(gateway, **headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic abc"},
        {"x-api-key": ""},
        {"Authorization": "Bearer two words"},
        {"x-api-key": "s\u00e9cret"},
    ],
)
def test_no_or_malformed_credential(gateway: Server, headers: dict[str, str]) -> None:
    sent = {name: value.encode("latin-1") for name, value in headers.items()}
    response = requests.post(
        f"{gateway.url}/v1/chat/completions", json=BODY, headers=sent, timeout=5
    )
    assert response.status_code == 401
    assert response.json()["error"]["type"] == "authentication_error"
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.fixture(scope="module")
def pool(start_gateway: Callable[..., Server]) -> Server:
    return start_gateway(POE_API_KEYS="key-1,key-2", ACCESS_TOKENS='["tok-a", "tok-b"]')


def test_a_pool_of_keys_behind_access_tokens(pool: Server, seen: Callable[[], Any]) -> None:
    used = set()
    for token in ("tok-a", "tok-b"):
        with openai.OpenAI(base_url=f"{pool.url}/v1", api_key=token) as sdk:
            sdk.chat.completions.create(model="count-2", messages=HELLO)
        used.add(seen()["last"]["count-2"]["authorization"])
    assert used == {"Bearer key-1", "Bearer key-2"}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/models"])
def test_unknown_access_tokens(pool: Server, path: str) -> None:
    method = "POST" if "chat" in path else "GET"
    headers = {"Authorization": "Bearer key-1"}
    response = requests.request(method, pool.url + path, json=BODY, headers=headers, timeout=5)
    assert response.status_code == 401
    assert "key-1" not in response.text


def test_ones_own_bots_never_see_a_poe_key(
    start_gateway: Callable[..., Server], upstream: Server, seen: Callable[[], Any]
) -> None:
    own = upstream.url.replace("http://", "http://:bot-secret@")
    gateway = start_gateway(
        BOT_URLS=f"mine={own}/bot/count-3,count-*={upstream.url}/bot/",
        POE_API_KEYS="key-1",
        ACCESS_TOKENS="tok",
    )
    for model in ("mine", "count-4"):
        with openai.OpenAI(base_url=gateway.url, api_key="tok") as sdk:
            sdk.chat.completions.create(model=model, messages=HELLO)
    last = seen()["last"]
    assert last["count-3"]["authorization"] == "Bearer bot-secret"
    assert "key-1" not in last["count-4"]["authorization"]
    assert "tok" not in last["count-4"]["authorization"]


@pytest.mark.parametrize(
    "path",
    [
        "/chat/completions",
        "//chat/completions",
        "/v1//chat/completions",
        "//v1/chat/completions",
        "/v1/v1/chat/completions",
        "/v1/chat/completions?beta=true",
    ],
)
def test_paths_are_forgiven(gateway: Server, path: str) -> None:
    assert post(gateway, path, Authorization="Bearer x").status_code == 200


def test_models(start_gateway: Callable[..., Server]) -> None:
    gateway = start_gateway(MODEL_ALIASES="gpt-4=Claude-Sonnet-4.5,claude-*=Claude-Sonnet-4.5")
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY) as sdk:
        models: dict[str, Any] = {model.id: model for model in sdk.models.list()}
        poe = models["Claude-Sonnet-4.5"]
        assert poe.created == 1_759_000_000
        assert poe.pricing["prompt"] == "0.000003"
        assert models["gpt-4"].alias_of == "Claude-Sonnet-4.5"
        assert models["demo-echo"].object == "model"
        assert "claude-*" not in models
        assert sdk.models.retrieve("gpt-4").id == "gpt-4"
        assert sdk.models.retrieve("claude-3-haiku").id == "claude-3-haiku"
        with pytest.raises(openai.NotFoundError):
            sdk.models.retrieve("nobody/at all")


def test_an_alias_answers_under_its_own_name(
    start_gateway: Callable[..., Server], seen: Callable[[], Any]
) -> None:
    gateway = start_gateway(MODEL_ALIASES="gpt-4=count-7")
    with openai.OpenAI(base_url=gateway.url, api_key=KEY) as sdk:
        answer = sdk.chat.completions.create(model="gpt-4", messages=HELLO)
    assert answer.model == "gpt-4"
    assert seen()["calls"]["count-7"] == 1


def test_models_without_poe(start_gateway: Callable[..., Server]) -> None:
    gateway = start_gateway(POE_API_URL="http://127.0.0.1:9", MODEL_ALIASES="gpt-4=GPT-4o")
    headers = {"Authorization": "Bearer x"}
    response = requests.get(f"{gateway.url}/v1/models", headers=headers, timeout=10)
    assert response.status_code == 200
    assert {"gpt-4", "demo-echo"} <= {model["id"] for model in response.json()["data"]}
    for name, status in {"demo-echo": 200, "gpt-4": 200, "GPT-4o": 502}.items():
        url = f"{gateway.url}/v1/models/{name}"
        assert requests.get(url, headers=headers, timeout=10).status_code == status
    ready = requests.get(f"{gateway.url}/readyz", timeout=10).json()
    assert (ready["status"], ready["poe"]) == ("ready", "unreachable")


def test_health(gateway: Server) -> None:
    assert requests.get(f"{gateway.url}/healthz", timeout=5).json() == {"status": "ok"}
    ready = requests.get(f"{gateway.url}/readyz", timeout=5).json()
    assert ready == {
        "status": "ready",
        "vocabulary": "loaded",
        "poe": "reachable",
        "store": "usable",
    }


def test_a_store_that_cannot_be_used_is_told(start_gateway: Callable[..., Server]) -> None:
    gateway = start_gateway(STATE_DIR="/proc/nowhere")
    ready = requests.get(f"{gateway.url}/readyz", timeout=10).json()
    assert (ready["status"], ready["store"]) == ("ready", "unusable")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/healthz", "/v1/nothing"])
def test_headers_on_every_answer(gateway: Server, path: str) -> None:
    response = post(gateway, path, Authorization="Bearer x", **{"x-request-id": "my-id.1"})
    assert response.headers["x-request-id"] == "my-id.1"
    assert int(response.headers["openai-processing-ms"]) >= 0
    assert response.headers["openai-version"] == "2020-10-01"


@pytest.mark.parametrize("sent", ["", "x" * 200, "a b", 'a"b'])
def test_a_strange_request_id_is_replaced(gateway: Server, sent: str) -> None:
    response = post(gateway, Authorization="Bearer x", **{"x-request-id": sent})
    assert response.headers["x-request-id"].startswith("req_")


def test_browsers_may_call(gateway: Server) -> None:
    origin = {"Origin": "http://chat.example"}
    preflight = requests.options(
        f"{gateway.url}/v1/chat/completions",
        headers={
            **origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,x-stainless-os",
        },
        timeout=5,
    )
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] in ("*", origin["Origin"])
    assert "authorization" in preflight.headers["Access-Control-Allow-Headers"]
    for headers in ({"Authorization": "Bearer x"}, {}):
        answer = post(gateway, **origin, **headers)
        assert answer.headers["Access-Control-Allow-Origin"] in ("*", origin["Origin"])
        assert "x-request-id" in answer.headers["Access-Control-Expose-Headers"]


def test_one_log_line_a_request_without_secrets(gateway: Server) -> None:
    body = {**BODY, "stream": True, "messages": [{"role": "user", "content": "my-private-words"}]}
    headers = {"Authorization": "Bearer my-secret-key", "x-request-id": "logged-1"}
    requests.post(f"{gateway.url}/v1/chat/completions", json=body, headers=headers, timeout=5)
    time.sleep(0.2)
    [line] = [line for line in gateway.printed().splitlines() if "logged-1" in line]
    facts = json.loads(line)
    assert facts["method"] == "POST" and facts["path"] == "/v1/chat/completions"
    assert facts["status"] == 200 and facts["model"] == "demo-echo"
    assert 0 <= facts["first_token_ms"] <= facts["total_ms"]
    assert facts["prompt_tokens"] > 0 and facts["completion_tokens"] > 0
    assert "my-secret" not in gateway.printed() and "my-private" not in gateway.printed()

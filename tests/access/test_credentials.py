"""Who may ask, by which key: the client's own, or the pool's behind access tokens."""

from collections.abc import Callable
from typing import Any

import openai
import pytest
import requests

from tests.servers import Server

HELLO: Any = [{"role": "user", "content": "hello"}]
BODY = {"model": "demo-echo", "messages": HELLO}


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
    url = f"{gateway.url}/v1/chat/completions"
    assert requests.post(url, json=BODY, headers=headers, timeout=10).status_code == 200


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


@pytest.mark.parametrize(
    "header", ["sk-secret-1234", "Token sk-secret-1234", "Bearer: sk-secret-1234"]
)
def test_a_key_without_its_scheme_is_not_repeated(gateway: Server, header: str) -> None:
    response = requests.post(
        f"{gateway.url}/v1/chat/completions",
        json=BODY,
        headers={"Authorization": header},
        timeout=10,
    )
    assert response.status_code == 401
    assert "sk-secret" not in response.text and "Bearer" in response.json()["error"]["message"]


@pytest.fixture(scope="module")
def pool(start_gateway: Callable[..., Server]) -> Server:
    return start_gateway(POE_API_KEYS="key-1,key-2", ACCESS_TOKENS='["tok-a", "tok-b"]')


def test_a_pool_of_keys_behind_access_tokens(pool: Server, seen: Callable[[], Any]) -> None:
    used = set()
    for number in range(16):
        session: Any = [{"role": "user", "content": f"session {number}"}]
        with openai.OpenAI(
            base_url=f"{pool.url}/v1", api_key=["tok-a", "tok-b"][number % 2]
        ) as sdk:
            sdk.chat.completions.create(model="count-2", messages=session)
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

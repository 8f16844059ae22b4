"""Paths, headers, CORS and the log: what surrounds an answer."""

import json
import time
from typing import Any

import pytest
import requests

from tests.servers import Server

HELLO: Any = [{"role": "user", "content": "hello"}]
BODY = {"model": "demo-echo", "messages": HELLO}


def post(server: Server, path: str = "/v1/chat/completions", **headers: str) -> requests.Response:
    return requests.post(server.url + path, json=BODY, headers=headers, timeout=10)


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
    assert "Access-Control-Allow-Private-Network" not in preflight.headers
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


def test_pages_of_the_internet_may_call_a_gateway_in_the_private_network(gateway: Server) -> None:
    """https://wicg.github.io/private-network-access: the preflight asks, and is answered."""
    preflight = requests.options(
        f"{gateway.url}/v1/chat/completions",
        headers={
            "Origin": "https://chat.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Private-Network": "true",
        },
        timeout=5,
    )
    assert preflight.headers["Access-Control-Allow-Private-Network"] == "true"

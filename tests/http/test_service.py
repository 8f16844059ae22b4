"""Paths, headers, CORS and the log: what surrounds an answer."""

import json
import socket
import time
from collections.abc import Callable
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


@pytest.fixture(scope="module")
def strict(start_gateway: Callable[..., Server]) -> Server:
    """A gateway whose own bots need no token, and that names no page."""
    return start_gateway(CORS_ORIGINS="")


def test_no_web_page_may_ask_own_bots_that_need_no_token(strict: Server) -> None:
    """Neither after a preflight nor by a plain POST; the gateway's own page may."""
    url, key = f"{strict.url}/v1/chat/completions", {"Authorization": "Bearer x"}
    for kind in ("application/json", "text/plain"):
        headers = {**key, "Origin": "https://evil.example", "Content-Type": kind}
        answer = requests.post(url, data=json.dumps(BODY), headers=headers, timeout=10)
        assert (answer.status_code, answer.json()["error"]["type"]) == (403, "permission_error")
    own = requests.post(url, json=BODY, headers={**key, "Origin": strict.url}, timeout=10)
    assert own.status_code == 200
    of_poe = {**BODY, "model": "count-2"}
    answer = requests.post(
        url, json=of_poe, headers={**key, "Origin": "https://evil.example"}, timeout=10
    )
    assert answer.status_code == 200, "its key is nobody else's"


def test_a_whole_answer_that_its_client_does_not_take_is_logged_so(
    start_gateway: Callable[..., Server],
) -> None:
    """A client that reads nothing of what it asks for, thirty megabytes, and goes."""
    gateway = start_gateway()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", gateway.port))
        client.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
        time.sleep(0.5)
        assert '"error"' not in gateway.printed(), "the client is still there"
    deadline = time.monotonic() + 20
    while '"error": "client_gone"' not in gateway.printed():
        assert time.monotonic() < deadline, gateway.printed()
        time.sleep(0.1)


@pytest.mark.parametrize(("host", "warned"), [("127.0.0.1", False), ("0.0.0.0", True)])
def test_own_bots_open_to_the_network_are_warned_of(
    start_gateway: Callable[..., Server], host: str, warned: bool
) -> None:
    gateway = start_gateway(HOST=host)
    assert ("set ACCESS_TOKENS" in gateway.printed()) is warned


def test_where_nothing_can_be_written_the_log_stays_in_form(
    start_gateway: Callable[..., Server],
) -> None:
    tokens = {"ACCESS_TOKENS": "dev:secret", "STORED_TOKENS": "on", "ADMIN_TOKEN": "admin"}
    gateway = start_gateway(STATE_DIR="/proc/no/such/place", POE_API_KEYS="a-key", **tokens)
    admin = {"Authorization": "Bearer admin"}
    for _ in range(3):
        assert post(gateway, Authorization="Bearer secret").status_code == 200
    health = requests.get(f"{gateway.url}/admin/health", headers=admin, timeout=10)
    assert {warning["code"] for warning in health.json()["warnings"]} >= {"state_unusable"}
    made = requests.post(
        f"{gateway.url}/admin/tokens", json={"name": "new"}, headers=admin, timeout=10
    )
    assert (made.status_code, bool(made.headers["Retry-After"])) == (503, True)
    time.sleep(1.5)  # what is written twice a second, and once a second
    lines = [json.loads(line) for line in gateway.printed().splitlines()]
    warnings = [line["message"] for line in lines if line["level"] != "INFO"]
    assert not [line for line in lines if "trace" in line]
    assert len(warnings) == len(set(warnings)) < 8, warnings

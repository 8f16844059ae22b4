"""How requests to OpenAI's Responses fail: by a status before the stream, by an event within."""

import json
import time
from collections.abc import Callable
from typing import Any

import openai
import pytest
import requests

from tests.conftest import KEY
from tests.responses_stream import ask, checked, events_in
from tests.servers import Server

STATUSES = [
    (400, 400, "invalid_request_error"),
    (401, 401, "authentication_error"),
    (402, 402, "insufficient_credits"),
    (403, 403, "moderation_error"),
    (404, 404, "not_found_error"),
    (413, 413, "request_too_large"),
    (429, 429, "rate_limit_error"),
    (500, 502, "upstream_error"),
    (503, 529, "overloaded_error"),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("told", "status", "kind"), STATUSES)
def test_each_status_of_poe(
    gateway: Server, told: int, status: int, kind: str, stream: bool
) -> None:
    """Before the first byte an error is a status, also where a stream was asked for."""
    answer = ask(gateway, model=f"status-{told}", stream=stream)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (status, kind)
    assert set(error) == {"message", "type", "param", "code", "metadata"}
    assert f"told with {told}" in error["message"]
    assert answer.headers.get("Retry-After") == ("7" if told in (429, 503) else None)


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_that_is_too_long(gateway: Server, stream: bool) -> None:
    """Codex ends with "ran out of room" at this code, at a 400 alone; others compact."""
    answer = ask(gateway, model="typed-user_message_too_long", stream=stream)
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert (error["type"], error["code"]) == ("invalid_request_error", "context_length_exceeded")
    assert error["metadata"]["status"] == 400


def test_the_sdk_raises_what_it_knows(client: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError, match="told with 429"):
        client.responses.create(model="status-429", input="hi")
    with pytest.raises(openai.AuthenticationError):
        client.responses.create(model="status-401", input="hi")
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve("resp_none")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic x"}, {"x-api-key": "a b"}])
def test_no_credential(gateway: Server, headers: dict[str, str]) -> None:
    for method, path in (
        ("POST", "/v1/responses"),
        ("GET", "/v1/responses/resp_1"),
        ("DELETE", "/v1/responses/resp_1"),
        ("GET", "/v1/responses/resp_1/input_items"),
        ("POST", "/v1/responses/resp_1/cancel"),
    ):
        answer = requests.request(method, f"{gateway.url}{path}", headers=headers, timeout=5)
        assert answer.status_code == 401
        assert answer.json()["error"]["type"] == "authentication_error"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{", None),
        (b"[]", None),
        (b'{"model": "demo-echo", "input": NaN}', None),
        (b'{"input": "hi"}', "model"),
        (b'{"model": "demo-echo"}', "input"),
        (b'{"model": "demo-echo", "input": [{"role": "user"}]}', "input[0].content"),
        (b'{"model": "demo-echo", "input": "a", "background": true}', "background"),
        (b'{"model": "demo-echo", "input": "a", "conversation": "conv_1"}', "conversation"),
    ],
)
def test_a_request_that_cannot_be(gateway: Server, body: bytes, param: str | None) -> None:
    answer = requests.post(
        f"{gateway.url}/v1/responses",
        data=body,
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=5,
    )
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert (error["type"], error["param"]) == ("invalid_request_error", param)


def failed(answer: requests.Response) -> dict[str, Any]:
    """The end of a stream that failed after it had begun."""
    assert answer.status_code == 200
    response = checked(events_in(answer.text))
    assert response["status"] == "failed"
    return response


def test_a_connection_that_breaks_is_a_failed_response(gateway: Server) -> None:
    response = failed(ask(gateway, model="cut-3", stream=True))
    assert response["error"]["code"] == "server_error"
    [message] = response["output"]
    assert message["status"] == "incomplete"
    assert message["content"][0]["text"].startswith("t0 ")


def test_a_bot_that_falls_silent(gateway: Server) -> None:
    response = failed(ask(gateway, model="silent-2", stream=True))
    assert response["error"]["code"] == "server_error"
    assert response["error"]["message"]


@pytest.mark.parametrize(
    ("error_type", "code"),
    [
        ("user_message_too_long", "context_length_exceeded"),
        ("insufficient_fund", "insufficient_quota"),
        ("user_caused_error", "invalid_prompt"),
        ("privacy_authorization_error", "invalid_prompt"),
        ("something_new", "server_error"),
    ],
)
def test_an_error_of_the_bot_within_its_answer(gateway: Server, error_type: str, code: str) -> None:
    error = {"text": "This is too much.", "allow_retry": False, "error_type": error_type}
    script = json.dumps([["text", {"text": "so far "}], ["error", error]])
    response = failed(ask(gateway, model="script-", input=script, stream=True))
    assert response["error"]["code"] == code
    assert "This is too much." in response["error"]["message"]
    whole = ask(gateway, model="script-", input=script)
    assert whole.status_code >= 400


def test_a_failed_response_is_not_kept(gateway: Server) -> None:
    response = failed(ask(gateway, model="cut-3", stream=True))
    answer = requests.get(
        f"{gateway.url}/v1/responses/{response['id']}",
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=5,
    )
    assert answer.status_code == 404


def test_the_bot_is_left_when_the_client_leaves(gateway: Server, seen: Callable[[], Any]) -> None:
    before = seen()["closed"].get("/bot/endless-responses", 0)
    answer = requests.post(
        f"{gateway.url}/v1/responses",
        json={"model": "endless-responses", "input": "go", "stream": True},
        headers={"Authorization": f"Bearer {KEY}"},
        stream=True,
        timeout=5,
    )
    next(answer.iter_content(64))
    answer.close()
    deadline = time.monotonic() + 5
    while seen()["closed"].get("/bot/endless-responses", 0) == before:
        assert time.monotonic() < deadline, "the bot goes on for nobody"
        time.sleep(0.05)

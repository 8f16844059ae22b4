"""Each way in which a request or a bot can fail, in Anthropic's envelope."""

import time
from typing import Any

import anthropic
import pytest
import requests
from anthropic.types import ErrorResponse

from tests.anthropic_stream import events_in
from tests.conftest import KEY
from tests.dialects.messages.test_routes import BOTH, HELLO, Turn, raw
from tests.servers import Server

STATUSES = [
    (400, 400, "invalid_request_error"),
    (401, 401, "authentication_error"),
    (402, 402, "billing_error"),
    (403, 403, "permission_error"),
    (404, 404, "not_found_error"),
    (413, 413, "request_too_large"),
    (429, 429, "rate_limit_error"),
    (500, 502, "api_error"),
    (503, 529, "overloaded_error"),
    (529, 529, "overloaded_error"),
]
TYPES = [
    ("user_message_too_long", 400, "invalid_request_error"),
    ("insufficient_fund", 402, "billing_error"),
    ("user_caused_error", 400, "invalid_request_error"),
    ("privacy_authorization_error", 403, "permission_error"),
    ("new_kind_of_error", 502, "api_error"),
]


def failure(claude: anthropic.Anthropic, turn: Turn, **request: Any) -> anthropic.APIStatusError:
    with pytest.raises(anthropic.APIStatusError) as caught:
        turn(claude, **request)
    return caught.value


def error_of(error: anthropic.APIStatusError) -> dict[str, Any]:
    """The error object, once the envelope around it was found sound."""
    body: Any = error.body
    assert body["type"] == "error" and body["request_id"]
    assert set(body) == {"type", "error", "request_id"}
    told: dict[str, Any] = body["error"]
    return told


@BOTH
@pytest.mark.parametrize(("told", "status", "kind"), STATUSES)
def test_each_status_of_poe(
    claude: anthropic.Anthropic, turn: Turn, told: int, status: int, kind: str
) -> None:
    error = failure(claude, turn, model=f"status-{told}")
    assert (error.status_code, error_of(error)["type"]) == (status, kind)
    assert f"told with {told}" in error_of(error)["message"]
    assert error.response.headers.get("retry-after") == ("7" if told in (429, 503) else None)
    assert error.request_id == error.body["request_id"]  # type: ignore[index]


@BOTH
@pytest.mark.parametrize(("error_type", "status", "kind"), TYPES)
def test_each_error_type(
    claude: anthropic.Anthropic, turn: Turn, error_type: str, status: int, kind: str
) -> None:
    error = failure(claude, turn, model=f"typed-{error_type}")
    assert (error.status_code, error_of(error)["type"]) == (status, kind)
    assert "This is too much." in error_of(error)["message"]


def test_a_prompt_too_long_is_told_in_the_words_of_which_claude_code_compacts(
    claude: anthropic.Anthropic, gateway: Server
) -> None:
    response = raw(gateway, model="typed-user_message_too_long")
    assert response.status_code == 400
    assert "prompt is too long" in response.json()["error"]["message"]


@pytest.mark.parametrize("bot", ["cut-3", "silent-3"])
def test_an_error_in_a_stream(gateway: Server, bot: str) -> None:
    """What was begun stays open: a block that ends would say that it is whole."""
    response = raw(gateway, model=bot, stream=True)
    assert response.status_code == 200
    events = events_in(response.text)
    assert events[-1]["type"] == "error"
    assert events[-1]["request_id"] == response.headers["request-id"]
    assert events[-1]["error"]["type"] and events[-1]["error"]["message"]
    ErrorResponse.model_validate(events[-1])
    kinds = [event["type"] for event in events]
    assert not {"content_block_stop", "message_delta", "message_stop"} & set(kinds)
    assert kinds.count("content_block_delta") >= 1


def test_the_sdk_raises_in_a_stream(claude: anthropic.Anthropic) -> None:
    with (
        claude.messages.stream(model="cut-3", max_tokens=9, messages=HELLO) as stream,
        pytest.raises(anthropic.APIStatusError) as caught,
    ):
        stream.get_final_message()
    assert error_of(caught.value)["type"] == "api_error"


def test_silence_is_filled_with_pings(gateway: Server) -> None:
    events = events_in(raw(gateway, model="silent-1", stream=True).text)
    kinds = [event["type"] for event in events]
    assert kinds[-2:] == ["ping", "error"] and kinds.count("ping") >= 2


def test_headers_do_not_wait_for_the_bot(gateway: Server) -> None:
    began = time.monotonic()
    body = {"model": "silent-0", "max_tokens": 9, "messages": HELLO, "stream": True}
    headers = {"x-api-key": KEY}
    url = f"{gateway.url}/v1/messages"
    with requests.post(url, json=body, headers=headers, stream=True, timeout=9) as response:
        headers_after = time.monotonic() - began
        events = events_in(response.text)
    assert headers_after < time.monotonic() - began - 0.3
    assert events[0]["type"] == "message_start" and events[-1]["type"] == "error"
    assert events[-1]["error"]["type"] == "timeout_error"


def test_a_bot_that_does_not_start_in_time(gateway: Server) -> None:
    response = raw(gateway, model="silent-0")
    assert response.status_code == 408
    assert response.json()["error"]["type"] == "timeout_error"


def _sound(response: requests.Response, status: int, kind: str) -> str:
    """The message of an error in Anthropic's envelope."""
    assert response.status_code == status
    body = response.json()
    assert body["type"] == "error" and body["error"]["type"] == kind
    assert response.headers["request-id"] == body["request_id"]
    message: str = body["error"]["message"]
    return message


@pytest.mark.parametrize("path", ["/v1/messages", "/messages/count_tokens"])
def test_without_a_credential(gateway: Server, path: str) -> None:
    _sound(raw(gateway, path, headers={}), 401, "authentication_error")


@pytest.mark.parametrize(
    "path", ["/v1/messages/nowhere", "/messages/batches", "/v1/messages/count_tokens/more"]
)
def test_an_unknown_route(gateway: Server, path: str) -> None:
    assert path in _sound(raw(gateway, path), 404, "not_found_error")


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
def test_a_wrong_method(gateway: Server, path: str) -> None:
    response = requests.get(gateway.url + path, headers={"x-api-key": KEY}, timeout=5)
    _sound(response, 405, "invalid_request_error")
    assert "POST" in response.headers["Allow"]


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b'{"model": NaN}', b"\xff"])
def test_a_body_that_is_no_request(gateway: Server, path: str, body: bytes) -> None:
    headers = {"x-api-key": KEY, "Content-Type": "application/json"}
    response = requests.post(gateway.url + path, data=body, headers=headers, timeout=5)
    assert _sound(response, 400, "invalid_request_error")


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image"}]}]},
            "messages[0].content[0].source",
        ),
        ({"tool_choice": {"type": "tool", "name": "nobody"}}, "tool_choice.name"),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "odd"}}}},
            "output_config.format.schema",
        ),
    ],
)
def test_a_fault_is_told_by_its_place(gateway: Server, fields: Any, place: str) -> None:
    for stream in (False, True):
        response = raw(gateway, stream=stream, **fields)
        assert _sound(response, 400, "invalid_request_error").startswith(f"{place}: ")


def test_an_answer_that_breaks_its_schema(claude: anthropic.Anthropic, gateway: Server) -> None:
    schema = {"type": "object", "required": ["name"]}
    form = {"format": {"type": "json_schema", "schema": schema}}
    said = [{"role": "user", "content": '{"age": 5}'}]
    for stream in (False, True):
        response = raw(gateway, messages=said, output_config=form, stream=stream)
        assert "breaks the schema" in _sound(response, 502, "api_error")


@pytest.mark.parametrize("depth", [200, 900, 950, 980, 5_000])
def test_deep_json_is_no_defect(gateway: Server, depth: int) -> None:
    nested = '{"a":' * depth + "1" + "}" * depth
    call = f'{{"type": "tool_use", "id": "a", "name": "b", "input": {nested}}}'
    turn = f'{{"role": "assistant", "content": [{call}]}}'
    body = f'{{"model": "demo-echo", "max_tokens": 9, "messages": [{turn}]}}'
    url, headers = f"{gateway.url}/v1/messages", {"x-api-key": KEY}
    assert requests.post(url, data=body, headers=headers, timeout=9).status_code in (200, 400)

"""Each way in which a request or a bot can fail, through the real server."""

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

STATUSES = [
    (400, 400, "invalid_request_error"),
    (401, 401, "authentication_error"),
    (402, 402, "insufficient_credits"),
    (403, 403, "moderation_error"),
    (404, 404, "not_found_error"),
    (413, 413, "request_too_large"),
    (422, 400, "invalid_request_error"),
    (429, 429, "rate_limit_error"),
    (500, 502, "upstream_error"),
    (502, 502, "upstream_error"),
    (503, 529, "overloaded_error"),
    (529, 529, "overloaded_error"),
    (302, 502, "upstream_error"),
]

TYPES = [
    ("user_message_too_long", 400, "invalid_request_error"),
    ("insufficient_fund", 402, "insufficient_credits"),
    ("user_caused_error", 400, "invalid_request_error"),
    ("privacy_authorization_error", 403, "moderation_error"),
    ("new_kind_of_error", 502, "upstream_error"),
]


def failure(client: openai.OpenAI, model: str, **request: Any) -> tuple[int, dict[str, Any], Any]:
    """Status, error object and headers of a request that fails."""
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model=model, messages=HELLO, **request)
    body: Any = caught.value.body
    return caught.value.status_code, body, caught.value.response.headers


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("told", "status", "kind"), STATUSES)
def test_each_status_of_poe(
    client: openai.OpenAI, told: int, status: int, kind: str, stream: bool
) -> None:
    answered, error, headers = failure(client, f"status-{told}", stream=stream)
    assert (answered, error["type"]) == (status, kind)
    assert f"told with {told}" in error["message"]
    assert error["metadata"]["upstream_status"] == told
    assert headers.get("retry-after") == ("7" if told in (429, 503) else None)


@pytest.mark.parametrize(("error_type", "status", "kind"), TYPES)
def test_each_error_type(client: openai.OpenAI, error_type: str, status: int, kind: str) -> None:
    answered, error, _ = failure(client, f"typed-{error_type}", stream=True)
    assert (answered, error["type"]) == (status, kind)
    assert "This is too much." in error["message"]
    assert error["metadata"]["error_id"] == "abc-123"


def test_a_prompt_too_long_is_told_in_words_that_clients_know(client: openai.OpenAI) -> None:
    _, error, _ = failure(client, "typed-user_message_too_long")
    assert error["code"] == "context_length_exceeded"
    assert "prompt is too long" in error["message"]
    assert "maximum context length" in error["message"]


def test_a_refused_key_of_the_pool_is_not_the_clients_fault(
    start_gateway: Callable[..., Server],
) -> None:
    server = start_gateway(POE_API_KEYS="key-of-the-pool", ACCESS_TOKENS="tok")
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="tok", max_retries=0) as client:
        status, error, _ = failure(client, "keyed-1")
    assert (status, error["type"]) == (502, "upstream_error")
    assert error["metadata"]["keys"] == 1 and not error["metadata"]["retryable"]
    assert "POE_API_KEYS" in error["message"] and "key-of-the-pool" not in error["message"]


def test_demo_error_bot(client: openai.OpenAI) -> None:
    status, error, _ = failure(client, "demo-error")
    assert status == 502 and error["message"]


def test_a_retry_that_helps(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="retry-1", messages=HELLO)
    assert answer.choices[0].message.content == "recovered"


def test_a_bot_that_fails_twice_is_quoted(client: openai.OpenAI, seen: Callable[[], Any]) -> None:
    status, error, _ = failure(client, "retry-9")
    assert status == 502 and error["message"] == "failure 2"
    assert seen()["calls"]["retry-9"] == 2


def streamed_until_error(client: openai.OpenAI, model: str) -> tuple[str, Any, list[Any]]:
    """The text before the error frame, the error, and the finish reasons seen."""
    text, reasons = "", []
    with pytest.raises(openai.APIError) as caught:
        for chunk in client.chat.completions.create(model=model, messages=HELLO, stream=True):
            text += chunk.choices[0].delta.content or ""
            reasons.append(chunk.choices[0].finish_reason)
    return text, caught.value.body, [reason for reason in reasons if reason]


def test_an_answer_cut_in_the_middle(client: openai.OpenAI, seen: Callable[[], Any]) -> None:
    before = seen()["calls"].get("cut-3", 0)
    text, error, reasons = streamed_until_error(client, "cut-3")
    assert text == "t0 t1 t2 "
    assert error["type"] == "upstream_error"
    assert reasons == []
    assert seen()["calls"]["cut-3"] == before + 1
    status, whole, _ = failure(client, "cut-3")
    assert status == 502 and whole["type"] == "upstream_error"


def test_a_connection_cut_before_the_first_token_is_tried_again(
    client: openai.OpenAI, seen: Callable[[], Any]
) -> None:
    before = seen()["calls"].get("cut-0", 0)
    status, error, _ = failure(client, "cut-0")
    assert status == 502 and error["type"] == "upstream_error"
    assert seen()["calls"]["cut-0"] == before + 2


def test_an_answer_that_ends_without_its_end(client: openai.OpenAI) -> None:
    """The body is complete as HTTP sees it; the bot's answer is not."""
    text, error, reasons = streamed_until_error(client, "unfinished-2")
    assert text == "t0 t1 " and reasons == []
    assert error["type"] == "upstream_error"
    assert failure(client, "unfinished-2")[0] == 502
    assert failure(client, "unfinished-0")[0] == 502


def test_no_error_shows_a_key(client: openai.OpenAI) -> None:
    status, error, _ = failure(client, "keyed-")
    assert status == 401 and KEY not in error["message"]
    assert "bad key: Bearer [key]" in error["message"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_bot_that_never_starts(client: openai.OpenAI, stream: bool) -> None:
    """Streaming, the headers go out after HEADERS_WAIT (1 s), the limit of 2 s strikes later."""
    started = time.monotonic()
    if stream:
        text, error, _ = streamed_until_error(client, "silent-0")
        assert text == "" and error["type"] == "timeout_error"
    else:
        status, error, _ = failure(client, "silent-0")
        assert (status, error["type"]) == (408, "timeout_error")
    assert 1.9 < time.monotonic() - started < 6


def test_a_bot_that_falls_silent(client: openai.OpenAI) -> None:
    text, error, reasons = streamed_until_error(client, "silent-2")
    assert text == "t0 t1 " and reasons == []
    assert error["type"] == "upstream_error" and "2 seconds" in error["message"]


@pytest.mark.parametrize("kind", ["json", "field", "list", "html"])
def test_garbage_instead_of_events(client: openai.OpenAI, kind: str) -> None:
    status, error, _ = failure(client, f"garbage-{kind}")
    assert status == 502 and error["type"] == "upstream_error"


@pytest.mark.parametrize(("kind", "text"), [("kind", "fine"), ("binary", ""), ("empty", "")])
def test_garbage_that_harms_nothing(client: openai.OpenAI, kind: str, text: str) -> None:
    answer = client.chat.completions.create(model=f"garbage-{kind}", messages=HELLO)
    assert answer.choices[0].message.content == text


def test_a_server_that_is_not_there(start_gateway: Callable[..., Server]) -> None:
    nowhere = "http://127.0.0.1:9"
    gateway = start_gateway(BOT_URLS=f"gone={nowhere}/gone", POE_BASE_URL=nowhere)
    told = {
        "gone": "The server of the bot 'gone' cannot be reached.",
        "Any": "Poe cannot be reached to ask the bot 'Any'.",
    }
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as sdk:
        for bot, message in told.items():
            status, error, _ = failure(sdk, bot)
            assert (status, error["message"]) == (502, message)


def post(gateway: Server, body: Any, **headers: str) -> requests.Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {KEY}", **headers}
    return requests.post(
        f"{gateway.url}/v1/chat/completions", data=data, headers=headers, timeout=10
    )


def message(**fields: Any) -> dict[str, Any]:
    return {"model": "demo-echo", "messages": [*HELLO, *HELLO, {"role": "user", **fields}]}


BAD_FIELDS = [
    ({"messages": HELLO}, "model"),
    ({"model": "", "messages": HELLO}, "model"),
    ({"model": "x" * 300, "messages": HELLO}, "model"),
    ({"model": "a\ud800", "messages": HELLO}, "model"),
    ({"model": "demo-echo"}, "messages"),
    ({"model": "demo-echo", "messages": []}, "messages"),
    ({"model": "demo-echo", "messages": "hello"}, "messages"),
    (message(role="robot", content="x"), "messages[2].role"),
    (message(content=None), "messages[2].content"),
    (message(), "messages[2].content"),
    (message(content=7), "messages[2].content"),
    (message(content=[{"type": "text"}]), "messages[2].content[0].text"),
    (message(content=["x"]), "messages[2].content[0]"),
    (message(content=[{"type": "smell"}]), "messages[2].content[0].type"),
    (message(content="x", name=4), "messages[2].name"),
    *[
        ({"model": "demo-echo", "messages": HELLO, name: value}, name)
        for name, value in {
            "temperature": 2.1,
            "top_p": -0.1,
            "n": 0,
            "stream": "yes",
            "max_tokens": 0,
            "max_completion_tokens": 1.5,
            "presence_penalty": "1",
            "frequency_penalty": 3,
            "top_logprobs": 21,
            "logprobs": 1,
            "seed": "x",
            "user": 5,
            "metadata": [],
            "stop": ["a", "b", "c", "d", "e"],
            "modalities": "text",
            "extra_body": 1,
        }.items()
    ],
    (message(role="tool", content="x"), "messages[2].tool_call_id"),
    (message(role="tool", content="x", tool_call_id=None), "messages[2].tool_call_id"),
    *[
        ({"model": "demo-echo", "messages": HELLO, "seed": seed}, "seed")
        for seed in (2**63, -(2**64), 10**30)
    ],
    (
        {"model": "demo-echo", "messages": HELLO, "thinking": {"budget_tokens": 0}},
        "thinking.budget_tokens",
    ),
    (
        {
            "model": "demo-echo",
            "messages": HELLO,
            "response_format": {"type": "json_object", "schema": {"type": 5}},
        },
        "response_format.schema",
    ),
    ({"model": "demo-echo", "messages": HELLO, "logit_bias": {"1": 101}}, "logit_bias.1.value"),
    (
        {"model": "demo-echo", "messages": HELLO, "stream_options": {"include_usage": 1}},
        "stream_options.include_usage",
    ),
]


@pytest.mark.parametrize(("body", "param"), BAD_FIELDS)
def test_a_bad_field_is_named(gateway: Server, body: Any, param: str) -> None:
    response = post(gateway, body)
    error = response.json()["error"]
    assert (response.status_code, error["type"]) == (400, "invalid_request_error")
    assert error["param"] == param
    assert error["message"].startswith(param)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1]",
        b"null",
        b"\xff\xfe",
        b'{"temperature": NaN}',
        b'{"n": 1e999}',
        b"[" * 100_000,
        b"9" * 5000,
    ],
)
def test_a_body_that_is_no_json_object(gateway: Server, body: bytes) -> None:
    response = post(gateway, body)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


def test_a_body_over_the_limit(start_gateway: Callable[..., Server]) -> None:
    gateway = start_gateway(MAX_BODY_MB="0.01")
    response = post(gateway, message(content="x" * 20_000))
    assert response.status_code == 413
    assert response.json()["error"]["type"] == "request_too_large"
    assert post(gateway, message(content="x" * 5_000)).status_code == 200


@pytest.mark.parametrize("path", ["/v1/nothing", "/nothing", "/v1/chat"])
def test_an_unknown_route(gateway: Server, path: str) -> None:
    response = requests.get(gateway.url + path, timeout=5)
    assert response.status_code == 404
    assert response.json()["error"]["type"] == "not_found_error"
    assert path in response.json()["error"]["message"]


def test_a_wrong_method(gateway: Server) -> None:
    response = requests.get(f"{gateway.url}/v1/chat/completions", timeout=5)
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]
    assert response.json()["error"]["type"] == "invalid_request_error"


def tool_requests(schema: Any) -> dict[str, Any]:
    """A request with a tool of that schema, by path."""
    function = {"name": "f", "parameters": schema}
    return {
        "chat/completions": {
            "messages": HELLO,
            "tools": [{"type": "function", "function": function}],
        },
        "responses": {"input": "hello", "tools": [{"type": "function", **function}]},
        "messages": {
            "messages": HELLO,
            "max_tokens": 9,
            "tools": [{"name": "f", "input_schema": schema}],
        },
    }


@pytest.mark.parametrize("path", ["chat/completions", "responses", "messages"])
def test_deep_tools_are_served_or_refused(gateway: Server, path: str) -> None:
    for depth, status in ((200, 200), (975, 400), (50_000, 400)):
        body = json.dumps(tool_requests("SCHEMA")[path] | {"model": "demo-echo"})
        schema = '{"items":' * depth + "{}" + "}" * depth
        answer = requests.post(
            f"{gateway.url}/v1/{path}",
            data=body.replace('"SCHEMA"', schema),
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=20,
        )
        assert answer.status_code == status, answer.text


@pytest.mark.parametrize("path", ["chat/completions", "responses", "messages"])
def test_a_number_that_no_double_holds_is_refused(gateway: Server, path: str) -> None:
    """A Responses body would be told back with it."""
    body = json.dumps(tool_requests({})[path] | {"model": "demo-echo", "temperature": 0})
    answer = requests.post(
        f"{gateway.url}/v1/{path}",
        data=body.replace('"temperature": 0', '"temperature": 1e999'),
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=20,
    )
    assert answer.status_code == 400, answer.text


def test_a_meta_event_is_no_start(gateway: Server) -> None:
    answer = post(gateway, {"model": "meta-event", "messages": HELLO})
    assert answer.status_code == 408
    assert answer.json()["error"]["type"] == "timeout_error"

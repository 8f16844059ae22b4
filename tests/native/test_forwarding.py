"""Requests that go to Poe's own API, through gunicorn."""

import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import openai
import pytest
import requests

from tests.conftest import KEY
from tests.native.asking import CHAT, MESSAGES, PATHS, RESPONSES, Native, body_of
from tests.poe_api import STATUS_TYPES

EACH = pytest.mark.parametrize("path", PATHS)
TOOL: dict[str, dict[str, Any]] = {
    CHAT: {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}},
    RESPONSES: {"type": "function", "name": "look", "parameters": {"type": "object"}},
    MESSAGES: {"name": "look", "input_schema": {"type": "object"}},
}
Asked = Callable[[], list[dict[str, Any]]]


def renamed(stream: bytes, model: str, name: str) -> bytes:
    for gap in (b"", b" "):
        old = b'"model":' + gap + json.dumps(f"poe/{model}").encode()
        stream = stream.replace(old, b'"model":' + gap + json.dumps(name).encode())
    return stream


@EACH
@pytest.mark.parametrize("model", ["api-ok", "api-bytes", "api-crlf", "api-spaced", "api-comment"])
def test_a_stream_is_poes_own_but_for_the_name(auto: Native, path: str, model: str) -> None:
    own = auto.poes_own(path, model, stream=True)
    answer = auto.ask(path, model, stream=True)
    assert answer.status_code == 200
    assert answer.headers["x-poegate-upstream"] == f"api; Poe lists {path} for it"
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.content == renamed(own.content, model, model)
    assert own.content.count(b"poe/") > answer.content.count(b"poe/")


@EACH
def test_an_alias_is_what_the_client_sees_and_poe_does_not(
    auto: Native, asked: Asked, path: str
) -> None:
    tools: Any = {"tools": [TOOL[path]], "unknown_field": {"kept": [1.5, None]}}
    own = auto.poes_own(path, "api-ok", stream=True, **tools)
    answer = auto.ask(path, "mine", stream=True, **tools)
    assert answer.content == renamed(own.content, "api-ok", "mine")
    assert asked()[-1]["body"] == body_of(path, "api-ok", stream=True, **tools)


@EACH
def test_an_answer_in_one_piece_is_poes_own_but_for_the_name(auto: Native, path: str) -> None:
    own = auto.poes_own(path, "api-ok", tools=[TOOL[path]])
    answer = auto.ask(path, "mine", tools=[TOOL[path]])
    assert answer.json() == {**own.json(), "model": "mine"}
    assert answer.headers["Content-Type"] == "application/json"


def test_headers_that_say_something_of_the_body_are_passed(auto: Native, asked: Asked) -> None:
    sent = {
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "a-2026,b",
        "openai-beta": "c",
        "poe-feature": "chat-completions",
        "x-request-id": "req-from-client",
        "cookie": "secret=1",
        "x-other": "1",
    }
    answer = auto.ask(MESSAGES, "api-ok", headers=sent)
    passed = asked()[-1]["headers"]
    for name in ("anthropic-version", "anthropic-beta", "openai-beta", "poe-feature"):
        assert passed[name] == sent[name]
    assert passed["authorization"] == f"Bearer {KEY}"
    assert passed["x-request-id"] == answer.headers["x-request-id"] == "req-from-client"
    assert "cookie" not in passed and "x-other" not in passed


@pytest.mark.parametrize(
    ("path", "model", "more", "reason"),
    [
        (CHAT, "api-ok", {"n": 2}, "n above 1"),
        (CHAT, "api-ok", {"response_format": {"type": "json_object"}}, "a response_format"),
        (CHAT, "api-ok", {"modalities": ["audio"]}, "audio"),
        (CHAT, "api-ok", {"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "custom tools"),
        (CHAT, "demo-echo", {}, "a bot of BOT_URLS"),
        (CHAT, "count-5", {}, "Poe does not list /v1/chat/completions for it"),
        (MESSAGES, "only-chat", {}, "Poe does not list /v1/messages for it"),
        (RESPONSES, "nobody", {}, "not in Poe's list of models"),
        (RESPONSES, "api-ok", {"input": [{"type": "item_reference", "id": "msg_1"}]}, None),
    ],
)
def test_what_goes_to_the_bot_says_why(
    auto: Native, path: str, model: str, more: dict[str, Any], reason: str | None
) -> None:
    answer = auto.ask(path, model, **more)
    wanted = f"bot; {reason}" if reason else f"api; Poe lists {path} for it"
    assert answer.headers["x-poegate-upstream"] == wanted
    line = json.loads(auto.line_of(answer.headers["x-request-id"]))
    assert line["upstream"] == wanted


def test_an_endpoint_of_one_bot_is_enough(auto: Native) -> None:
    answer = auto.ask(CHAT, "only-chat")
    assert answer.headers["x-poegate-upstream"] == f"api; Poe lists {CHAT} for it"
    assert answer.json()["model"] == "only-chat"


@EACH
@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("status", list(STATUS_TYPES))
def test_each_status_of_poes_api(auto: Native, path: str, status: int, streaming: bool) -> None:
    answer = auto.ask(path, f"api-status-{status}", stream=streaming)
    expected = {413: 400, 500: 502, 503: 529}.get(status, status)
    assert answer.status_code == expected
    error = answer.json()["error"]
    assert f"Poe says {STATUS_TYPES[status]}" in error["message"]
    if status == 413:
        assert "prompt is too long" in error["message"]
        assert path == MESSAGES or error["code"] == "context_length_exceeded"
    if path != MESSAGES:
        assert error["metadata"]["upstream_status"] == status
    if status == 429:
        assert answer.headers["Retry-After"] == "7"


@EACH
def test_an_error_in_the_first_frame_is_a_status(auto: Native, path: str) -> None:
    for kind, status in (
        ("rate_limit_error", 429),
        ("provider_error", 502),
        ("context_length_exceeded", 400),
    ):
        answer = auto.ask(path, f"api-first-{kind}", stream=True)
        assert answer.status_code == status
        assert f"Poe says {kind}" in answer.json()["error"]["message"]


@EACH
@pytest.mark.parametrize("model", ["api-then-provider_error", "api-cut", "api-unended"])
def test_what_breaks_off_ends_with_an_error_in_our_words(
    auto: Native, path: str, model: str
) -> None:
    own = renamed(auto.poes_own(path, "api-ok", stream=True).content, "api-ok", model)
    answer = auto.ask(path, model, stream=True)
    frames = answer.content.split(b"\n\n")
    assert frames[:5] == own.split(b"\n\n")[:5]
    last = json.loads(frames[-2].split(b"data: ")[1])
    words = "Poe says provider_error" if "then" in model else ""
    if path == CHAT:
        assert last["error"]["type"] == "upstream_error" and words in last["error"]["message"]
    elif path == MESSAGES:
        assert last["type"] == "error" and words in last["error"]["message"]
    else:
        assert last["type"] == "response.failed" and last["response"]["status"] == "failed"
        assert words in last["response"]["error"]["message"]
        assert last["response"]["model"] == model
    assert len(frames) == 7
    assert b"[DONE]" not in answer.content


@EACH
def test_silence_is_filled_and_ends(auto: Native, path: str) -> None:
    began = time.monotonic()
    answer = auto.ask(path, "api-silent", stream=True)
    assert 1.9 < time.monotonic() - began < 8
    assert "sent nothing for 2 seconds" in answer.text
    until = time.monotonic() + 5
    while not auto.closed().get("api-silent"):
        assert time.monotonic() < until
        time.sleep(0.05)


@EACH
def test_a_pause_is_filled_with_signs_of_life_of_the_format(
    start_native: Callable[..., Native], path: str
) -> None:
    native = start_native(KEEPALIVE_SECONDS="0.5", HEADERS_WAIT="1", IDLE_TIMEOUT="20")
    models = ("api-pause", "api-late")
    with ThreadPoolExecutor(4) as pool:
        originals = pool.map(lambda model: native.poes_own(path, model, stream=True), models)
        answers = pool.map(lambda model: native.ask(path, model, stream=True), models)
    for model, original, answer in zip(models, originals, answers, strict=True):
        own, passed = renamed(original.content, model, model), answer.content
        assert passed != own
        if path == CHAT:
            signs = [
                block
                for block in passed.split(b"\n\n")
                if b'"delta":{},"logprobs":null,"finish_reason":null' in block
            ]
            rest = passed.replace(b": keep-alive\n", b"")
        elif path == MESSAGES:
            signs = [b'event: ping\ndata: {"type": "ping"}'] * passed.count(b'{"type": "ping"}')
            rest = passed.replace(b": keep-alive\n", b"")
        else:
            whole = own.count(b"event: response.in_progress")
            events = [one for one in passed.split(b"\n\n") if b"event: response.in_prog" in one]
            signs = events[whole:]
            rest = passed.replace(b": keep-alive\n", b"")
        if model == "api-pause" or path == MESSAGES:
            assert signs
        else:
            assert passed.startswith(b": keep-alive\n")
        for sign in signs:
            rest = rest.replace(sign + b"\n\n", b"", 1)
        assert len(rest) == len(own)


def test_a_bot_that_does_not_start_is_a_408(auto: Native) -> None:
    answer = auto.ask(CHAT, "api-late")
    assert answer.status_code == 408


@EACH
def test_a_client_that_leaves_ends_it_at_poe(auto: Native, path: str) -> None:
    before = auto.closed().get("api-endless", 0)
    body = body_of(path, "api-endless", stream=True)
    headers = {"Authorization": f"Bearer {KEY}"}
    url = auto.gateway.url + path
    with requests.post(url, json=body, headers=headers, stream=True, timeout=20) as answer:
        next(answer.iter_content(100))
    until = time.monotonic() + 10
    while auto.closed().get("api-endless", 0) == before and time.monotonic() < until:
        time.sleep(0.1)
    assert auto.closed()["api-endless"] == before + 1
    line = json.loads(auto.line_of(answer.headers["x-request-id"]))
    assert line["error"] == "client_gone" and line["completion_tokens"] > 0


def test_the_log_has_poes_own_usage(auto: Native) -> None:
    for path, prompt in ((RESPONSES, 2000), (MESSAGES, 3111), (CHAT, 1000)):
        for streaming in (False, True):
            options = {"stream_options": {"include_usage": True}} if path == CHAT else {}
            answer = auto.ask(path, "api-ok", "one two", stream=streaming, **options)
            line = json.loads(auto.line_of(answer.headers["x-request-id"]))
            counted = prompt + (0 if path == MESSAGES else 2)
            assert (line["prompt_tokens"], line["completion_tokens"]) == (counted, 2)
            assert line["model"] == "api-ok" and line["first_token_ms"] is not None
            assert line["upstream_request_id"] == "poe-req-1"


def test_a_chat_stream_without_usage_is_estimated(auto: Native) -> None:
    answer = auto.ask(CHAT, "api-ok", "x" * 400, stream=True)
    assert "usage" not in answer.text
    line = json.loads(auto.line_of(answer.headers["x-request-id"]))
    assert (line["prompt_tokens"], line["completion_tokens"]) == (100, 100)


def test_pages_may_read_the_way(auto: Native) -> None:
    answer = auto.ask(CHAT, "api-ok", headers={"Origin": "https://page.example"})
    assert answer.headers["Access-Control-Allow-Origin"] in ("*", "https://page.example")
    assert "x-poegate-upstream" in answer.headers["Access-Control-Expose-Headers"]


def test_the_vendors_sdks_understand_it(auto: Native) -> None:
    with openai.OpenAI(base_url=f"{auto.gateway.url}/v1", api_key=KEY, max_retries=0) as sdk:
        completion = sdk.chat.completions.create(**body_of(CHAT, "mine", tools=[TOOL[CHAT]]))
        calls = completion.choices[0].message.tool_calls
        assert calls and calls[0].type == "function" and calls[0].function.name == "look"
        with sdk.responses.stream(model="mine", input="one two") as stream:
            assert stream.get_final_response().output_text == "one two"
        with pytest.raises(openai.RateLimitError):
            sdk.responses.create(model="api-status-429", input="x")
    with anthropic.Anthropic(base_url=auto.gateway.url, api_key=KEY, max_retries=0) as claude:
        with claude.messages.stream(**body_of(MESSAGES, "mine", "one two")) as message:
            final = message.get_final_message()
        assert final.model == "mine" and final.usage.cache_read_input_tokens == 3000
        with pytest.raises(anthropic.APIStatusError):
            with claude.messages.stream(**body_of(MESSAGES, "api-then-provider_error")) as message:
                message.until_done()


def test_what_cannot_be_passed_is_refused_under_api(start_native: Callable[..., Native]) -> None:
    native = start_native(UPSTREAM="api")
    answer = native.ask(CHAT, "count-5")
    assert answer.headers["x-poegate-upstream"] == "api; UPSTREAM=api"
    refused = native.ask(CHAT, "api-ok", n=2)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "n"
    assert "n above 1" in refused.json()["error"]["message"]
    assert native.ask(CHAT, "demo-echo").status_code == 200


def test_a_bot_can_have_a_way_of_its_own(
    start_native: Callable[..., Native], tmp_path: Any
) -> None:
    file = tmp_path / "poegate.toml"
    file.write_text('[bot]\n"api-*" = {upstream = "auto"}\n"only-*" = {upstream = "api"}\n')
    native = start_native(UPSTREAM="bot", POEGATE_CONFIG=str(file))
    time.sleep(1)
    assert native.ask(CHAT, "api-ok").headers["x-poegate-upstream"].startswith("api; Poe lists")
    assert native.ask(CHAT, "only-chat").headers["x-poegate-upstream"] == "api; UPSTREAM=api"
    assert "x-poegate-upstream" not in native.ask(CHAT, "count-5").headers


@pytest.fixture(scope="module")
def falling_back(start_native: Callable[..., Native], tmp_path_factory: Any) -> Native:
    file = tmp_path_factory.mktemp("fallbacks") / "poegate.toml"
    file.write_text('[bot]\n"api-*" = {fallback = ["count-5"]}\n')
    return start_native(POEGATE_CONFIG=str(file))


@pytest.mark.parametrize("stream", [False, True])
@EACH
def test_another_bot_answers_where_poes_api_cannot(
    falling_back: Native, path: str, stream: bool
) -> None:
    native = falling_back
    answer = native.ask(path, "api-status-429", stream=stream)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-poegate-upstream"] == "bot; Poe's own API answered 429"
    assert answer.headers["x-poegate-fallbacks"] == "1"
    assert re.search(r'"model": ?"count-5"', answer.text)
    refused = native.ask(path, "api-status-400", stream=stream)
    assert refused.status_code == 400, "another bot would not do better"
    begun = native.ask(path, "api-cut", stream=True)
    assert begun.headers["x-poegate-upstream"].startswith("api; Poe lists")


def test_by_default_nothing_goes_there(start_native: Callable[..., Native], asked: Asked) -> None:
    native = start_native(UPSTREAM="")
    before = len(asked())
    assert native.ask(CHAT, "count-3").status_code == 200
    assert "x-poegate-upstream" not in native.ask(CHAT, "count-3").headers
    assert len(asked()) == before

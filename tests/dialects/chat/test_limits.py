"""stop, max_tokens, n, files and the old Completions, through gunicorn."""

import base64
import time
from collections.abc import Callable
from typing import Any

import openai
import pytest
import requests

from tests.conftest import KEY
from tests.servers import Server

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n-not-really").decode()

EMPTY_CHUNK = '"delta":{},"logprobs":null,"finish_reason":null'


def user(content: Any) -> list[Any]:
    return [{"role": "user", "content": content}]


def both(client: openai.OpenAI, **request: Any) -> list[tuple[str, str]]:
    """Text and finish_reason, whole and streamed."""
    whole = client.chat.completions.create(**request).choices[0]
    chunks = [
        chunk.choices[0]
        for chunk in client.chat.completions.create(**request, stream=True)
        if chunk.choices
    ]
    streamed = "".join(chunk.delta.content or "" for chunk in chunks)
    return [
        (whole.message.content or "", whole.finish_reason),
        (streamed, str(chunks[-1].finish_reason)),
    ]


@pytest.mark.parametrize(
    ("stop", "text"),
    [
        ("three", "one two "),
        (["six", "four five"], "one two three "),
        ("seven", "one two three four five six"),
    ],
)
def test_stop(client: openai.OpenAI, stop: Any, text: str) -> None:
    messages = user("one two three four five six")
    assert both(client, model="demo-echo", messages=messages, stop=stop) == [(text, "stop")] * 2


def test_stop_closes_the_bot_at_once(client: openai.OpenAI, seen: Callable[[], Any]) -> None:
    answer = client.chat.completions.create(
        model="endless-stop", messages=user("x"), stop=["more more"]
    )
    assert answer.choices[0].message.content == ""
    time.sleep(0.3)
    assert seen()["closed"]["/bot/endless-stop"] == 1


def test_max_tokens(client: openai.OpenAI, seen: Callable[[], Any]) -> None:
    results = both(client, model="endless-max", messages=user("x"), max_completion_tokens=4)
    assert results == [("more more more more", "length")] * 2
    time.sleep(0.3)
    assert seen()["closed"]["/bot/endless-max"] == 2


def test_exactly_max_tokens_is_no_cut(client: openai.OpenAI) -> None:
    [whole, streamed] = both(
        client, model="demo-echo", messages=user("hello big world"), max_tokens=3
    )
    assert whole == streamed == ("hello big world", "stop")


def test_several_choices(client: openai.OpenAI) -> None:
    one = client.chat.completions.create(model="demo-echo", messages=user("hello"))
    answer = client.chat.completions.create(model="demo-echo", messages=user("hello"), n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert {choice.message.content for choice in answer.choices} == {"hello"}
    assert answer.usage and one.usage
    assert answer.usage.completion_tokens == 3 * one.usage.completion_tokens


def test_several_choices_streamed(client: openai.OpenAI) -> None:
    texts, reasons, usages = ["", "", ""], {}, []
    for chunk in client.chat.completions.create(
        model="count-30",
        messages=user("m"),
        n=3,
        stream=True,
        stream_options={"include_usage": True},
    ):
        usages += [chunk.usage] if chunk.usage else []
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            if choice.finish_reason:
                reasons[choice.index] = choice.finish_reason
    assert texts == ["".join(f"m:{number} " for number in range(30))] * 3
    assert reasons == {0: "stop", 1: "stop", 2: "stop"}
    assert len(usages) == 1 and usages[0].completion_tokens > 90


def test_one_failing_choice_fails_them_all(client: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="status-429", messages=user("x"), n=2)
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(model="cut-2", messages=user("x"), n=2, stream=True))


def test_silent_choices_are_kept_alive(start_gateway: Callable[..., Server]) -> None:
    gateway = start_gateway(HEADERS_WAIT="0.2", KEEPALIVE_SECONDS="0.5", FIRST_EVENT_TIMEOUT="3")
    body = requests.post(
        f"{gateway.url}/v1/chat/completions",
        json={"model": "silent-0", "messages": user("x"), "n": 2, "stream": True},
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=10,
    ).text
    assert EMPTY_CHUNK in body
    assert body.count("timeout_error") == 1


def test_leaving_closes_every_choice(gateway: Server, seen: Callable[[], Any]) -> None:
    response = requests.post(
        f"{gateway.url}/v1/chat/completions",
        json={"model": "endless-n", "messages": user("x"), "n": 3, "stream": True},
        headers={"Authorization": f"Bearer {KEY}"},
        stream=True,
        timeout=5,
    )
    next(response.iter_content(None))
    response.close()
    time.sleep(1)
    assert seen()["closed"]["/bot/endless-n"] == 3


def test_completions(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="demo-echo", prompt="Once upon", echo=True)
    assert answer.object == "text_completion"
    assert answer.choices[0].text == "Once uponOnce upon"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage and answer.usage.completion_tokens == 2


def test_completions_of_several_prompts_streamed(client: openai.OpenAI) -> None:
    texts = ["", ""]
    for chunk in client.completions.create(
        model="demo-echo", prompt=["a b", "c d"], stream=True, max_tokens=10, stop=["x"]
    ):
        for choice in chunk.choices:
            texts[choice.index] += choice.text
    assert texts == ["a b", "c d"]


def test_completions_with_a_suffix(client: openai.OpenAI, seen: Callable[[], Any]) -> None:
    client.completions.create(model="count-6", prompt="def f():", suffix="return x")
    asked = seen()["last"]["count-6"]["query"]
    assert asked[0]["role"] == "system"
    assert "def f():" in asked[1]["content"] and "return x" in asked[1]["content"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "prompt"),
        ({"prompt": [1, 2]}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": ["a"] * 4, "n": 3}, "n"),
        ({"prompt": "a", "logprobs": 9}, "logprobs"),
    ],
)
def test_bad_completions_are_named(gateway: Server, fields: dict[str, Any], param: str) -> None:
    response = requests.post(
        f"{gateway.url}/v1/completions",
        json={"model": "demo-echo", **fields},
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=5,
    )
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


BAD_FILES = [
    ({"type": "image_url", "image_url": {"url": "data:image/png;base64,@@@"}}, "image_url"),
    ({"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}, "image_url"),
    ({"type": "image_url", "image_url": {"url": "data:nonsense"}}, "image_url"),
    ({"type": "image_url", "image_url": {"url": "ftp://host/a.png"}}, "image_url"),
    ({"type": "image_url", "image_url": {"url": "https://"}}, "image_url"),
    ({"type": "file", "file": {"filename": "a.pdf"}}, "file"),
    ({"type": "file", "file": {"file_data": "!", "filename": "a.pdf"}}, "file.file_data"),
    ({"type": "input_audio", "input_audio": {"data": "@", "format": "wav"}}, "input_audio"),
]


@pytest.mark.parametrize(("part", "field"), BAD_FILES)
def test_a_bad_file_is_named(gateway: Server, part: Any, field: str) -> None:
    response = requests.post(
        f"{gateway.url}/v1/chat/completions",
        json={"model": "demo-echo", "messages": user([{"type": "text", "text": "x"}, part])},
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=5,
    )
    assert response.status_code == 400
    assert response.json()["error"]["param"] == f"messages[0].content[1].{field}"

"""Chat completions through gunicorn, with the openai SDK as the client."""

import base64
import json
from collections.abc import Callable
from typing import Any

import openai
import pytest
import requests
from openai.types.chat import ChatCompletionChunk

from tests.conftest import KEY
from tests.servers import Server

HELLO: Any = [{"role": "user", "content": "  Hello,\n\twide   world! "}]


def chunks_of(client: openai.OpenAI, **request: Any) -> list[ChatCompletionChunk]:
    return list(client.chat.completions.create(stream=True, **request))


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def ask_script(client: openai.OpenAI, *events: Any) -> tuple[str, str]:
    """What a bot that sends these events says, whole and streamed."""
    messages: Any = [{"role": "user", "content": json.dumps(events)}]
    whole = client.chat.completions.create(model="script-", messages=messages)
    return whole.choices[0].message.content or "", text_of(
        chunks_of(client, model="script-", messages=messages)
    )


def test_it_works(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="demo-echo", messages=HELLO)
    assert answer.choices[0].message.content == HELLO[0]["content"]
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "demo-echo"
    assert answer.object == "chat.completion"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.completion_tokens > 0


def test_stream_has_the_documented_form(client: openai.OpenAI) -> None:
    chunks = chunks_of(
        client,
        model="demo-echo",
        messages=HELLO,
        stream_options={"include_usage": True},
    )
    assert len({(chunk.id, chunk.created, chunk.model, chunk.object) for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert text_of(chunks) == HELLO[0]["content"]
    *content, last, usage = chunks
    assert last.choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in (*content, last))
    assert usage.choices == [] and usage.usage is not None
    whole = client.chat.completions.create(model="demo-echo", messages=HELLO)
    assert usage.usage == whole.usage


def test_stream_without_usage_ends_in_done(gateway: Server) -> None:
    response = requests.post(
        f"{gateway.url}/v1/chat/completions",
        json={"model": "demo-echo", "messages": HELLO, "stream": True},
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=10,
    )
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["X-Accel-Buffering"] == "no"
    frames = response.text.split("\n\n")
    assert frames[-2:] == ["data: [DONE]", ""]
    assert "usage" not in response.text


def test_reasoning_is_apart_from_the_answer(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="demo-reasoner", messages=HELLO)
    message: Any = answer.choices[0].message
    assert "Thinking" not in message.content and ">" not in message.content
    assert message.reasoning_content
    chunks: Any = chunks_of(client, model="demo-reasoner", messages=HELLO)
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert text_of(chunks) == message.content
    reasoning = "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas)
    assert reasoning == message.reasoning_content
    assert answer.usage and answer.usage.completion_tokens_details
    assert answer.usage.completion_tokens_details.reasoning_tokens


@pytest.mark.parametrize("mode", ["inline", "drop"])
def test_reasoning_modes(start_gateway: Callable[..., Server], mode: str) -> None:
    gateway = start_gateway(REASONING=mode)
    with openai.OpenAI(base_url=gateway.url, api_key=KEY) as sdk:
        message: Any = sdk.chat.completions.create(model="demo-reasoner", messages=HELLO)
    content = message.choices[0].message.content
    assert ("*Thinking...*" in content) == (mode == "inline")
    assert not hasattr(message.choices[0].message, "reasoning_content")


def test_a_repeated_answer_is_delivered_once(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="demo-search", messages=HELLO)
    streamed = text_of(chunks_of(client, model="demo-search", messages=HELLO))
    assert streamed.rstrip() == whole.choices[0].message.content
    assert "moon" in streamed and streamed.count("moon") == 1


def test_a_picture_comes_as_markdown(client: openai.OpenAI) -> None:
    content = text_of(chunks_of(client, model="demo-image", messages=HELLO))
    assert content.startswith("![") and "Generating" not in content
    url = content[content.index("(") + 1 : -1]
    assert requests.get(url, timeout=5).content.startswith(b"\x89PNG")


def text(piece: str) -> Any:
    return ["text", {"text": piece}]


def replace(piece: str) -> Any:
    return ["replace_response", {"text": piece}]


@pytest.mark.parametrize(
    ("events", "answer"),
    [
        ([text("a"), text("b"), replace("abc")], "abc"),
        (
            [
                replace("Thinking... (1s elapsed)"),
                replace("Thinking... (2s elapsed)"),
                replace("x"),
            ],
            "x",
        ),
        ([text("Generating image..."), replace(""), text("done")], "done"),
        ([text("Thinking..."), text(" is hard")], "Thinking... is hard"),
        ([text("hi"), ["suggested_reply", {"text": "more?"}]], "hi"),
        ([["meta", {"suggested_replies": True}], text("hi")], "hi"),
        ([text("wait\n\nDrawing (3s elapsed)"), replace("wait\n\ndrawn")], "wait\n\ndrawn"),
        ([text("snow \u2603 and \U0001f600")], "snow \u2603 and \U0001f600"),
        ([text("cut \ud83d here")], "cut \ufffd here"),
    ],
)
def test_what_poe_sends_is_said_once_and_alike(
    client: openai.OpenAI, events: list[Any], answer: str
) -> None:
    assert ask_script(client, *events) == (answer, answer)


def test_a_contradicting_answer_follows_once_on_a_new_line(client: openai.OpenAI) -> None:
    whole, streamed = ask_script(client, text("first words"), text(" go"), replace("other words"))
    assert whole == "other words"
    assert streamed == "first words go\nother words"


def test_attachments(client: openai.OpenAI) -> None:
    image = {"url": "http://h/a (1).png", "content_type": "image/png", "name": "a.png"}
    inline = {"url": "http://h/b.png", "content_type": "image/png", "name": "b", "inline_ref": "r1"}
    sheet = {"url": "http://h/c.csv", "content_type": "text/csv", "name": "c.csv"}
    whole, streamed = ask_script(
        client,
        ["file", image],
        ["file", inline],
        ["file", sheet],
        text("See ![the pic"),
        text("ture][r1]!"),
    )
    assert whole == streamed
    assert whole == (
        "See ![the picture](http://h/b.png)!\n\n"
        "![a.png](http://h/a%20%281%29.png)\n[c.csv](http://h/c.csv)"
    )


def test_fields_and_parameters_reach_poe(client: openai.OpenAI, seen: Callable[[], Any]) -> None:
    client.chat.completions.create(
        model="count-1",
        messages=[
            {"role": "developer", "content": "Be kind."},
            {"role": "user", "content": [{"type": "text", "text": "one"}], "name": "Ann"},
            {"role": "assistant", "content": "two"},
            {"role": "user", "content": "three"},
        ],
        temperature=0.5,
        stop=["END"],
        logit_bias={"50256": -100},
        top_p=0.9,
        max_tokens=7,
        reasoning_effort="high",
        seed=3,
        user="someone",
        logprobs=True,
        extra_body={"thinking_budget": 1000, "extra_body": {"aspect": "16:9"}},
    )
    query = seen()["last"]["count-1"]
    assert [message["role"] for message in query["query"]] == ["system", "user", "bot", "user"]
    assert [message["content"] for message in query["query"]] == ["Be kind.", "one", "two", "three"]
    assert query["query"][1]["sender"]["name"] == "Ann"
    assert query["temperature"] == 0.5
    assert query["stop_sequences"] == ["END"]
    assert query["logit_bias"] == {"50256": -100}
    assert query["skip_system_prompt"] is True
    assert query["authorization"] == f"Bearer {KEY}"
    assert query["query"][3]["parameters"] == {
        "top_p": 0.9,
        "max_tokens": 7,
        "reasoning_effort": "high",
        "thinking_budget": 1000,
        "aspect": "16:9",
    }
    assert query["query"][1]["parameters"] == {}


def test_the_demo_image_is_what_the_bot_drew(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="demo-image", messages=HELLO)
    content = answer.choices[0].message.content or ""
    picture = requests.get(content[content.index("(") + 1 : -1], timeout=5).content
    assert base64.b64encode(picture[:8]) == b"iVBORw0KGgo="


def test_no_report_is_sent_for_an_answer_without_text(
    client: openai.OpenAI, seen: Callable[[], Any]
) -> None:
    answer = client.chat.completions.create(model="garbage-empty", messages=HELLO)
    assert answer.choices[0].message.content == ""
    assert seen()["calls"].get("reports") is None

"""Anthropic's Messages through gunicorn, with the anthropic SDK as the client."""

import base64
import json
from collections.abc import Callable
from typing import Any

import anthropic
import pydantic
import pytest
import requests
from anthropic.types import Message

from app.demo.picture import colours_for, draw
from tests.anthropic_stream import checked, events_in, folded
from tests.conftest import KEY
from tests.servers import Server

TEXT = "  Hello,\n\twide   world! "
HELLO: Any = [{"role": "user", "content": TEXT}]


def whole(claude: anthropic.Anthropic, **request: Any) -> Message:
    request = {"model": "demo-echo", "max_tokens": 1_000, "messages": HELLO, **request}
    message: Message = claude.messages.create(**request)
    return message


def streamed(claude: anthropic.Anthropic, **request: Any) -> Message:
    """The SDK's own accumulation of the stream."""
    request = {"model": "demo-echo", "max_tokens": 1_000, "messages": HELLO, **request}
    with claude.messages.stream(**request) as stream:
        return stream.get_final_message()


def raw(gateway: Server, path: str = "/v1/messages", **request: Any) -> requests.Response:
    """The answer as it is, to a request as it is."""
    headers = request.pop("headers", {"x-api-key": KEY, "anthropic-version": "2023-06-01"})
    body = {"model": "demo-echo", "max_tokens": 1_000, "messages": HELLO, **request}
    return requests.post(gateway.url + path, json=body, headers=headers, timeout=20)


def texts(message: Message) -> list[str]:
    return [block.text for block in message.content if block.type == "text"]


BOTH = pytest.mark.parametrize("turn", [whole, streamed])
Turn = Callable[..., Message]


@BOTH
def test_it_works(claude: anthropic.Anthropic, turn: Turn) -> None:
    message = turn(claude)
    assert texts(message) == [TEXT]
    assert message.id.startswith("msg_") and message.model == "demo-echo"
    assert (message.role, message.type) == ("assistant", "message")
    assert (message.stop_reason, message.stop_sequence) == ("end_turn", None)
    usage = message.usage
    assert usage.input_tokens > 0 and usage.output_tokens > 0
    assert usage.cache_creation_input_tokens == usage.cache_read_input_tokens == 0


def test_a_stream_has_the_documented_form(gateway: Server) -> None:
    response = raw(gateway, stream=True)
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["request-id"].startswith("req_")
    assert "[DONE]" not in response.text
    assert [event["type"] for event in events_in(response.text)][:2] == ["message_start", "ping"]
    events = checked(response.text)
    body = raw(gateway).json()
    assert events[0]["message"]["usage"]["input_tokens"] == body["usage"]["input_tokens"]
    assert folded(events) == body["content"]
    assert events[-2]["usage"].items() <= body["usage"].items()


def test_the_text_stream(claude: anthropic.Anthropic) -> None:
    with claude.messages.stream(model="demo-echo", max_tokens=99, messages=HELLO) as stream:
        pieces = list(stream.text_stream)
    assert "".join(pieces) == TEXT and len(pieces) >= 1


@BOTH
def test_thinking_is_a_block_of_its_own(claude: anthropic.Anthropic, turn: Turn) -> None:
    message = turn(claude, model="demo-reasoner")
    thought, said = message.content
    assert thought.type == "thinking" and said.type == "text"
    assert "count words" in thought.thinking and thought.signature
    assert said.text.startswith("Your message has") and ">" not in said.text
    back: Any = [*HELLO, {"role": "assistant", "content": message.content}, *HELLO]
    again = turn(claude, model="demo-reasoner", messages=back)
    assert texts(again) == texts(message)
    details = message.usage.output_tokens_details
    assert details is not None and details.thinking_tokens > 0


@BOTH
def test_thinking_is_told_as_asked(claude: anthropic.Anthropic, turn: Turn) -> None:
    omitted = turn(
        claude, model="demo-reasoner", thinking={"type": "adaptive", "display": "omitted"}
    )
    assert omitted.content[0].type == "thinking" and omitted.content[0].thinking == ""
    assert omitted.content[0].signature
    disabled = turn(claude, model="demo-reasoner", thinking={"type": "disabled"})
    assert [block.type for block in disabled.content] == ["text"]


@BOTH
@pytest.mark.parametrize(
    ("request_", "reason", "sequence", "answer"),
    [
        ({"stop_sequences": ["wide", "END"]}, "stop_sequence", "wide", "  Hello,\n\t"),
        ({"max_tokens": 2}, "max_tokens", None, None),
        ({"stop_sequences": ["never said"]}, "end_turn", None, TEXT),
    ],
)
def test_stop_reasons(
    claude: anthropic.Anthropic,
    turn: Turn,
    request_: Any,
    reason: str,
    sequence: str | None,
    answer: str | None,
) -> None:
    message = turn(claude, **request_)
    assert (message.stop_reason, message.stop_sequence) == (reason, sequence)
    [text] = texts(message)
    assert text == answer if answer is not None else TEXT.startswith(text) and text != TEXT


@BOTH
def test_an_answer_without_text(claude: anthropic.Anthropic, turn: Turn) -> None:
    message = turn(claude, model="garbage-empty")
    assert texts(message) == [""] and message.stop_reason == "end_turn"


@BOTH
def test_a_picture_comes_as_markdown(claude: anthropic.Anthropic, turn: Turn) -> None:
    [text] = texts(turn(claude, model="demo-image"))
    assert text.startswith("![")
    url = text[text.index("(") + 1 : -1]
    assert requests.get(url, timeout=5).content.startswith(b"\x89PNG")


class Person(pydantic.BaseModel):
    name: str
    age: int


ANN: Any = [{"role": "user", "content": 'Sure: ```json\n{"name": "Ann", "age": 5}\n```'}]


def test_structured_output(claude: anthropic.Anthropic) -> None:
    answer = claude.messages.parse(
        model="demo-echo", max_tokens=99, messages=ANN, output_format=Person
    )
    assert answer.parsed_output == Person(name="Ann", age=5)
    assert json.loads(answer.content[0].text) == {"name": "Ann", "age": 5}  # type: ignore[union-attr]


def test_structured_output_streamed(claude: anthropic.Anthropic) -> None:
    with claude.messages.stream(
        model="demo-echo", max_tokens=99, messages=ANN, output_format=Person
    ) as stream:
        assert stream.get_final_message().parsed_output == Person(name="Ann", age=5)


WORDS: Any = [{"type": "text", "text": "hello"}]


def test_pictures_are_counted(claude: anthropic.Anthropic) -> None:
    """By their size, not by their bytes; an answer's usage counts them alike."""
    data = base64.b64encode(draw(colours_for("x")) + bytes(9_000)).decode()
    source: Any = {"type": "base64", "media_type": "image/png", "data": data}
    seen: Any = [{"role": "user", "content": [{"type": "image", "source": source}, *WORDS]}]
    plain: Any = [{"role": "user", "content": WORDS}]
    counts = [
        claude.messages.count_tokens(model="demo-echo", messages=messages).input_tokens
        for messages in (seen, plain)
    ]
    assert counts[0] - counts[1] == 255
    answer = claude.messages.create(model="demo-echo", max_tokens=9, messages=seen)
    assert answer.usage.input_tokens == counts[0]

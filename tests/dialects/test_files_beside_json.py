"""Bots that send files with their JSON or their calls, through the SDKs' helpers that parse."""

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
import requests
from pydantic import BaseModel

from app.core.stages.retry_format import FILES_LEFT_OUT
from tests.conftest import KEY
from tests.servers import Server

MODEL = "script-"


class Harbour(BaseModel):
    name: str


PICTURE = ["file", {"url": "https://h/a.png", "content_type": "image/png", "name": "a.png"}]
INLINE = ["file", {**PICTURE[1], "inline_ref": "r1"}]  # type: ignore[dict-item]
JSON = ["text", {"text": '{"name": "Brest"}'}]
REFERRING = ["text", {"text": '{"name": "![Brest][r1]"}'}]
CALL = ["text", {"text": '<tool_call>{"name": "tide", "arguments": {"at": 3}}</tool_call>'}]
LINKED = "![Brest](https://h/a.png)"

ANSWERS = [
    ([JSON, PICTURE], "Brest"),
    ([PICTURE, JSON], "Brest"),
    ([JSON, INLINE], "Brest"),
    ([REFERRING, INLINE], LINKED),
    ([INLINE, REFERRING, PICTURE], LINKED),
    ([PICTURE, CALL], None),
]
EACH = pytest.mark.parametrize(("events", "name"), ANSWERS)
PARAMETERS = {
    "type": "object",
    "properties": {"at": {"type": "integer"}},
    "required": ["at"],
    "additionalProperties": False,
}
FUNCTION = {"name": "tide", "parameters": PARAMETERS, "strict": True}


def expected(name: str | None) -> tuple[Harbour | None, list[Any]]:
    return (None, [{"at": 3}]) if name is None else (Harbour(name=name), [])


@EACH
def test_chat(client: openai.OpenAI, events: list[Any], name: str | None) -> None:
    asked: Any = {
        "model": MODEL,
        "messages": [{"role": "user", "content": json.dumps(events)}],
        "response_format": Harbour,
        "tools": [{"type": "function", "function": FUNCTION}],
    }
    whole = client.chat.completions.parse(**asked).choices[0].message
    with client.chat.completions.stream(**asked) as stream:
        live = stream.get_final_completion().choices[0].message
    for message in (whole, live):
        calls = [call.function.parsed_arguments for call in message.tool_calls or ()]
        assert (message.parsed, calls) == expected(name)


@EACH
def test_responses(client: openai.OpenAI, events: list[Any], name: str | None) -> None:
    asked: Any = {
        "model": MODEL,
        "input": json.dumps(events),
        "text_format": Harbour,
        "tools": [{"type": "function", **FUNCTION}],
    }
    whole = client.responses.parse(**asked)
    with client.responses.stream(**asked) as stream:
        live = stream.get_final_response()
    for response in (whole, live):
        calls = [item.parsed_arguments for item in response.output if item.type == "function_call"]
        assert (response.output_parsed, calls) == expected(name)


@pytest.fixture
def claude(gateway: Server) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0) as sdk:
        yield sdk


@EACH
def test_messages(claude: anthropic.Anthropic, events: list[Any], name: str | None) -> None:
    asked: Any = {
        "model": MODEL,
        "max_tokens": 1_000,
        "messages": [{"role": "user", "content": json.dumps(events)}],
        "output_format": Harbour,
        "tools": [{"name": "tide", "input_schema": PARAMETERS}],
        "extra_body": {"top_k": -1},
    }
    whole = claude.messages.parse(**asked)
    with claude.messages.stream(**asked) as stream:
        live = stream.get_final_message()
    for message in (whole, live):
        calls = [block.input for block in message.content if block.type == "tool_use"]
        assert (message.parsed_output, calls) == expected(name)


def test_what_is_left_out_is_said(gateway: Server) -> None:
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": json.dumps([JSON, PICTURE])}],
        "response_format": {"type": "json_object"},
    }
    for stream in (False, True):
        answer = requests.post(
            f"{gateway.url}/v1/chat/completions",
            json={**body, "stream": stream},
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=30,
        )
        assert answer.headers["x-poegate-warning"] == FILES_LEFT_OUT


def test_a_call_that_does_not_fit_is_paid_for(client: openai.OpenAI) -> None:
    call = json.dumps({"name": "tide", "arguments": {"at": 3, "note": "ebb and flow " * 50}})
    events = [["text", {"text": f"<tool_call>{call}</tool_call>"}]]
    answer = client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": json.dumps(events)}],
        tools=[{"type": "function", "function": {"name": "tide", "parameters": {}}}],
        max_tokens=40,
    )
    assert (answer.choices[0].finish_reason, answer.choices[0].message.tool_calls) == (
        "length",
        None,
    )
    assert answer.usage and answer.usage.completion_tokens == 40

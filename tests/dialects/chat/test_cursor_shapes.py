"""Requests to Chat Completions in the forms of other APIs, as Cursor sends them."""

from typing import Any

import pytest
import requests

from app.dialects.chat.cursor_shapes import is_responses_body, normalize
from tests.conftest import KEY
from tests.servers import Server

SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}}
NESTED = {"type": "function", "function": {"name": "read", "parameters": SCHEMA}}


@pytest.mark.parametrize(
    "tool",
    [
        NESTED,
        {"type": "function", "name": "read", "parameters": SCHEMA},
        {"name": "read", "input_schema": SCHEMA},
        {"type": "custom", "name": "read", "input_schema": SCHEMA},
    ],
)
def test_tools_of_every_vendor_become_nested_ones(tool: dict[str, Any]) -> None:
    assert normalize({"tools": [tool]}) == {"tools": [NESTED]}


@pytest.mark.parametrize("odd", [7, {"type": "web_search"}, {"type": "function"}, {"name": "x"}])
def test_what_no_form_explains_is_left_to_the_schema(odd: Any) -> None:
    assert normalize({"tools": [odd]}) == {"tools": [odd]}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"type": "tool", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
        ({"type": "function", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
        ({"type": "any"}, "required"),
        ({"type": "auto"}, "auto"),
        ("none", "none"),
    ],
)
def test_choices(choice: Any, expected: Any) -> None:
    assert normalize({"tool_choice": choice}) == {"tool_choice": expected}


def test_anthropics_blocks_become_calls_and_tool_messages() -> None:
    messages = [
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I read."},
                {"type": "tool_use", "id": "t1", "name": "read", "input": {"path": "ä"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "data"},
                {"type": "text", "text": "And now?"},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t2"}]},
    ]
    call = {"name": "read", "arguments": '{"path": "ä"}'}
    assert normalize({"messages": messages})["messages"] == [
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "I read."}],
            "tool_calls": [{"id": "t1", "type": "function", "function": call}],
        },
        {"role": "tool", "tool_call_id": "t1", "content": "data"},
        {"role": "user", "content": [{"type": "text", "text": "And now?"}]},
        {"role": "tool", "tool_call_id": "t2", "content": ""},
    ]


def test_a_request_of_openais_own_form_stays_as_it_is() -> None:
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}],
        "tools": [NESTED],
        "tool_choice": "auto",
    }
    assert normalize(body) == body
    assert not is_responses_body(body)


def test_a_body_of_responses_is_answered_as_chat(gateway: Server) -> None:
    body = {
        "model": "demo-agent",
        "instructions": "Be brief.",
        "input": [{"role": "user", "content": 'call read {"path": "a"}'}],
        "tools": [{"type": "function", "name": "read", "parameters": SCHEMA}],
    }
    answer = requests.post(
        f"{gateway.url}/v1/chat/completions",
        json=body,
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    [choice] = answer.json()["choices"]
    assert choice["finish_reason"] == "tool_calls"
    [call] = choice["message"]["tool_calls"]
    assert call["function"] == {"name": "read", "arguments": '{"path":"a"}'}

"""Bare answers of the gateway, as no SDK has touched them."""

import json
from typing import Any

import requests

from tests.conftest import KEY
from tests.servers import Server

HEADERS = {"Authorization": f"Bearer {KEY}"}
FUNCTION = {
    "name": "add",
    "description": "Adds.",
    "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}},
}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def ask(server: Server, path: str, method: str = "POST", **sent: Any) -> Any:
    """The JSON of an answer that is none of an error."""
    url = f"{server.url}/v1/{path}"
    answer = requests.request(method, url, headers=HEADERS, timeout=30, **sent)
    assert answer.status_code == 200, answer.text
    return answer.json()


def stream(server: Server, path: str, **sent: Any) -> list[dict[str, Any]]:
    """The data of each event of a stream."""
    answer = requests.post(f"{server.url}/v1/{path}", headers=HEADERS, timeout=30, **sent)
    assert answer.headers["Content-Type"].startswith("text/event-stream"), answer.text
    lines = [line.removeprefix("data: ") for line in answer.text.split("\n")]
    return [json.loads(line) for line in lines if line.startswith("{")]


def responses_requests(model: str, thinker: str) -> dict[str, dict[str, Any]]:
    """Requests whose answers are of every kind that Responses has here."""
    function = {"type": "function", **FUNCTION}
    form = {"type": "json_schema", "name": "place", "schema": SCHEMA, "strict": True}
    return {
        "text": {"model": model, "input": "hi"},
        "reasoning": {"model": thinker, "input": "hi"},
        "summary": {"model": thinker, "input": "hi", "reasoning": {"summary": "auto"}},
        "call": {"model": thinker, "input": "add 3", "tools": [function]},
        "forced": {"model": model, "input": "3", "tools": [function], "tool_choice": "required"},
        "incomplete": {"model": model, "input": "hi", "max_output_tokens": 2},
        "format": {"model": model, "input": "hi", "text": {"format": form}},
        "both": {"model": model, "input": "add 3", "text": {"format": form}, "tools": [function]},
        "json": {"model": model, "input": "hi", "text": {"format": {"type": "json_object"}}},
        "echo": {
            "model": model,
            "input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
            "instructions": "Be kind.",
            "temperature": 0.5,
            "top_p": 0.5,
            "presence_penalty": 1,
            "frequency_penalty": 1,
            "metadata": {"a": "b"},
            "truncation": "auto",
            "parallel_tool_calls": False,
            "tool_choice": "none",
            "tools": [{"type": "function", "name": "f", "parameters": {}, "strict": False}],
        },
        "allowed": {
            "model": model,
            "input": "add 3",
            "tools": [function],
            "tool_choice": {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "add"}],
            },
        },
    }

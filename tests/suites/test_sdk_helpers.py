"""The parsing helpers of both vendors' Python SDKs, with tools and a format together."""

from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
from pydantic import BaseModel

from tests.conftest import KEY
from tests.servers import Server
from tests.suites.answers import FUNCTION
from tests.suites.rules_bot import NAME

pytestmark = pytest.mark.long


class Place(BaseModel):
    city: str


CALL, ANSWER = "Use add with 3.", 'Say "Oslo".'
PROMPTS = pytest.mark.parametrize("prompt", [CALL, ANSWER])
STRICT = {
    **FUNCTION,
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "required": ["a"],
        "additionalProperties": False,
    },
}


@pytest.fixture
def gpt(rules: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{rules.url}/v1", api_key=KEY, max_retries=0) as sdk:
        yield sdk


@pytest.fixture
def claude(rules: Server) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=rules.url, api_key=KEY, max_retries=0) as sdk:
        yield sdk


def expected(prompt: str) -> tuple[Place | None, list[Any]]:
    return (None, [{"a": 3}]) if prompt == CALL else (Place(city="Oslo"), [])


@PROMPTS
def test_chat(gpt: openai.OpenAI, prompt: str) -> None:
    asked: Any = {
        "model": NAME,
        "messages": [{"role": "user", "content": prompt}],
        "response_format": Place,
        "tools": [{"type": "function", "function": STRICT}] if prompt == CALL else openai.omit,
    }
    whole = gpt.chat.completions.parse(**asked).choices[0].message
    with gpt.chat.completions.stream(**asked) as stream:
        live = stream.get_final_completion().choices[0].message
    for message in (whole, live):
        calls = [call.function.parsed_arguments for call in message.tool_calls or ()]
        assert (message.parsed, calls) == expected(prompt)


@PROMPTS
def test_responses(gpt: openai.OpenAI, prompt: str) -> None:
    asked: Any = {
        "model": NAME,
        "input": prompt,
        "text_format": Place,
        "tools": [{"type": "function", **STRICT}] if prompt == CALL else openai.omit,
    }
    whole = gpt.responses.parse(**asked)
    with gpt.responses.stream(**asked) as stream:
        live = stream.get_final_response()
    for response in (whole, live):
        calls = [item.parsed_arguments for item in response.output if item.type == "function_call"]
        assert (response.output_parsed, calls) == expected(prompt)


@PROMPTS
def test_messages(claude: anthropic.Anthropic, prompt: str) -> None:
    tool: Any = {"name": "add", "input_schema": STRICT["parameters"]}
    asked: Any = {
        "model": NAME,
        "max_tokens": 1_000,
        "messages": [{"role": "user", "content": prompt}],
        "output_format": Place,
        "tools": [tool] if prompt == CALL else anthropic.omit,
    }
    whole = claude.messages.parse(**asked)
    with claude.messages.stream(**asked) as stream:
        live = stream.get_final_message()
    for message in (whole, live):
        calls = [block.input for block in message.content if block.type == "tool_use"]
        assert (message.parsed_output, calls) == expected(prompt)

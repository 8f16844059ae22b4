"""``rules-bot``: does what other people's suites ask of a model, by rules instead of a model.

It calls a tool where the gateway's instructions offer one, writes JSON where they ask for it, and
says a sentence otherwise. Run as ``python -m tests.suites.rules_bot PORT``.
"""

import asyncio
import json
import logging
import re
import sys
from collections.abc import AsyncIterable, Iterator
from typing import Any

import fastapi_poe as fp
import uvicorn
from fastapi import FastAPI

NAME = "rules-bot"
THINKING = "rules-thinker"
SENTENCE = "Hello to you. I am well, and all of this was understood."

_TOOL = re.compile(r"<tool>\n<name>(.*?)</name>.*?<schema>(.*?)</schema>.*?</tool>", re.DOTALL)
_FORMAT = re.compile(r"valid under this JSON schema:\n(.*)")
_RESULT = re.compile(r"<tool_result\b[^>]*>\n?(.*?)\n?</tool_result>", re.DOTALL)
_NUMBER = re.compile(r"-?\d+")


class RulesBot(fp.PoeBot):
    """``thinks``: a reasoning, in Poe's form, comes before each answer."""

    def __init__(self, name: str, *, thinks: bool = False) -> None:
        super().__init__(path=f"/{name}", bot_name=name, should_insert_attachment_messages=False)
        self._thinks = thinks

    async def get_response(self, request: fp.QueryRequest) -> AsyncIterable[fp.PartialResponse]:
        answer = answer_to(request.query)
        if self._thinks:
            answer = f"*Thinking...*\n\n> I follow my rules.\n\n{answer}"
        for start in range(0, len(answer), 9):
            await asyncio.sleep(0)
            yield fp.PartialResponse(text=answer[start : start + 9])


def answer_to(messages: list[fp.ProtocolMessage]) -> str:
    system = "\n".join(message.content for message in messages if message.role == "system")
    said = next((m.content for m in reversed(messages) if m.role == "user"), "")
    tools = _TOOL.findall(system)
    results = _RESULT.findall(said)
    if results:  # the AI SDK offers a tool of this name to a model that it does not know
        tools = [tool for tool in tools if tool[0] == "json"]
    if tools:
        return "".join(_calls(tools, said, several="several blocks" in system))
    if schema := _FORMAT.search(system):
        return json.dumps(value_of(json.loads(schema[1]), said))
    if "must be one JSON object." in system:
        return json.dumps({"setup": "Why do cats purr?", "punchline": "They run on batteries."})
    return f"It gave: {'; '.join(results)}" if results else SENTENCE


def _calls(tools: list[tuple[str, str]], said: str, *, several: bool) -> Iterator[str]:
    """The tools that the user names; else the first one. A remark stands before them, as models
    write one."""
    named = [tool for tool in tools if tool[0].lower() in said.lower()] or tools[:1]
    yield "Let me see.\n"
    for name, schema in named if several else named[:1]:
        arguments = json.dumps(value_of(json.loads(schema), said), ensure_ascii=False)
        body = f"<name>{name}</name>\n<arguments>{arguments}</arguments>"
        yield f"<tool_call>\n{body}\n</tool_call>\n"


def value_of(schema: dict[str, Any], said: str, root: dict[str, Any] | None = None) -> Any:
    """A value that is valid under the schema, with what the user said where that fits."""
    root = schema if root is None else root
    if "$ref" in schema:
        target: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return value_of(target, said, root)
    if "const" in schema or schema.get("enum"):
        return schema.get("const", (schema.get("enum") or [None])[0])
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return value_of(schema[key][0], said, root)
    return _value_of_type(schema, said, root)


def _value_of_type(schema: dict[str, Any], said: str, root: dict[str, Any]) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    match kind[0] if isinstance(kind, list) else kind:
        case "object":
            members = schema.get("properties", {})
            return {name: value_of(inner, said, root) for name, inner in members.items()}
        case "array":
            return [value_of(schema.get("items", {}), said, root)]
        case "integer" | "number":
            number = _NUMBER.search(said)
            return int(number[0]) if number else 1
        case "boolean":
            return True
        case "null":
            return None
    quoted = re.search(r"['\"“]([^'\"”]+)['\"”]", said)
    return quoted[1] if quoted else said.strip()[:200] or "words"


def application() -> FastAPI:
    logging.getLogger("uvicorn.default").setLevel(logging.ERROR)
    server = FastAPI()
    bots = [RulesBot(NAME), RulesBot(THINKING, thinks=True)]
    fp.make_app(bots, allow_without_key=True, app=server)
    return server


if __name__ == "__main__":
    uvicorn.run(application(), port=int(sys.argv[1]), log_level="warning")

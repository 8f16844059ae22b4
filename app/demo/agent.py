"""``demo-agent``: does what its user's lines say, by the tools that it was given.

It calls tools in the notation that the gateway asks of every bot (docs/tool-calling.md), so that
agents can be tried without a model. A line of the user's message is one step:

- ``call NAME {json}``: calls a tool; several calls of one step are joined by ``&&``.
- ``answer TEXT``: says just that.

After its last step it reports what the tools answered. Without such a line it says which tools it
was given.
"""

import re
from collections.abc import AsyncIterable, Iterator, Sequence
from dataclasses import dataclass

import fastapi_poe as fp

from app.demo.bots import DemoBot, paced, snippets

STEP = re.compile(r"^\s*(call|answer) (.+)$", re.MULTILINE)
RESULT = re.compile(r"<tool_result\b[^>]*>(.*?)</tool_result>", re.DOTALL)
OFFERED = re.compile(r"<name>([^<]+)</name>")
PLACEHOLDERS = {"...", "NAME"}
"""What stands for a name where the notation is explained."""


@dataclass(frozen=True)
class Work:
    """What is left of a conversation: its steps, how many are done, what the tools said."""

    steps: Sequence[tuple[str, str]]
    done: int
    results: Sequence[str]
    tools: frozenset[str]


class Agent(DemoBot):
    """Follows the user's lines, one step an answer."""

    name = "demo-agent"

    async def get_response(self, request: fp.QueryRequest) -> AsyncIterable[fp.PartialResponse]:
        async for part in paced(snippets(answer(read(request.query)), 7)):
            yield part


def read(messages: Sequence[fp.ProtocolMessage]) -> Work:
    """The last message with steps is the task; what came after it is its progress."""
    offered = frozenset(
        name
        for message in messages
        if message.role == "system"
        for name in OFFERED.findall(message.content)
        if name not in PLACEHOLDERS
    )
    for index in reversed(range(len(messages))):
        task = RESULT.sub("", messages[index].content)
        if messages[index].role == "user" and (steps := STEP.findall(task)):
            later = messages[index + 1 :]
            done = sum(message.role == "bot" for message in later)
            results = [text for message in later for text in RESULT.findall(message.content)]
            return Work(steps, done, results, offered)
    return Work((), 0, (), offered)


def answer(work: Work) -> str:
    if not work.steps:
        return f"I was given {len(work.tools)} tools: {', '.join(sorted(work.tools)) or 'none'}."
    if work.done >= len(work.steps):
        return "Done. " + "; ".join(result.strip() for result in work.results)
    kind, text = work.steps[work.done]
    if kind == "answer":
        return text
    return f"Step {work.done + 1}.\n" + "\n".join(calls(text, work.tools))


def calls(step: str, tools: frozenset[str]) -> Iterator[str]:
    for call in step.split(" && "):
        name, _, arguments = call.strip().partition(" ")
        if name in tools:
            block = f"<name>{name}</name><arguments>{arguments or '{}'}</arguments>"
            yield f"<tool_call>{block}</tool_call>"
        else:
            yield f"I was not given the tool {name}."

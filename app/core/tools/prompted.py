"""Tool calling by words alone, for any bot: tools in the system prompt, calls in the answer."""

import json
from collections.abc import Iterator
from dataclasses import replace

from app.core.conversation import Message, Query, Text, ToolSpec
from app.core.events import Batch, Batches, Cut, Event, Finished, TextDelta, ToolCallDelta
from app.core.tools.history import has_tool_history, written_history
from app.core.tools.notations.calls import INPUT_SCHEMA, Call, new_call_id
from app.core.tools.notations.reader import CallReader, ForgedResult, Found

_INSTRUCTIONS = """# Tools

You can use these tools. Each has a JSON schema that its arguments must fit.

<tools>
{tools}
</tools>

To call a tool, write this block, the tags exactly so, with the tool's name and one JSON object:

<tool_call>
<name>NAME</name>
<arguments>{{"PARAMETER": "VALUE"}}</arguments>
</tool_call>

{rules}"""

_ALWAYS = (
    "Arguments are strict JSON: quotes, backslashes and line breaks within strings are escaped;"
    " <, > and & are not. No code fence goes around the block.",
    "Whatever you write outside of the block is read by the user.",
    "End your answer after the last block. What the tools give comes in the next message, as"
    ' <tool_result id="..." name="...">...</tool_result>. Never write a <tool_result> yourself.',
)
_SEVERAL = "To make several calls at once, write several blocks, one after another."
_ONE = "Make no more than one call in an answer."
_AS_NEEDED = "Call a tool when it helps with the request; otherwise just answer."


class PromptedAdapter:
    """The default. Has no state, so one serves any number of answers at the same time."""

    def prepare(self, query: Query) -> Query:
        """The query without tools: what they are and what they did is text of its messages."""
        tools = query.offered_tools()
        messages = query.messages
        if has_tool_history(query):
            messages = written_history(messages)
        if tools:
            messages = _instructed(messages, _instructions(query, tools))
        if messages is query.messages and not query.tools:
            return query
        return replace(query, messages=messages, tools=())

    def parse(self, batches: Batches, query: Query) -> Iterator[Batch]:
        """Calls out of the text. With parallel_tool_calls off, the first one ends the answer."""
        tools = query.offered_tools()
        if not tools:
            yield from batches
            return
        yield from find_calls(batches, CallReader(tools), parallel=query.parallel_tool_calls)


def find_calls(batches: Batches, reader: CallReader, *, parallel: bool) -> Iterator[Batch]:
    """The stage: what the reader finds in the text, all other events in their place.

    A model may go on after its calls with results that it makes up; there the answer ends.
    """
    finding = _Finding(reader, parallel)
    for batch in batches:
        out: Batch = []
        for event in batch:
            out += finding.step(event)
            if finding.over:
                break
        yield out
        if finding.over:
            return
    if rest := finding.close():
        yield rest


class _Finding:
    """From what the reader finds to events."""

    def __init__(self, reader: CallReader, parallel: bool) -> None:
        self.over = False
        self._reader = reader
        self._parallel = parallel
        self._calls = 0

    def step(self, event: Event) -> Batch:
        match event:
            case TextDelta(text):
                found = self._reader.feed(text)
                return [event] if found == [text] else self._events(found)
            case Cut() | Finished():
                return [*self.close(), event]
        return [event]

    def close(self) -> Batch:
        """The end that came by itself needs no Cut."""
        events = self._events(self._reader.close())
        return [event for event in events if not isinstance(event, Cut)]

    def _events(self, found: list[Found]) -> Batch:
        events: Batch = []
        for piece in found:
            match piece:
                case str():
                    events.append(TextDelta(piece))
                case Call():
                    events.append(self._delta(piece))
                    self.over = not self._parallel
                case ForgedResult():
                    self.over = True
            if self.over:
                return [*events, Cut("tool_calls")]
        return events

    def _delta(self, call: Call) -> ToolCallDelta:
        index, self._calls = self._calls, self._calls + 1
        return ToolCallDelta(index, call.arguments, new_call_id(), call.name, call.custom)


def _instructed(messages: tuple[Message, ...], instructions: str) -> tuple[Message, ...]:
    """The instructions at the end of the first system message, or as a new one."""
    text = Text("\n" + instructions)
    for place, message in enumerate(messages):
        if message.role == "system":
            instructed = replace(message, parts=(*message.parts, text))
            return (*messages[:place], instructed, *messages[place + 1 :])
    return (Message("system", (Text(instructions),)), *messages)


def _instructions(query: Query, tools: tuple[ToolSpec, ...]) -> str:
    rules = (*_ALWAYS, _SEVERAL if query.parallel_tool_calls else _ONE, _choice(query, tools))
    return _INSTRUCTIONS.format(
        tools="\n".join(map(_described, tools)),
        rules="\n".join(f"- {rule}" for rule in rules),
    )


def _choice(query: Query, tools: tuple[ToolSpec, ...]) -> str:
    if query.tool_choice.mode != "required":
        return _AS_NEEDED
    if len(tools) == 1:
        return f"This answer must call the tool {tools[0].name}."
    return "This answer must call at least one of the tools."


def _described(tool: ToolSpec) -> str:
    """The tool in XML around literal text: nothing is escaped, for a model reads it as it is."""
    schema = INPUT_SCHEMA if tool.custom else dict(tool.parameters)
    lines = ["<tool>", f"<name>{tool.name}</name>"]
    if tool.description:
        lines.append(f"<description>{tool.description}</description>")
    lines.append(f"<schema>{json.dumps(schema, ensure_ascii=False)}</schema>")
    if tool.custom:
        lines.append("<note>Its argument is one free text, `input`, given as a JSON string.</note>")
    if tool.grammar:
        lines.append(f"<input_grammar>{tool.grammar}</input_grammar>")
    return "\n".join([*lines, "</tool>"])

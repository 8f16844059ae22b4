"""How a bot is asked for an answer in JSON."""

import json
from dataclasses import replace

from app.core.conversation import Message, OutputFormat, Query, Text

_ASK = """Answer with JSON only: no words before or after it, no code fences.
The whole answer must be one JSON {what}"""
_COMPLAINT = """That answer is not the JSON that was asked for:
{violations}
Write the whole answer again, corrected. JSON only: no words before or after it, no code fences."""


def instruct(query: Query) -> Query:
    """The query with its output format written into the system prompt, at the end."""
    if query.output_format is None:
        return query
    instruction = _instruction(query.output_format, bool(query.offered_tools()))
    messages = list(query.messages)
    for place, message in enumerate(messages):
        if message.role == "system":
            parts = (*message.parts, Text("\n" + instruction))
            messages[place] = replace(message, parts=parts)
            return replace(query, messages=tuple(messages))
    return replace(query, messages=(Message("system", (Text(instruction),)), *messages))


def _instruction(output_format: OutputFormat, tools: bool) -> str:
    what = "object."
    if output_format.schema is not None:
        schema = json.dumps(dict(output_format.schema), ensure_ascii=False)
        what = f"value that is valid under this JSON schema:\n{schema}"
    asked = _ASK.format(what=what)
    return f"{asked}\nThis is about the answer: a tool is called as ever." if tools else asked


def complain(violations: tuple[str, ...]) -> str:
    """What the user says to a bot whose answer has these violations."""
    return _COMPLAINT.format(violations="\n".join(f"- {violation}" for violation in violations))

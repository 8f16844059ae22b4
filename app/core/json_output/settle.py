"""Answers in JSON: how a bot is asked for them, and what is made of what it writes.

JSON is what RFC 8259 says: no NaN, no Infinity; a number that no double can hold is refused, as its
section 6 allows.
"""

import json
import math
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, SupportsIndex

import json_repair

from app.core.conversation import Message, OutputFormat, Query, Text
from app.core.json_output.bounded_schema import limited_time, work
from app.core.json_output.schema import check_schema, violations_of

__all__ = ["Verdict", "check_schema", "complain", "instruct", "settle_json"]

MAX_PIECES = 20
"""Of an answer with more JSON in it than that, the last pieces are looked at."""

_ASK = """Answer with JSON only: no words before or after it, no code fences.
The whole answer must be one JSON {what}"""
_COMPLAINT = """That answer is not the JSON that was asked for:
{violations}
Write the whole answer again, corrected. JSON only: no words before or after it, no code fences."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``text`` is the JSON to give, or what comes nearest to it. No ``violations``: it is good."""

    text: str
    violations: tuple[str, ...] = ()


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


def settle_json(text: str, output_format: OutputFormat) -> Verdict:
    """The JSON in a bot's answer; ``output_format`` has passed check_schema.

    An answer that is JSON is taken as it stands. Otherwise each piece of it that looks like JSON is
    judged, and those that cannot be parsed are mended if no other is good. Of several good ones the
    last is the answer, for examples come before it; of none the longest comes nearest.
    """
    text = text.strip().strip("\ufeff").strip()
    schema = {"type": "object"} if output_format.schema is None else output_format.schema
    with limited_time():
        if whole := _judge(text, schema):
            return whole
        pieces = list(deque(_pieces(text), MAX_PIECES))[::-1]
        verdicts = [(_judge(piece, schema), piece) for piece in pieces]
        found = [verdict for verdict, _ in verdicts if verdict]
        if all(verdict.violations for verdict in found):
            mended = [_mend(piece) for verdict, piece in verdicts if verdict is None]
            found += [verdict for piece in mended if (verdict := _judge(piece, schema))]
    return min(found, key=_demerits, default=Verdict(text, ("$: the answer is not JSON",)))


def _judge(text: str, schema: Mapping[str, Any]) -> Verdict | None:
    """None: the text is no JSON, or so deep that it cannot be read."""
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None
    return Verdict(text, violations_of(value, schema))


def _demerits(verdict: Verdict) -> tuple[bool, int]:
    """What min() takes least of. The empty object in a remark is no answer while there is another.

    Of equals min() takes the first, so the order of the verdicts counts as well.
    """
    if verdict.violations:
        return True, -len(verdict.text)
    return False, verdict.text in ("{}", "[]")


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


def _finite(number: str) -> float:
    return value if math.isfinite(value := float(number)) else _refuse(number)


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)

_OPENER = re.compile(
    r"""\{(?=\s*+(?:["'“}]|[\w$]++\s*+:|/[/*]))"""  # {"a", {'a', {a:, {}, { // remark
    r"""|\[(?=\s*+(?:["'“{\[\]\d-]|(?:true|false|null)\b))"""
)
_MARK = re.compile(r'(?s:"(?:[^"\\]++|\\.)*+"?)|[{}\[\]]')
_FENCED = re.compile(r"(?s:```[^\n`]*\n(.*?)```)")


def _pieces(text: str) -> Iterator[str]:
    """The objects and arrays that stand in the text, whole or broken; else what is fenced.

    One that is never closed goes to the end of its code fence, or of the text.
    """
    opener = _OPENER.search(text)
    if not opener:
        yield from (block.strip() for block in _FENCED.findall(text))
    while opener:
        start, end = opener.start(), _closing(text, opener.start())
        if not end:
            fence = text.find("\n```", start)
            yield text[start:fence] if fence > 0 else text[start:]
            return
        yield text[start:end]
        opener = _OPENER.search(text, end)


def _closing(text: str, start: int) -> int:
    """Where the bracket that opens there is closed again; 0 where it is not."""
    depth = 0
    for mark in _MARK.finditer(text, start):
        if mark[0] in "{[":
            depth += 1
        elif mark[0] in "}]":
            depth -= 1
            if not depth:
                return mark.end()
    return 0


class _TimedText(str):
    """A text that cannot be read by its characters when the time is over.

    json_repair goes back and forth in a text, and some take it quadratic time.
    """

    __slots__ = ()

    def __getitem__(self, place: SupportsIndex | slice) -> str:
        work().go_on()
        return super().__getitem__(place)


def _mend(piece: str) -> str:
    """The slightly broken JSON as JSON; "" where it is not so slightly broken."""
    try:
        value = json_repair.loads(_TimedText(piece), skip_json_loads=True)
        if isinstance(value, dict | list):
            return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError, TimeoutError):
        pass
    return ""

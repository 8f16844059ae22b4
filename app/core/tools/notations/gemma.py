"""Gemma 4's ``<|tool_call>call:f{city:<|"|>Paris<|"|>}<tool_call|>``, and FunctionGemma's like."""

import json
import re

from app.core.tools.notations.calls import RawCall
from app.core.tools.notations.cursor import Reading, TextCursor
from app.core.tools.notations.notation import Notation
from app.core.tools.notations.offered import OfferedTools

_CLOSING = {
    "<|tool_call>": "<tool_call|>",
    "<start_function_call>": "<end_function_call>",
}
_MARKS = tuple(_CLOSING)
_CLOSING_MARKS = (*_CLOSING.values(), "<turn|>", "<end_of_turn>", "<|tool_response>")

_TOKENS = re.compile(r'(?=<\|"\|>|<escape>|<tool_call\|>|<end_function_call>)')
# Strings stand between tokens and escape nothing; keys and other values are bare.
_STRING = re.compile(r'(<\|"\|>|<escape>)(.*?)\1', re.DOTALL)
_WORD = re.compile(r"(?<=[{,\[:])\s*([A-Za-z_][\w.-]*)\s*(?=[:,}\]])")
_CONSTANTS = ("true", "false", "null")


def read(cursor: TextCursor, tools: OfferedTools) -> Reading[list[RawCall] | None]:
    """The calls behind the token that comes next, each with tokens of its own."""
    mark = yield from cursor.literal(*_MARKS)
    yield from cursor.blanks()
    if mark is None or not (yield from cursor.literal("call:")):
        return None
    name = yield from cursor.tool_name()
    if not name or (yield from cursor.peek_word()) != "{":
        return None
    body, closed = yield from _body(cursor, _CLOSING[mark])
    return [RawCall(name, as_json(body), closed)]


def _body(cursor: TextCursor, closing: str) -> Reading[tuple[str, bool]]:
    """The text up to the closing token, which may stand in strings, too."""
    texts: list[str] = []
    quote = ""
    while True:
        text, found = yield from cursor.until(_TOKENS)
        if not found:
            return "".join((*texts, text)), False
        token = yield from cursor.literal('<|"|>', "<escape>", closing)
        if token == closing and not quote:
            return "".join((*texts, text)), True
        if token is not None and token != closing:
            quote = "" if quote == token else quote or token
        texts += (text, token or cursor.take(cursor.at + 1))


def as_json(text: str) -> str:
    """JSON of Gemma's notation: strings with quotes, keys too."""
    pieces: list[str] = []
    at = 0
    for string in _STRING.finditer(text):
        pieces.append(_quoted_words(text[at : string.start()]))
        pieces.append(json.dumps(string[2], ensure_ascii=False))
        at = string.end()
    pieces.append(_quoted_words(text[at:]))
    return "".join(pieces)


def _quoted_words(text: str) -> str:
    return _WORD.sub(lambda word: word[1] if word[1] in _CONSTANTS else f'"{word[1]}"', text)


NOTATION = Notation(_MARKS, read, _CLOSING_MARKS)

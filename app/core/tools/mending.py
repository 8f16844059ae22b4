"""JSON as models write it: valid, nearly valid, or for json_repair to make sense of."""

import ast
import html
import json
import re
from typing import Any, SupportsIndex

import json_repair

_ALLOWANCE = 400_000
_LOOKS_AT_LEAST = 100
_MENDABLE_CHARS = 200_000

_MAX_DEPTH = 200
_CDATA = ("<![CDATA[", "]]>")
_FENCE = "```"
_BLANKS_AND_COMMAS = re.compile(r"[\s,]*+")
_TOKEN = re.compile(r'"(?P<string>(?:[^"\\]++|\\.)*+)"|[{}\[\],]|[^"{}\[\],]++|"', re.DOTALL)
# A quote within a string is one that nothing follows which may follow a string.
_INNER_QUOTE = r'"(?!\s*+(?:[}\]:]|,\s*+["{\[\-\dtfn]|\Z))'
_LENIENT_TOKEN = re.compile(
    rf'"(?P<string>(?:[^"\\]++|\\.|{_INNER_QUOTE})*+)"|[{{}}\[\],]|[^"{{}}\[\],]++|"', re.DOTALL
)
_ESCAPE = re.compile(r'\\(u[0-9a-fA-F]{4}|.)|"', re.DOTALL)
_PYTHON_WORD = re.compile(r"\b(?:True|False|None)\b")
_JSON_WORDS = {"True": "true", "False": "false", "None": "null"}
_CLOSER = {"{": "}", "[": "]"}
_LEFT_OVER = re.compile(r"[\s}\],;`]*\Z")


def _number(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number that no float can hold")
    return number


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON")


_DECODER = json.JSONDecoder(strict=False, parse_float=_number, parse_constant=_no_constant)


def read_json(text: str) -> Any:
    """The value, None where it is no JSON: raw line breaks in strings, CDATA, a fence around it
    and, where it isn't JSON otherwise, XML entities are allowed."""
    text = unwrapped(text)
    value = _decoded(text)
    if value is None and "&" in text:
        value = _decoded(html.unescape(text))
    return value


def unwrapped(text: str) -> str:
    """The text without CDATA or a fence around all of it."""
    bare = without_cdata(text).strip()
    first, newline, rest = bare.partition("\n")
    if newline and first.startswith(_FENCE) and rest.endswith(_FENCE):
        return rest.removesuffix(_FENCE)
    return without_cdata(text)


def without_cdata(text: str) -> str:
    bare = text.strip()
    opening, closing = _CDATA
    if bare.startswith(opening) and bare.endswith(closing):
        return bare[len(opening) : -len(closing)]
    return text


def _decoded(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None


def read_json_lines(text: str) -> list[Any] | None:
    """Several values, one after another, with or without commas between them."""
    values, at = [], _end_of_blanks(text, 0)
    while at < len(text):
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            return None
        values.append(value)
        at = _end_of_blanks(text, end)
    return values


def _end_of_blanks(text: str, at: int) -> int:
    found = _BLANKS_AND_COMMAS.match(text, at)
    return found.end() if found else at


class Mender:
    """Makes sense of broken JSON, within bounds.

    What can be set right without guessing is: brackets that are missing or too many at the end,
    commas too many, escapes that JSON lacks, Python's words. Then quotes that should have been
    escaped are guessed, and the rest by json_repair. That takes quadratic time for some texts
    (seconds for 6 KB of brackets), so all that one answer may look at is limited.
    """

    def __init__(self) -> None:
        self._meter = _Meter(_ALLOWANCE)

    def mend(self, text: str) -> tuple[Any, bool]:
        """The value, None where there is none, and whether it was guessed."""
        text = unwrapped(text).strip()
        if not text.startswith(("{", "[")):
            return None, False
        for candidate in (text, html.unescape(text)) if "&" in text else (text,):
            if (value := tidied(candidate)) is not None:
                return value, False
        value = tidied(text, _LENIENT_TOKEN)
        return self._guessed(text) if value is None else value, True

    def _guessed(self, text: str) -> Any:
        if len(text) > _MENDABLE_CHARS:
            return None
        if text[1:].lstrip().startswith("'") and (value := _python_value(text)) is not None:
            return value
        try:
            self._meter.charge(_LOOKS_AT_LEAST)
            value = json_repair.loads(_MeteredText(text, self._meter), skip_json_loads=True)
        except (ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, AttributeError):
            return None
        return value if value and isinstance(value, dict | list) else None


def _python_value(text: str) -> Any:
    """Of a dict or list in Python's notation, with JSON's types."""
    try:
        value = ast.literal_eval(text)
        return _decoded(json.dumps(value))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


class _Meter:
    """How often a text may still be looked at."""

    def __init__(self, left: int) -> None:
        self.left = left

    def charge(self, looks: int) -> None:
        self.left -= looks
        if self.left < 0:
            raise ValueError("too much work")


class _MeteredText(str):
    """A text whose reader stops with ValueError when the meter is used up.

    json_repair reads its input by index, so this bounds it from outside.
    """

    _meter: _Meter

    def __new__(cls, text: str, meter: _Meter) -> "_MeteredText":
        self = super().__new__(cls, text)
        self._meter = meter
        return self

    def __getitem__(self, key: SupportsIndex | slice) -> str:
        text = super().__getitem__(key)
        if not isinstance(key, slice):
            self._meter.charge(1)
            return text
        self._meter.charge(1 + len(text) // 64)
        return _MeteredText(text, self._meter)

    def __add__(self, other: str) -> str:
        return _MeteredText(super().__add__(other), self._meter)


def tidied(text: str, tokens: re.Pattern[str] = _TOKEN) -> Any:
    """The value after repairs that guess nothing, None where they are not enough."""
    out: list[str] = []
    stack: list[str] = []
    for token in tokens.finditer(text):
        piece = token[0]
        if token["string"] is not None:
            out.append(f'"{_ESCAPE.sub(_tidy_escape, token["string"])}"')
        elif piece in _CLOSER:
            stack.append(_CLOSER[piece])
            out.append(piece)
        elif piece in ("}", "]"):
            _close_bracket(piece, stack, out)
            if not stack:
                whole = _LEFT_OVER.match(text, token.end())
                return _decoded("".join(out)) if whole else None
        else:
            out.append(_PYTHON_WORD.sub(lambda word: _JSON_WORDS[word[0]], piece))
        if piece == '"' or len(stack) > _MAX_DEPTH:
            return None
    _drop_comma(out)
    return _decoded("".join(out) + "".join(reversed(stack)))


def _tidy_escape(escape: re.Match[str]) -> str:
    """An escape that JSON knows; a quote gets the one that it lacks."""
    escaped = escape[1]
    if escaped is None:
        return '\\"'
    if escaped[0] in '"\\/bfnrt' or len(escaped) > 1:
        return escape[0]
    return "'" if escaped == "'" else "\\\\" + escaped


def _close_bracket(piece: str, stack: list[str], out: list[str]) -> None:
    """A closing bracket, after those that it implies; one that closes nothing is left out."""
    _drop_comma(out)
    if piece not in stack:
        return
    while stack:
        closer = stack.pop()
        out.append(closer)
        if closer == piece:
            return


def _drop_comma(out: list[str]) -> None:
    """Leaves out a comma that nothing follows."""
    blanks = []
    while out and not out[-1].strip():
        blanks.append(out.pop())
    if out and out[-1] == ",":
        out.pop()
    out.extend(reversed(blanks))

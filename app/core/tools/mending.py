"""JSON as models write it: valid, or broken in ways that leave no doubt of what it means.

A repair never adds what was not written: a value for a key that has none, the end of a string, a
name. Such a text has no value.
"""

import html
import json
import re
from typing import Any

_MAX_DEPTH = 200
_MAX_VALUES = 20_000
_MAX_GUESSED_CHARS = 200_000
_CDATA = ("<![CDATA[", "]]>")
_FENCE = "```"
_BLANKS_AND_COMMAS = re.compile(r"[\s,;]*+")


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
    text = with_paths_escaped(unwrapped(text))
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
    """Several values, one after another, with or without commas or semicolons between them."""
    text = with_paths_escaped(text)
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


# A string that is a Windows or UNC path as a whole, its backslashes single: C:\Users\new\a.txt
_PATH = re.compile(
    r"""(["'])((?:[A-Za-z]:|\\\\[\w.$-]+)(?:\\[^\\/:*?"'<>|\r\n]+)+\\?)\1(?=\s*(?:[,:}\])]|\Z))"""
)
_ESCAPES_NOTHING = re.compile(r"\\(?![bfnrt]|u[0-9a-fA-F]{4})")
_SURELY_A_PATH = re.compile(
    r"(?:[A-Za-z]:|\\\\[\w.$-]+\\[\w.$-]+)(?:\\[\w.-]+)*\\[\w-]+(?:\.\w{1,8}|\\)", re.ASCII
)


def with_paths_escaped(text: str) -> str:
    """The text, its Windows paths as JSON and Python would have them written.

    ``\\n`` and ``\\t`` in such a path are no line break and tab. Where a string has nothing but
    escapes that JSON knows, as ``Q:\\nWhy?`` has, it must end in an extension or a backslash.
    """
    return _PATH.sub(_escaped_path, text) if ":\\" in text or '"\\\\' in text else text


def _escaped_path(string: re.Match[str]) -> str:
    quote, path = string[1], string[2]
    known = _ESCAPES_NOTHING.search(path.removesuffix("\\").removeprefix("\\\\")) is None
    if known and not _SURELY_A_PATH.fullmatch(path):
        return string[0]
    return quote + path.replace("\\", "\\\\") + quote


def mend(text: str, *, guess: bool = True) -> tuple[Any, bool]:
    """The value of an object or array, None where it has none, and whether it was guessed.

    Mended for sure are brackets missing or too many at the end, commas, escapes that JSON lacks,
    Python's words and quotes. Guessed are the ends of strings whose quotes were not escaped, and
    words without quotes, in texts of up to 200,000 characters. Takes linear time.
    """
    text = with_paths_escaped(unwrapped(text).strip())
    if not text.startswith(("{", "[")):
        return None, False
    for candidate in (text, html.unescape(text)) if "&" in text else (text,):
        if (value := _relaxed(candidate)) is not None:
            return value, False
    guess = guess and len(text) <= _MAX_GUESSED_CHARS
    for strings in (_STRING, _LENIENT_STRING) if guess else ():
        if (value := _relaxed(text, strings, lenient=True)) is not None:
            return value, True
    return None, False


_SKIPPED = re.compile(r"(?:[\s,]++|//[^\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/|#[^\n]*+)*+")
_LEFT_OVER = re.compile(r"[\s}\],;`]*\Z")
_Patterns = dict[str, re.Pattern[str]]
_STRING: _Patterns = {
    '"""': re.compile(r'"""((?:[^"\\]++|\\.|"(?!""))*+)"""', re.DOTALL),
    "'''": re.compile(r"'''((?:[^'\\]++|\\.|'(?!''))*+)'''", re.DOTALL),
    '"': re.compile(r'"((?:[^"\\]++|\\.)*+)"', re.DOTALL),
    "'": re.compile(r"'((?:[^'\\]++|\\.)*+)'", re.DOTALL),
}
# A quote ends a string only where something follows that may follow a string.
_END = r"""(?=\s*+(?:[}\]:)]|,\s*+(?:["'{\[\-\dtfnTFN}\]]|[A-Za-z_]\w*\s*:)|\Z))"""
_LENIENT_STRING = {
    **_STRING,
    '"': re.compile(rf'"((?:[^"\\]++|\\.|"(?!{_END[3:-1]}))*+)"', re.DOTALL),
    "'": re.compile(rf"'((?:[^'\\]++|\\.|'(?!{_END[3:-1]}))*+)'", re.DOTALL),
}
_KEY = re.compile(r"[A-Za-z_$][\w$.-]{0,200}")
_WORD = re.compile(r"(?=[/~.@$*-]*\w)[\w/~.@$*-][^,{}\[\]()\"'\n:]{0,2000}+")
_NO_WORDS = ("undefined", "NaN", "Infinity", "-Infinity")
_SCALAR = re.compile(r"[A-Za-z0-9+.-]{1,400}+")
_CONSTANTS = {
    **{"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False},
    **{"null": None, "None": None, "NULL": None},
}
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*+)(?:\.\d++)?(?:[eE][+-]?\d++)?\Z")
_ESCAPE = re.compile(r'\\(u[0-9a-fA-F]{4}|.)|"', re.DOTALL)
_NO_VALUE = object()


class _RelaxedJson:
    """A recursive reader of one object or array. Raises ValueError where it has no value."""

    def __init__(self, text: str, strings: _Patterns, lenient: bool) -> None:
        """``strings``: the patterns of strings by their quotes. ``lenient``: words without quotes
        are strings, and commas may be missing."""
        self._text = text
        self._at = 0
        self._values = 0
        self._strings = strings
        self._lenient = lenient

    def read(self) -> Any:
        value = self._value(0)
        if not _LEFT_OVER.match(self._text, self._at):
            raise ValueError("something follows the value")
        return value

    def _next(self) -> str:
        found = _SKIPPED.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._text[self._at : self._at + 1]

    def _value(self, depth: int) -> Any:
        self._values += 1
        if depth > _MAX_DEPTH or self._values > _MAX_VALUES:
            raise ValueError("too many levels or values")
        mark = self._next()
        if mark == "{":
            return self._object(depth)
        if mark == "[" or (mark == "(" and self._lenient):
            return self._array(depth)
        if mark in ('"', "'"):
            return self._string()
        return self._word()

    def _object(self, depth: int) -> dict[str, Any]:
        members: dict[str, Any] = {}
        self._at += 1
        while (mark := self._next()) not in ("", "}"):
            if mark in "])":  # It closes an outer bracket, and this one with it.
                return members
            key = self._string() if mark in "\"'" else self._bare_key()
            if self._next() != ":" or key is None:
                raise ValueError("a key without a value")
            self._at += 1
            if self._next_after_colon() in ("", ",", "}", "]"):
                raise ValueError("a key without a value")
            members[key] = self._value(depth + 1)
            self._expect_separator("}])")
        self._at += 1
        return members

    def _next_after_colon(self) -> str:
        rest = self._text[self._at : self._at + 1]
        while rest.isspace():
            self._at += 1
            rest = self._text[self._at : self._at + 1]
        return rest

    def _array(self, depth: int) -> list[Any]:
        items: list[Any] = []
        closer = ")" if self._text[self._at] == "(" else "]"
        self._at += 1
        while (mark := self._next()) not in ("", closer):
            if mark in "}])":
                return items
            items.append(self._value(depth + 1))
            self._expect_separator("]})")
        self._at += 1
        return items

    def _expect_separator(self, closers: str) -> None:
        """A comma, a closing bracket or the end must follow a value; guessing, also nothing."""
        start = self._at
        mark = self._next()
        if mark and mark not in closers and "," not in self._text[start : self._at]:
            if not self._lenient:
                raise ValueError("no comma between two values")

    def _bare_key(self) -> str | None:
        found = _KEY.match(self._text, self._at) if self._lenient else None
        if found is None:
            return None
        self._at = found.end()
        return found[0]

    def _string(self) -> str:
        quote = self._text[self._at : self._at + 3]
        quote = quote if quote in self._strings else quote[0]
        found = self._strings[quote].match(self._text, self._at)
        if found is None:
            raise ValueError("a string without an end")
        self._at = found.end()
        value = _decoded(f'"{_ESCAPE.sub(_tidy_escape, found[1])}"')
        if not isinstance(value, str):
            raise ValueError("no string")
        return value

    def _word(self) -> Any:
        """A constant or number; guessing, any word without quotes."""
        found = _SCALAR.match(self._text, self._at)
        word = found[0] if found else ""
        value = _CONSTANTS.get(word, _NO_VALUE)
        if value is _NO_VALUE and _NUMBER.match(word):
            value = _DECODER.decode(word)
        if found and value is not _NO_VALUE and self._ends_value(found.end()):
            self._at = found.end()
            return value
        found = _WORD.match(self._text, self._at) if self._lenient else None
        if found is None or found[0] in _NO_WORDS or not self._ends_value(found.end()):
            raise ValueError("no value")
        self._at = found.end()
        return found[0].strip()

    def _ends_value(self, at: int) -> bool:
        return self._text[at : at + 1] in ("", ",", "}", "]", ")", " ", "\n", "\r", "\t")


def tidied(text: str) -> Any:
    """The value after repairs that guess nothing, None where they are not enough."""
    return _relaxed(with_paths_escaped(text))


def _relaxed(text: str, strings: _Patterns = _STRING, *, lenient: bool = False) -> Any:
    try:
        return _RelaxedJson(text, strings, lenient).read()
    except (ValueError, RecursionError):
        return None


def _tidy_escape(escape: re.Match[str]) -> str:
    """An escape that JSON knows; a quote gets the one that it lacks."""
    escaped = escape[1]
    if escaped is None:
        return '\\"'
    if escaped[0] in '"\\/bfnrt' or len(escaped) > 1:
        return escape[0]
    return "'" if escaped == "'" else "\\\\" + escaped

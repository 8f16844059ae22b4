"""Where a JSON text ends, found while it arrives."""

import re

_MAX_DEPTH = 200
_OUTSIDE = re.compile(r'[^"{}\[\]<\\]*+')
_INSIDE = re.compile(r'(?:[^"\\]++|\\.)*+', re.DOTALL)
_BLANKS = re.compile(r"\s*+")


class JsonScan:
    """Follows an object or array up to its last bracket, knowing strings from the rest.

    A closing tag within a string is then just text: agents write files about this very notation.
    It tells no more than it must: ``broken`` are a string that nothing sensible follows (a quote
    that was not escaped), a tag or backslash outside of strings, and too many levels.
    """

    def __init__(self) -> None:
        self.whole = False
        self.broken = False
        self._depth = 0
        self._state = self._outside

    def advance(self, text: str, at: int) -> int:
        """Goes on from an index of the text; gives the index up to which it is known."""
        while at < len(text) and not (self.whole or self.broken):
            state, known = self._state, self._state(text, at)
            if known == at and self._state == state:
                break
            at = known
        return at

    def _outside(self, text: str, at: int) -> int:
        at = _end(_OUTSIDE, text, at)
        mark = text[at : at + 1]
        if not mark:
            return at
        if mark == '"':
            self._state = self._inside
        elif mark in "{[":
            self._depth += 1
            self.broken = self._depth > _MAX_DEPTH
        elif mark in "}]":
            self._depth -= 1
            self.whole = self._depth == 0
        else:
            self.broken = True
            return at
        return at + 1

    def _inside(self, text: str, at: int) -> int:
        at = _end(_INSIDE, text, at)
        if text[at : at + 1] == '"':
            self._state = self._after_string
            return at + 1
        return at

    def _after_string(self, text: str, at: int) -> int:
        at = _end(_BLANKS, text, at)
        if at < len(text):
            self.broken = text[at] not in ",:}]"
            self._state = self._outside
        return at


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at

"""Text that arrives in pieces, read from front to back by generators.

Each reading method is a generator: it yields where it needs more text, and goes on when there is
more or ``ended`` is set, after which it never yields. So a block is read by straight code, no
character twice, in pieces of any size.
"""

import re
from collections.abc import Generator
from typing import TypeVar

import regex

_T = TypeVar("_T")
Reading = Generator[None, None, _T]

WORD_CHARS = 200
"""A limit for ``word``: names and ids are shorter."""

_TOOL_NAME = re.compile(r"[A-Za-z_][\w.:/-]*")
_MAX_MATCH_CHARS = 400
_MAX_CLOSER_CHARS = 256


class TextCursor:
    """A window on the text that moves on as the text is read.

    What was read since ``mark`` is kept in pieces, so that it can be read again, and is joined
    only then: a long block in small pieces costs no more than a short one a character.
    """

    def __init__(self) -> None:
        self.window = ""
        self.at = 0
        self.ended = False
        self._base = 0  # position of the window's first character
        self._mark: int | None = None
        self._passed: list[str] = []

    def feed(self, text: str) -> None:
        if self._mark is not None:
            self._passed.append(self._marked())
        self.window = self.window[self.at :] + text
        self._base += self.at
        self.at = 0

    @property
    def position(self) -> int:
        """Characters read so far, in all pieces."""
        return self._base + self.at

    @property
    def spent(self) -> bool:
        """Whether all that has come is read."""
        return self.at >= len(self.window)

    def mark(self) -> int:
        """From here on, what is read can be read again."""
        self._passed.clear()
        self._mark = self.position
        return self._mark

    def release(self) -> None:
        """What was read will not be read again."""
        self._passed.clear()
        self._mark = None

    def since_mark(self) -> str:
        return "".join(self._passed) + self._marked()

    def _marked(self) -> str:
        """What was read since the mark in this window."""
        return self.window[max((self._mark or 0) - self._base, 0) : self.at]

    def rewind(self, position: int) -> None:
        """Back to a position that is not before the mark."""
        if self._mark is not None and position < self._base:
            self.window = self.since_mark() + self.window[self.at :]
            self._base = self._mark
            self._passed.clear()
        self.at = position - self._base

    def take(self, end: int) -> str:
        """The text up to an index of the window."""
        text, self.at = self.window[self.at : end], end
        return text

    # Readings

    def peek(self) -> Reading[str]:
        """The next character, "" at the end."""
        while self.at >= len(self.window) and not self.ended:
            yield
        return self.window[self.at : self.at + 1]

    def blanks(self) -> Reading[str]:
        """The white space that comes next."""
        read: list[str] = []
        while True:
            rest = self.window[self.at : self.at + 64]
            end = self.at + len(rest) - len(rest.lstrip())
            if end == self.at and rest:
                return "".join(read)
            read.append(self.take(end))
            if self.at == len(self.window):
                if self.ended:
                    return "".join(read)
                yield

    def peek_word(self) -> Reading[str]:
        """The next character that is no white space, which is read; "" at the end."""
        yield from self.blanks()
        return (yield from self.peek())

    def starts(self, literal: str) -> Reading[bool]:
        """Whether the literal comes next; it is not read."""
        while True:
            rest = self.window[self.at : self.at + len(literal)]
            if rest == literal:
                return True
            if self.ended or not literal.startswith(rest):
                return False
            yield

    def literal(self, *literals: str) -> Reading[str | None]:
        """The literal that comes next, which is read; None where none of them does."""
        for literal in literals:
            if (yield from self.starts(literal)):
                return self.take(self.at + len(literal))
        return None

    def word(self, pattern: re.Pattern[str], limit: int) -> Reading[str | None]:
        """The longest text that matches, None where it is longer than the limit or cut off."""
        while True:
            found = pattern.match(self.window, self.at, self.at + limit)
            end = found.end() if found else self.at
            if end < min(len(self.window), self.at + limit):
                return self.take(end)
            if self.ended or len(self.window) >= self.at + limit:
                return None
            yield

    def tool_name(self) -> Reading[str | None]:
        """A tool's name, with namespaces as vendors allow them; not filled where there is none."""
        return self.word(_TOOL_NAME, WORD_CHARS)

    def match(self, pattern: regex.Pattern[str]) -> Reading[regex.Match[str] | None]:
        """The match that begins here, which is read; else None, and nothing is read.

        The pattern must not match more than 400 characters, nor go on where it could end.
        """
        while True:
            limit = self.at + _MAX_MATCH_CHARS
            found = pattern.match(self.window, self.at, limit, partial=True)
            if found is not None and not found.partial:
                self.at = found.end()
                return found
            if found is None or self.ended or len(self.window) >= limit:
                return None
            yield

    def cut_off(self, pattern: regex.Pattern[str] | None = None) -> bool:
        """Whether the text ends here, or within a match of the pattern; that is read."""
        if not self.ended:
            return False
        if not self.spent:
            found = pattern and pattern.match(self.window, self.at, partial=True)
            if not found or not found.partial:
                return False
        self.at = len(self.window)
        return True

    def until(self, closer: re.Pattern[str], first: str = "<`") -> Reading[tuple[str, bool]]:
        """The text before the closer, which is read too; all the rest and False if there is none.

        ``first``: the characters with which a closer can begin. It is shorter than 256 characters,
        all it looks ahead at included.
        """
        read: list[str] = []
        while True:
            if found := closer.search(self.window, self.at):
                read.append(self.take(found.start()))
                self.at = found.end()
                return "".join(read), True
            if self.ended:
                read.append(self.take(len(self.window)))
                return "".join(read), False
            read.append(self.take(self._settled_end(first)))
            yield

    def _settled_end(self, first: str) -> int:
        """Up to where no closer can begin any more, whatever comes."""
        start = max(self.at, len(self.window) - _MAX_CLOSER_CHARS)
        ends = [self.window.find(mark, start) for mark in first]
        return min([end for end in ends if end >= 0], default=len(self.window))

"""Text that arrives in pieces, read from front to back by generators.

Each reading method is a generator: it yields where it needs more text, and goes on when there is
more or ``ended`` is set, after which it never yields. So a block is read by straight code, no
character twice, in pieces of any size.
"""

import re
from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

_T = TypeVar("_T")
Reading = Generator[None, None, _T]

# Namespaces of the tags, as Claude and MiniMax write them.
PREFIX = r"(?:antml:|minimax:)?"
PREFIXES = ("", "antml:", "minimax:")

_TAG_CHARS = 400
_TAG = re.compile(rf"<(/?){PREFIX}(\w+)((?:[\s=/][^<>]{{0,300}})?)>")
_HALF_TAG = re.compile(r"<(/?[\w:]*)((?:[\s=/][^<>]{0,300})?)\Z")
_CLOSER_CHARS = 128
_QUOTED = r"""(?:"([^"]*)"|'([^']*)'|([^\s"'/]+))"""
_NAME_ATTRIBUTE = re.compile(rf"(?:^|\s)name\s*=\s*{_QUOTED}|^\s*=\s*{_QUOTED}")


def named_in(attributes: str) -> str | None:
    """The name in ``name="f"``, ``name='f'``, ``name=f`` or Llama's ``=f``."""
    found = _NAME_ATTRIBUTE.search(attributes)
    return next((group for group in found.groups() if group), None) if found else None


@dataclass(frozen=True, slots=True)
class Tag:
    """``<name attributes>``; ``attributes`` as they stand there. A closing tag is ``/name``."""

    name: str
    attributes: str

    @property
    def empty(self) -> bool:
        """Whether it is its own closing tag."""
        return self.attributes.endswith("/")

    @property
    def named(self) -> str | None:
        """What the tag names."""
        return named_in(self.attributes)


class TextCursor:
    """A window on the text that moves on as the text is read.

    What was read since ``mark`` is kept in pieces, so that it can be given back, and is joined
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
        """From here on, what is read can be given back."""
        self._passed.clear()
        self._mark = self.position
        return self._mark

    def release(self) -> None:
        """What was read will not be given back."""
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

    def starts(self, literal: str) -> Reading[bool]:
        """Whether the literal comes next; it is not read."""
        while True:
            rest = self.window[self.at : self.at + len(literal)]
            if rest == literal:
                return True
            if self.ended or not literal.startswith(rest):
                return False
            yield

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

    def tag(self, *names: str) -> Reading[Tag | None]:
        """The tag that comes next, if it has one of the names; any other is left unread."""
        while True:
            if found := _TAG.match(self.window, self.at):
                tag = Tag(found[1] + found[2], found[3])
                if tag.name not in names:
                    return None
                self.at = found.end()
                return tag
            if self.ended or not self._may_become(names):
                return None
            yield

    def _may_become(self, names: tuple[str, ...]) -> bool:
        rest = self.window[self.at : self.at + _TAG_CHARS]
        half = _HALF_TAG.match(rest)
        if half is None:
            return not rest
        return _is_half_of(half[1], names, whole=bool(half[2]))

    def cut_off(self, *names: str) -> bool:
        """Whether the text ends here, or within a tag of one of the names; that is read."""
        if not self.ended or not self._may_become(names):
            return False
        self.at = len(self.window)
        return True

    def until(self, closer: re.Pattern[str]) -> Reading[tuple[str, bool]]:
        """The text before the closer, which is read too; all the rest and False if there is none.

        A closer begins with ``<`` or a backtick and is shorter than 128 characters, all it looks
        ahead at included.
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
            read.append(self.take(self._settled_end()))
            yield

    def _settled_end(self) -> int:
        """Up to where no closer can begin any more, whatever comes."""
        start = max(self.at, len(self.window) - _CLOSER_CHARS)
        ends = [self.window.find(mark, start) for mark in "<`"]
        return min([end for end in ends if end >= 0], default=len(self.window))


def _is_half_of(half: str, names: tuple[str, ...], *, whole: bool) -> bool:
    """Whether a tag's name may still become one of the names; ``whole``: it is complete."""
    for name in names:
        slash, bare = ("/", name[1:]) if name.startswith("/") else ("", name)
        for prefix in PREFIXES:
            full = slash + prefix + bare
            if full == half or (not whole and full.startswith(half)):
                return True
    return False

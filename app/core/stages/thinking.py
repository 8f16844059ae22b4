"""Reasoning as Poe's bots write it: ``*Thinking...*``, quote lines, then the answer."""

import regex

from app.core.events import ReasoningDelta, TextDelta

Piece = TextDelta | ReasoningDelta

_HEADER = regex.compile(
    r"\s*[*_]{0,3}Thinking(?:\.\.\.|…)(?:\s*\(\d+s elapsed\))?[*_]{0,3}[^\S\n]*\n\s*>"
)
_HEADER_CHARS = 200


class ReasoningSplitter:
    """A machine that is fed text in pieces of any size and tells reasoning from answer.

    Text is held back only while it can still be the header, and at the start of a line between
    quote and answer. A header that no quote follows is part of the answer.
    """

    def __init__(self) -> None:
        self._state = self._header
        self._held = ""
        self._breaks = 0

    def feed(self, text: str) -> list[Piece]:
        """What the text, with what was held back, adds to reasoning and answer."""
        self._held += text
        pieces: list[Piece] = []
        while self._held and self._state(pieces):
            pass
        return pieces

    def close(self) -> list[Piece]:
        """At the end: what was held back is answer, unless it was an empty line after a quote."""
        text, self._held = self._held, ""
        if self._state == self._line_start and text.strip() in ("", ">"):
            return []
        return [TextDelta(text)] if text else []

    def _header(self, pieces: list[Piece]) -> bool:
        found = _HEADER.match(self._held[:_HEADER_CHARS], partial=True)
        if found is None or (found.partial and len(self._held) >= _HEADER_CHARS):
            self._state = self._answer
            return True
        if found.partial:
            return False
        self._held = self._held[found.end() - 1 :]
        self._state = self._line_start
        return True

    def _line_start(self, pieces: list[Piece]) -> bool:
        """Between the lines: blank ones are skipped, a quote mark goes on, all else answers."""
        line = self._held.lstrip()
        if not line:
            return self._skip_blank(pieces)
        self._breaks += self._held[: len(self._held) - len(line)].count("\n")
        if not line.startswith(">"):
            self._held = line
            self._state = self._answer
            return True
        self._held = line
        if len(line) == 1:
            return False
        self._held = line[2:] if line[1] == " " else line[1:]
        self._state = self._quote
        return True

    def _skip_blank(self, pieces: list[Piece]) -> bool:
        self._breaks += self._held.count("\n")
        self._held = ""
        return False

    def _quote(self, pieces: list[Piece]) -> bool:
        """Inside a quote line: its text is reasoning up to the line's end."""
        text, newline, self._held = self._held.partition("\n")
        if text:
            pieces.append(ReasoningDelta("\n" * self._breaks + text))
            self._breaks = 0
        if newline:
            self._breaks += 1
            self._state = self._line_start
        return True

    def _answer(self, pieces: list[Piece]) -> bool:
        pieces.append(TextDelta(self._held))
        self._held = ""
        return False

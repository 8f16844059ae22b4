"""Separates reasoning as Poe's bots write it: ``*Thinking...*``, quote lines, then the answer."""

from collections.abc import Iterator

import regex

from app.core.events import Batch, Batches, ReasoningDelta, Replacement, Restated, TextDelta

Piece = TextDelta | ReasoningDelta

_HEADER = regex.compile(
    r"\s*[*_]{0,3}Thinking(?:\.\.\.|…)(?:\s*\(\d+s elapsed\))?[*_]{0,3}[^\S\n]*\n\s*>"
)
_HEADER_CHARS = 200


class ReasoningSplitter:
    """A state machine that separates reasoning from the answer in text of any pieces.

    Text is held back only while it may be the header, and at the start of a line that may be quote
    or answer. A header without a following quote is part of the answer. Poe marks every line of the
    reasoning, empty ones too, so a line without a mark ends it.
    """

    def __init__(self) -> None:
        self._state = self._header
        self._held = ""
        self._breaks = 0

    def feed(self, text: str) -> list[Piece]:
        """The pieces that the text adds, with the text that was held back before it."""
        self._held += text
        pieces: list[Piece] = []
        while self._held and self._state(pieces):
            pass
        return pieces

    def close(self) -> list[Piece]:
        """At the end, held text belongs to the answer, except an empty line after a quote."""
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
        """At the start of a line. A quote mark continues the reasoning, a blank line ends it, any
        other text begins the answer."""
        line = self._held.lstrip()
        if line != self._held and "\n" in self._held[: len(self._held) - len(line)]:
            self._held = line
            self._state = self._after_quote
            return bool(line)
        self._held = line
        if not line:
            return False
        if not line.startswith(">"):
            self._state = self._answer
            return True
        if len(line) == 1:
            return False
        self._held = line[2:] if line[1] == " " else line[1:]
        self._state = self._quote
        return True

    def _after_quote(self, pieces: list[Piece]) -> bool:
        """Blank lines are skipped. The answer may begin with a quote of its own."""
        self._held = self._held.lstrip()
        if not self._held:
            return False
        self._state = self._answer
        return True

    def _quote(self, pieces: list[Piece]) -> bool:
        """Inside a quote line: its text is reasoning up to the end of the line."""
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


def split_reasoning(batches: Batches, *, mode: str) -> Iterator[Batch]:
    """Reasoning as its own events (``split``), in the text (``inline``) or dropped (``drop``).

    A Replacement is turned into the text and reasoning that the client does not have yet.
    """
    shown = _ShownReply(mode)
    for batch in batches:
        out: Batch = []
        for event in batch:
            match event:
                case TextDelta(text):
                    out += shown.add(text)
                case Replacement(text):
                    out += shown.restate(text)
                case _:
                    out.append(event)
        yield out
    yield shown.close()


class _ShownReply:
    """The text and reasoning that the client has."""

    def __init__(self, mode: str) -> None:
        self._mode = mode
        self._splitter = ReasoningSplitter()
        self._text: list[str] = []
        self._reasoning: list[str] = []

    def add(self, text: str) -> Batch:
        if self._mode == "inline":
            return self._show([TextDelta(text)])
        return self._show(self._splitter.feed(text))

    def close(self) -> Batch:
        return self._show(self._splitter.close())

    def restate(self, text: str) -> Batch:
        """A different version of the whole reply: what the client lacks of it, on a new line."""
        before = "".join(self._text), "".join(self._reasoning)
        self._text, self._reasoning = [], []
        self._splitter = ReasoningSplitter()
        self.add(text)
        self.close()
        self._splitter = ReasoningSplitter()
        answer = _missing(before[0], "".join(self._text), "\n")
        reasoning = _missing(before[1], "".join(self._reasoning), "\n")
        events: Batch = [Restated()]
        events += [ReasoningDelta(reasoning)] if reasoning else []
        return events + ([TextDelta(answer)] if answer else [])

    def _show(self, events: list[TextDelta | ReasoningDelta]) -> Batch:
        shown: Batch = []
        for event in events:
            if isinstance(event, TextDelta):
                self._text.append(event.text)
                shown.append(event)
            elif self._mode != "drop":
                self._reasoning.append(event.text)
                shown.append(event)
        return shown


def _missing(before: str, now: str, border: str) -> str:
    """What ``now`` adds to ``before``; all of it if they differ by more than trailing blanks."""
    if now.startswith(before):
        return now[len(before) :]
    if now == before.rstrip():
        return ""
    return border + now if now else ""

"""Reasoning as Poe's bots write it: ``*Thinking...*``, quote lines, then the answer."""

from collections.abc import Iterator

import regex

from app.core.events import Batch, Batches, ReasoningDelta, Replacement, Restated, TextDelta

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


def split_reasoning(batches: Batches, *, mode: str) -> Iterator[Batch]:
    """Reasoning apart from the answer (``split``), left in it (``inline``) or left out (``drop``).

    A Replacement, which contradicts what was sent, becomes the text or reasoning that is lacking.
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
    """Text and reasoning as the client has them."""

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
        """The whole reply again, otherwise: what of it the client lacks, text on a new line."""
        before = "".join(self._text), "".join(self._reasoning)
        self._text, self._reasoning = [], []
        self._splitter = ReasoningSplitter()
        self.add(text)
        self.close()
        self._splitter = ReasoningSplitter()
        answer = _lacking(before[0], "".join(self._text), "\n")
        reasoning = _lacking(before[1], "".join(self._reasoning), "\n")
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


def _lacking(before: str, now: str, border: str) -> str:
    """Blanks at the end are no difference worth a repetition."""
    if now.startswith(before):
        return now[len(before) :]
    if now == before.rstrip():
        return ""
    return border + now if now else ""

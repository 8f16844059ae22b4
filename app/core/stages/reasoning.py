"""Separates reasoning, as bots write it, from the answer.

Poe's bots write ``*Thinking...*``, quote lines, then the answer. Open models write a block of
their own at the very beginning: ``<think>…</think>`` and its like. gpt-oss (harmony) and Kimi K3
give each part of an answer a channel.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import regex

from app.core.events import Batch, Batches, ReasoningDelta, Replacement, Restated, TextDelta

Piece = TextDelta | ReasoningDelta

THOUGHT_MARKS = (
    ("<think>", "</think>"),
    ("<seed:think>", "</seed:think>"),
    ("<mm:think>", "</mm:think>"),
    ("[THINK]", "[/THINK]"),  # Magistral
    ("<|channel>thought", "<channel|>"),  # Gemma 4
    ("<|open|>think<|sep|>", "<|close|>think<|sep|>"),  # Kimi K3
    ("<|START_THINKING|>", "<|END_THINKING|>"),  # Command
    ("◁think▷", "◁/think▷"),  # Kimi VL
)
"""What opens and closes a block of thoughts, by model."""

_POE_HEADER = regex.compile(
    r"\s*[*_]{0,3}Thinking(?:\.\.\.|…)(?:\s*\(\d+s elapsed\))?[*_]{0,3}[^\S\n]*\n\s*>"
)
_HARMONY_HEADER = regex.compile(
    r"\s*(?:<\|start\|>assistant(?P<before>[^<]{0,160}))?"
    r"<\|channel\|>\s*(?P<channel>analysis|commentary|final)(?P<behind>[^<]{0,160})"
    r"(?:<\|constrain\|>[^<]{0,40})?<\|message\|>"
)
_K3_RESPONSE = regex.compile(r"\s*<\|open\|>response<\|sep\|>")
_DROPPED = regex.compile(r"\s*(?:<\|close\|>message<\|sep\|>|<\|end_of_msg\|>)\s*")
_THOUGHT = regex.compile(
    rf"\s*(?P<mark>{'|'.join(regex.escape(mark) for mark, _ in THOUGHT_MARKS)})\s*"
)
_HEADER_CHARS = 500

_CLOSING = dict(THOUGHT_MARKS)


@dataclass(frozen=True, slots=True)
class _End:
    """Marks that end a block. ``kept``: those that begin the next one."""

    marks: tuple[str, ...]
    kept: tuple[str, ...] = ()

    def find(self, text: str) -> tuple[int, int] | None:
        """Where the block's text ends, and where the text goes on behind it."""
        found = [(at, mark) for mark in self.marks if (at := text.find(mark)) >= 0]
        if not found:
            return None
        at, mark = min(found)
        return at, at if mark in self.kept else at + len(mark)

    def settled(self, text: str) -> int:
        """Up to where no mark can begin any more."""
        for at in range(max(0, len(text) - _MAX_MARK_CHARS), len(text)):
            if any(mark.startswith(text[at:]) for mark in self.marks):
                return at
        return len(text)


_MAX_MARK_CHARS = 40
_NEXT_MESSAGE = ("<|start|>", "<|channel|>")
_MESSAGE_END = _End(("<|end|>", "<|return|>", "<|call|>", *_NEXT_MESSAGE), _NEXT_MESSAGE)
_RESPONSE_END = _End(("<|close|>response<|sep|>",))


MAX_STEP_CHARS = 2_000
"""Each line of reasoning copies what is held behind it, so little is held at once."""


class ReasoningSplitter:
    """A state machine that separates reasoning from the answer in text of any pieces.

    Text is held back only while it can still be a header or a mark, and at the start of a line
    that may be quote or answer. A header that no quote follows is part of the answer; a block of
    thoughts that is never closed is reasoning to its end. Poe marks every line of the reasoning,
    empty ones too, so a line without a mark ends it.
    """

    def __init__(self) -> None:
        self._state: Callable[[list[Piece]], bool] = self._header
        self._held = ""
        self._breaks = 0
        self._header_left = 0
        self._answered = False
        self._new = True  # nothing of the message was given so far
        self._end = _MESSAGE_END  # of the block or channel
        self._blanks: list[str] | None = None  # in thoughts; None before their first word

    def feed(self, text: str) -> list[Piece]:
        """The pieces that the text adds, with the text that was held back before it."""
        pieces: list[Piece] = []
        while text:
            taken = len(text) if self._state == self._answer else MAX_STEP_CHARS
            self._held += text[:taken]
            text = text[taken:]
            while self._held and self._state(pieces):
                pass
        return pieces

    def close(self) -> list[Piece]:
        """At the end, held text belongs to the answer, except an empty line after a quote."""
        text, self._held = self._held, ""
        if self._state == self._line_start and text.strip() in ("", ">"):
            return []
        if self._state == self._thought:
            words = "".join((*(self._blanks or ()), text)).rstrip()
            return [ReasoningDelta(words)] if words else []
        if self._state == self._between and not text.strip():
            return []
        return [TextDelta(text)] if text else []

    def _header(self, pieces: list[Piece]) -> bool:
        """At the very beginning."""
        if (poe := self._match(_POE_HEADER)) is None:
            return False
        if poe:
            self._held = self._held[poe.end() - 1 :]
            self._state = self._line_start
            return True
        return self._begin_block()

    def _between(self, pieces: list[Piece]) -> bool:
        """Behind a block or channel: blanks are skipped, another one may follow."""
        self._held = self._held.lstrip()
        return bool(self._held) and self._begin_block()

    def _begin_block(self) -> bool:
        for pattern, begin in (
            (_THOUGHT, self._begin_thought),
            (_HARMONY_HEADER, self._begin_message),
            (_K3_RESPONSE, self._begin_response),
            (_DROPPED, self._drop),
        ):
            if (found := self._match(pattern)) is None:
                return False
            if found:
                begin(found)
                return True
        self._state = self._answer
        return True

    def _match(self, pattern: regex.Pattern[str]) -> regex.Match[str] | Literal[False] | None:
        """The match; False where there is none, None where more text must tell."""
        found = pattern.match(self._held[:_HEADER_CHARS], partial=True)
        if found is None or (found.partial and len(self._held) >= _HEADER_CHARS):
            return False
        return None if found.partial else found

    def _enter(self, state: Callable[[list[Piece]], bool], end: _End, at: int) -> None:
        self._state, self._end = state, end
        self._blanks, self._new = None, True
        self._held = self._held[at:]

    def _begin_thought(self, found: regex.Match[str]) -> None:
        self._enter(self._thought, _End((_CLOSING[found["mark"]],)), found.end())

    def _begin_message(self, found: regex.Match[str]) -> None:
        """A message of harmony. One to a tool stays as it is: it is a call."""
        if found["channel"] == "analysis":
            self._enter(self._thought, _MESSAGE_END, found.end())
        elif "to=" in f"{found['before'] or ''}{found['behind']}":
            self._enter(self._call, _MESSAGE_END, 0)
            self._header_left = found.end()
        else:
            self._enter(self._channel, _MESSAGE_END, found.end())

    def _begin_response(self, found: regex.Match[str]) -> None:
        self._enter(self._channel, _RESPONSE_END, found.end())

    def _drop(self, found: regex.Match[str]) -> None:
        self._held = self._held[found.end() :]
        self._state = self._between

    def _thought(self, pieces: list[Piece]) -> bool:
        """Reasoning, without the white space around it."""
        text, _, ended = self._take()
        words = text.rstrip()
        if words:
            blanks = self._blanks
            words = words.lstrip() if blanks is None else "".join(blanks) + words
            pieces.append(ReasoningDelta(words))
            self._blanks = []
        if self._blanks is not None:
            self._blanks.append(text[len(text.rstrip()) :])
        return ended

    def _channel(self, pieces: list[Piece]) -> bool:
        """The answer up to the end of its channel. A second message is a paragraph of its own."""
        text, _, ended = self._take()
        if text:
            pieces.append(TextDelta(f"\n\n{text}" if self._answered and self._new else text))
            self._answered, self._new = True, False
        return ended

    def _call(self, pieces: list[Piece]) -> bool:
        """A message to a tool, marks and all."""
        header, self._held = self._held[: self._header_left], self._held[self._header_left :]
        self._header_left = 0
        text, mark, ended = self._take()
        if whole := header + text + mark:
            pieces.append(TextDelta(whole))
        return ended

    def _take(self) -> tuple[str, str, bool]:
        """The text up to the end mark or where it may begin, the mark, and whether it is there."""
        held = self._held
        if found := self._end.find(held):
            end, goes_on = found
            self._held = held[goes_on:]
            self._state = self._between
            return held[:end], held[end:goes_on], True
        settled = self._end.settled(held)
        self._held = held[settled:]
        return held[:settled], "", False

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

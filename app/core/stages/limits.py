"""Limits that the gateway enforces itself: ``stop`` and ``max_tokens``.

Both are stages that end the reply early with a Cut and return right after it, so that the caller
can close the connection to the bot. The result does not depend on how the bot's text was split into
deltas.
"""

import re
from collections.abc import Callable, Iterator

from app.core.events import (
    Batch,
    Batches,
    Cut,
    Discarded,
    Event,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
)
from app.core.tokens import encoding

MAX_PIECE_CHARS = 1_000
"""A run of this many characters without a safe border is counted in parts (see _PIECE)."""


def stop_at(batches: Batches, sequences: tuple[str, ...]) -> Iterator[Batch]:
    """The reply up to the first stop sequence, which is not sent.

    The first one is that which is complete first, as for a bot that stops by itself; of several
    that end together, the longest. Text is held back only while it may be the beginning of a
    sequence. A sequence does not span other events, and reasoning is not searched.
    """
    wanted = [sequence for sequence in dict.fromkeys(sequences) if sequence]
    return _until_cut(batches, _StopSequences(wanted)) if wanted else iter(batches)


def limit_tokens(batches: Batches, most: int) -> Iterator[Batch]:
    """The reply up to ``most`` tokens of text, reasoning and calls, counted with o200k_base.

    A call is never cut: it passes whole, at its end; a Cut replaces one that does not fit. As much
    of it as the limit has room for was written all the same, and counts as Discarded.
    """
    return _until_cut(batches, _TokenLimit(most))


def _until_cut(batches: Batches, limit: "_StopSequences | _TokenLimit") -> Iterator[Batch]:
    """Applies ``limit.feed`` to each event and ``limit.close`` at the end, up to a Cut."""
    for batch in batches:
        out: Batch = []
        for event in batch:
            out += limit.feed(event)
            if out and isinstance(out[-1], Cut):
                yield out
                return
        yield out
    yield limit.close()


class _StopSequences:
    """The text that is held back, and how much of each sequence has matched."""

    def __init__(self, sequences: list[str]) -> None:
        self._searches = [_Search(sequence) for sequence in sequences]
        self._held = ""

    def feed(self, event: Event) -> Batch:
        if not isinstance(event, TextDelta):
            return [*self.close(), event]
        ends = [(search.feed(event.text), search) for search in self._searches]
        found = [(end, -len(search.sequence), search.sequence) for end, search in ends if end]
        text = self._held + event.text
        if found:
            end, minus_length, sequence = min(found)
            return [*_text(text[: len(self._held) + end + minus_length]), Cut("stop", sequence)]
        sent = len(text) - max(search.matched for search in self._searches)
        self._held = text[sent:]
        return _text(text[:sent])

    def close(self) -> Batch:
        text, self._held = self._held, ""
        for search in self._searches:
            search.matched = 0
        return _text(text)


class _Search:
    """Knuth-Morris-Pratt search for one sequence in text that arrives in pieces.

    ``matched``: how many characters of the sequence the text ends with. Linear in the length of the
    text in every case.
    """

    def __init__(self, sequence: str) -> None:
        self.sequence = sequence
        self.matched = 0
        self._shorter = [0]  # to each beginning: the longest shorter one that it ends with
        for char in sequence[1:]:
            self._shorter.append(self._next(self._shorter[-1], char))

    def feed(self, text: str) -> int:
        """The offset in the text at which the sequence is complete; 0 if it is not."""
        at = 0
        while at < len(text):
            if not self.matched:
                at = text.find(self.sequence[0], at)
                if at < 0:
                    return 0
            self.matched = self._next(self.matched, text[at])
            at += 1
            if self.matched == len(self.sequence):
                return at
        return 0

    def _next(self, matched: int, char: str) -> int:
        while matched and self.sequence[matched] != char:
            matched = self._shorter[matched - 1]
        return matched + (self.sequence[matched] == char)


_BORDER = (
    r"(?<=[^\W_])(?=[\s!-&(-/:-@\[-`{-~\u3001-\u3003\u3008-\u3011\uff01-\uff0f\uff1a-\uff20])"
    r"|(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])"
    r"|(?= \S)"
    r"|(?<=\n)(?=[^\s/])"
)
"""Where o200k_base begins a new word in any context, so that no token crosses it.

Derived from its word pattern (tiktoken_ext/openai_public.py): between a letter or number and
punctuation other than the apostrophe, or whitespace; between letters and digits; before a space
that precedes a non-space; after a line break before other text. So the number of tokens of a text
is the sum over its pieces.
"""

_PIECE = re.compile(rf"(?s:.){{1,{MAX_PIECE_CHARS}}}(?:{_BORDER})")
_FORCED = MAX_PIECE_CHARS + 2  # a border is known by up to two characters after it
_SURROGATE = re.compile("[\ud800-\udfff]")


class _TokenLimit:
    """The tokens that are left, and the text that is not counted yet.

    Nothing is encoded while there are no more uncounted bytes than tokens left, since a token is at
    least one byte. Beyond that, the text is counted up to its last safe border, each part once;
    after the border, only as many bytes are sent as tokens are left. A later Cut is always behind
    the text that was sent.
    """

    def __init__(self, most: int) -> None:
        self._left = most
        self._kind: type[TextDelta] | type[ReasoningDelta] = TextDelta
        self._uncounted: list[str] = []
        self._bytes = 0
        self._sent = 0  # characters of the uncounted text
        self._call: list[ToolCallDelta] = []

    def feed(self, event: Event) -> Batch:
        out: Batch = []
        if not self._goes_on(event):
            out = self._settle()
            if self._left < 0:
                return out
        if isinstance(event, TextDelta | ReasoningDelta):
            return out + self._read(event)
        if isinstance(event, ToolCallDelta):
            return out + self._hold_call(event)
        return [*out, event]

    def close(self) -> Batch:
        """At the end, text with no more bytes than tokens left need not be counted."""
        if self._bytes + len(_utf8(_text_of(self._call))) <= self._left:
            return list(self._call)
        return self._settle()

    def _settle(self) -> Batch:
        """Counts all that has arrived so far."""
        if not self._call:
            return self._count(ended=True)
        call, self._call = self._call, []
        text = _text_of(call)
        end = self._take(text)
        if end < len(text):
            self._left = -1
            return [Discarded(text[:end]), Cut("length")]
        return list(call)

    def _take(self, text: str) -> int:
        """Counts a complete text as far as the tokens last; how many of its characters that is."""
        end = 0
        while piece := _piece(text, end, ended=True):
            tokens = _tokens(piece)
            if tokens > self._left:
                return end + _fitting(piece, self._left)
            self._left -= tokens
            end += len(piece)
        return end

    def _goes_on(self, event: Event) -> bool:
        """Whether the event continues the current text or call."""
        if isinstance(event, ToolCallDelta):
            return bool(self._call) and event.index == self._call[0].index
        return isinstance(event, self._kind) and not self._call

    def _hold_call(self, event: ToolCallDelta) -> Batch:
        if self._left == 0:
            return [Cut("length")]
        self._call.append(event)
        return []

    def _read(self, event: TextDelta | ReasoningDelta) -> Batch:
        self._kind = type(event)
        self._uncounted.append(event.text)
        self._bytes += len(_utf8(event.text))
        if self._bytes <= self._left:
            self._sent += len(event.text)
            return [event]
        return self._count(ended=False)

    def _count(self, *, ended: bool) -> Batch:
        """Counts the complete pieces, and sends what is certainly within the limit."""
        text, start = "".join(self._uncounted), 0
        while piece := _piece(text, start, ended):
            tokens = _tokens(piece)
            if tokens > self._left:
                return self._cut(text, start + _fitting(piece, self._left))
            self._left -= tokens
            start += len(piece)
        if start < len(text) and not self._left:
            return self._cut(text, start)
        end = start + _chars(text[start:], self._left)
        out = self._send(text[self._sent : end])
        self._uncounted, self._bytes = [text[start:]], len(_utf8(text[start:]))
        self._sent = end - start
        return out

    def _cut(self, text: str, end: int) -> Batch:
        self._left = -1
        return [*self._send(text[self._sent : end]), Cut("length")]

    def _send(self, text: str) -> Batch:
        return [self._kind(text)] if text else []


def _text_of(call: list[ToolCallDelta]) -> str:
    return "".join((delta.name or "") + delta.arguments for delta in call)


def _piece(text: str, start: int, ended: bool) -> str:
    """The longest piece from ``start`` that ends at a safe border; "" if there is none yet."""
    if found := _PIECE.match(text, start):
        return found[0]
    if len(text) - start >= _FORCED:
        return text[start : start + MAX_PIECE_CHARS]
    return text[start:] if ended else ""


def _fitting(piece: str, most: int) -> int:
    """How many characters of the piece its first ``most`` tokens cover.

    A token may end within a character, which is then left out. The shortened text is counted again,
    because it may be tokenized differently on its own.
    """
    tokens = encoding().encode_ordinary(_utf8(piece).decode())
    chars = _chars(piece, len(encoding().decode_bytes(tokens[:most])))
    while _tokens(piece[:chars]) > most:
        chars -= 1
    return chars


def _chars(text: str, size: int) -> int:
    """How many characters of the text fit into ``size`` bytes."""
    return len(_utf8(text)[:size].decode(errors="ignore"))


def _tokens(text: str) -> int:
    return len(encoding().encode_ordinary(_utf8(text).decode()))


def _utf8(text: str) -> bytes:
    """The bytes that are counted; like tiktoken, with U+FFFD for a lone surrogate."""
    return (text if text.isascii() else _SURROGATE.sub("\ufffd", text)).encode()


def _text(text: str) -> Batch:
    return [TextDelta(text)] if text else []


def end_at_cut(batches: Batches, close: Callable[[], None]) -> Iterator[Batch]:
    """Ends the reply after a Cut, and calls ``close`` at once because nothing more is read."""
    for batch in batches:
        cut = bool(batch) and isinstance(batch[-1], Cut)
        if cut:
            close()
        yield batch
        if cut:
            return

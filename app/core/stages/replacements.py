"""Sends text that a bot repeats or replaces to the client only once."""

import re
from collections.abc import Iterator

from app.core.events import Batch, Batches, Replacement, TextDelta

_STATUS_LINE = re.compile(
    r"[>*_`~\s]*"
    r"(?:[^\n]*\(\d+(?:\.\d+)?s elapsed\)"  # Generating image (12s elapsed)
    r"|\w+ing\b[^\n]{0,60}(?:\.\.\.|…))"  # Thinking...
    r"[*_`~\s]*\Z"
)
_STATUS_CHARS = 160


def settle_replacements(batches: Batches) -> Iterator[Batch]:
    """Each text once, however often the bot sent or replaced it.

    Text is sent only where the answer extends what was sent before; a status line is held back
    until other text follows it. If the final text contradicts what was sent, it follows as one
    Replacement at the end.
    """
    answer = _SettlingText()
    for batch in batches:
        out: Batch = []
        for event in batch:
            match event:
                case TextDelta(text):
                    answer.append(text)
                case Replacement(text):
                    answer.replace(text)
                case _:
                    out.append(event)
        if text := answer.take_settled():
            out.append(TextDelta(text))
        yield out
    yield answer.take_rest()


class _SettlingText:
    """The bot's current answer, compared with what the client has of it.

    After a replacement, the new answer is compared with the sent pieces while it arrives:
    ``_place`` is the index of a piece and the offset in it up to which both are equal, and None
    once they differ. When the answer has reached the end of what was sent, it continues from there.
    """

    def __init__(self) -> None:
        self._sent: list[str] = []
        self._unsent = ""
        self._replaced: list[str] | None = None
        self._place: tuple[int, int] | None = None

    def append(self, text: str) -> None:
        if self._replaced is None:
            self._unsent += text
        else:
            self._replaced.append(text)
            self._compare(text)

    def replace(self, text: str) -> None:
        self._unsent = ""
        self._replaced = [text]
        self._place = 0, 0
        self._compare(text)

    def _compare(self, text: str) -> None:
        """Compares more text, in time linear in its length."""
        if self._place is None:
            return
        index, offset = self._place
        start = 0
        while index < len(self._sent):
            piece = self._sent[index]
            count = min(len(piece) - offset, len(text) - start)
            if piece[offset : offset + count] != text[start : start + count]:
                self._place = None
                return
            start += count
            offset += count
            if offset < len(piece):
                self._place = index, offset
                return
            index, offset = index + 1, 0
        self._unsent = text[start:]
        self._replaced = None

    def take_settled(self) -> str:
        """The new text that can be sent now."""
        if not self._unsent:
            return ""
        settled = len(self._unsent) - self._status_chars()
        text, self._unsent = self._unsent[:settled], self._unsent[settled:]
        if text:
            self._sent.append(text)
        return text

    def take_rest(self) -> Batch:
        """At the end: all that was not sent."""
        if self._replaced is not None:
            return [Replacement("".join(self._replaced))]
        return [TextDelta(self._unsent)] if self._unsent else []

    def _status_chars(self) -> int:
        """Length of the unsent part of the status line with which the answer currently ends."""
        if not self._unsent.rstrip().rstrip("*_`~").endswith(("...", "…", "elapsed)")):
            return 0
        ending = "".join(self._sent[-4:])[-_STATUS_CHARS:] + self._unsent
        ending = ending[-2 * _STATUS_CHARS :]
        before, _, line = ending.rstrip().rpartition("\n")
        if len(line) > _STATUS_CHARS or not _STATUS_LINE.match(line):
            return 0
        return min(len(ending) - len(before.rstrip()), len(self._unsent))

"""Calls found in what a model writes, while it writes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from app.core.conversation import ToolSpec
from app.core.tools.notations.calls import Call, CallParser, Unreadable
from app.core.tools.notations.cursor import PREFIX, PREFIXES, Reading, TextCursor
from app.core.tools.notations.tagged import CONTAINER_NAMES, OPENING_NAMES, RawCall, read_block

_RESULT_NAMES = (
    *("tool_result", "tool_results", "tool_response"),
    *("function_result", "function_results"),
)
_FENCE = "```"
_OPENING_TAG = rf"<{PREFIX}(?:{'|'.join(OPENING_NAMES)})[\s>=/]"
_OPENING = re.compile(
    rf"{_OPENING_TAG}|```"
    rf"|(?P<result><{PREFIX}(?:{'|'.join(_RESULT_NAMES)}))[\s>]"
    rf"|(?P<stray></{PREFIX}(?:{'|'.join(CONTAINER_NAMES)})>)"
)
_OPENING_ON_A_LINE = re.compile(rf"\n[ \t]*(?={_OPENING_TAG})")
_HALF_OPENING = re.compile(r"(?:</?[\w:]*|`{1,2})\Z")
_HALF_OPENING_CHARS = 40
_HALVES = frozenset(
    f"<{slash}{prefix}{name}"[:length]
    for slash, names in (("", OPENING_NAMES + _RESULT_NAMES), ("/", CONTAINER_NAMES))
    for prefix in PREFIXES
    for name in names
    for length in range(1, len(slash + prefix + name) + 2)
) | {"`", "``"}


@dataclass(frozen=True, slots=True)
class ForgedResult:
    """The model went on after its calls with what it takes for a tool's result."""


Found = str | Call | ForgedResult


class CallReader:
    """A machine that is fed an answer in pieces of any size and tells text from calls.

    Text comes out at once but for white space (a call may follow, then it is dropped) and what can
    still become an opening tag or a fence around calls. A block that turns out to be none comes
    out as text. What is found depends on the text alone, never on its pieces, and the time it
    takes is linear: what is given back for another reading is read twice, or a few times more.
    """

    def __init__(self, tools: Iterable[ToolSpec]) -> None:
        self._parser = CallParser(tuple(tools))
        self._output = _Output()
        self._cursor = TextCursor()
        self._block: Reading[list[RawCall] | None] | None = None
        self._start = 0  # of the block
        self._fenced = False  # the text is within a fence that does not hold calls alone

    def feed(self, text: str) -> list[Found]:
        """What the text, with what was held back, adds to the answer."""
        if self._block is None and self._cursor.spent and "<" not in text and "`" not in text:
            self._output.text(text)
        else:
            self._cursor.feed(text)
            self._read()
        return self._output.take()

    def close(self) -> list[Found]:
        """At the end: what was held back."""
        self._cursor.ended = True
        self._read()
        self._output.close()
        return self._output.take()

    def _read(self) -> None:
        while True:
            if self._block is None:
                self._block = self._next_block()
            if self._block is None:
                return
            try:
                next(self._block)
                return
            except StopIteration as end:
                self._block = None
                self._settle(end.value)

    def _next_block(self) -> Reading[list[RawCall] | None] | None:
        """Says the text before it. None where no block has begun so far."""
        cursor = self._cursor
        while opening := _OPENING.search(cursor.window, cursor.at):
            self._output.text(cursor.take(opening.start()))
            if opening["stray"]:
                self._output.close_tag(cursor.take(opening.end()))
            elif opening["result"]:
                self._output.open_result(cursor.take(opening.end("result")))
            elif self._fenced and opening[0] == _FENCE:
                self._fenced = False
                self._output.text(cursor.take(opening.end()))
            else:
                self._start = cursor.mark()
                return read_block(cursor)
        self._output.text(cursor.take(self._settled_end()))
        return None

    def _settled_end(self) -> int:
        """Up to where nothing can become an opening any more."""
        window = self._cursor.window
        tail = max(self._cursor.at, len(window) - _HALF_OPENING_CHARS)
        half = None if self._cursor.ended else _HALF_OPENING.search(window, tail)
        return half.start() if half and half[0] in _HALVES else len(window)

    def _settle(self, block: list[RawCall] | None) -> None:
        """Calls, if the block is some; else it was text."""
        try:
            calls = self._parser.calls(block) if block else None
        except Unreadable:
            calls = None
        if calls is None:
            self._give_back()
        elif calls:
            self._output.call(calls)
        else:
            self._output.text(self._cursor.since_mark())
        self._cursor.release()

    def _give_back(self) -> None:
        """Says what was no block, up to where another may begin.

        Of a fence that is its backticks. Of anything else it is all that was read, for the text
        within is the block's own; but where a block opens on a new line within, the model had
        only spoken of the first one, or begun anew.
        """
        text = self._cursor.since_mark()
        end = len(text) or 1
        if text.startswith(_FENCE):
            self._fenced, end = True, len(_FENCE)
        else:
            for opening in _OPENING_ON_A_LINE.finditer(text):
                end = opening.end()
        self._cursor.rewind(self._start)
        self._output.text(self._cursor.take(self._cursor.at + end))


class _Output:
    """Text and calls in their order, without the white space around calls."""

    def __init__(self) -> None:
        self._found: list[Found] = []
        self._blanks: list[str] = []
        self._called = False
        self._after_call = False

    def text(self, text: str) -> None:
        if self._after_call:
            text = text.lstrip()
            self._after_call = not text
        words = text.rstrip()
        if words:
            self._found.append("".join((*self._blanks, words)))
            self._blanks = []
        if len(words) < len(text):
            self._blanks.append(text[len(words) :])

    def call(self, calls: list[Call]) -> None:
        self._found += calls
        self._blanks = []
        self._called = self._after_call = True

    def close_tag(self, tag: str) -> None:
        """One that closes nothing: after a call, Qwen's coders write it without having opened."""
        if not self._after_call:
            self.text(tag)

    def open_result(self, tag: str) -> None:
        if self._called:
            self._found.append(ForgedResult())
        self.text(tag)

    def close(self) -> None:
        """At the end white space is text, too."""
        self._found += filter(None, ["".join(self._blanks)])
        self._blanks = []

    def take(self) -> list[Found]:
        """What is new; texts that follow each other as one."""
        found, self._found = self._found, []
        if len(found) < 2:
            return found
        taken: list[Found] = []
        for kind, pieces in groupby(found, type):
            if kind is str:
                taken.append("".join(map(str, pieces)))
            else:
                taken.extend(pieces)
        return taken

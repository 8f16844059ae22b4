"""Calls found in what a model writes, while it writes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from app.core.conversation import ToolSpec
from app.core.tools.notations.calls import Call, CallParser, RawCall, Unreadable
from app.core.tools.notations.cursor import Reading, TextCursor
from app.core.tools.notations.notation import Notation
from app.core.tools.notations.offered import OfferedTools
from app.core.tools.notations.registry import (
    FENCED,
    MARK_BEGINS,
    MAX_MARK_CHARS,
    THOUGHTS,
    WHOLE_ANSWER,
    MarkSearch,
    Opening,
)

_begins_mark = MARK_BEGINS.search
_BLANKS = re.compile(r"\s*+")
_NEW_LINE = re.compile(r"\n[ \t]*")
_TICKS = re.compile(r"`+")
_MAX_PIECES = 256
_MAX_LINE_CHARS = 2_000
_NO_SPACE_BEFORE = ".,;:!?)]}"


@dataclass(frozen=True, slots=True)
class ForgedResult:
    """The model went on after its calls with what it takes for a tool's result."""


Found = str | Call | ForgedResult


class CallReader:
    """A machine that is fed an answer in pieces of any size and tells text from calls.

    Text comes out at once but for white space (a call may follow) and what can still become a
    mark. A block that turns out to be none comes out as text. What is found depends on the text
    alone, never on its pieces, and the time it takes is linear: what is no block is read twice,
    or a few times more.

    No call is looked for in thoughts and quoted lines. What stands in a code fence with other
    text, between backticks, or behind a mark of thoughts in the middle of a line is a call only
    where the answer ends with it: models fence calls, too, but do not go on to explain them.
    """

    def __init__(self, tools: Iterable[ToolSpec]) -> None:
        self._tools = OfferedTools(tools)
        self._parser = CallParser(self._tools)
        self._marks = MarkSearch(self._tools)
        self._output = _Output()
        self._context = _Context()
        self._cursor = TextCursor()
        self._block: Reading[list[RawCall] | None] | None = None
        self._notation: Notation = WHOLE_ANSWER
        self._mark = ""
        self._start = 0  # of the block
        self._flows = False  # all that came was given: most text needs no more than that
        self._framed = False  # marks frame the answer's text
        self._may_be_whole = True  # nothing came so far but white space and thoughts

    def feed(self, text: str) -> list[Found]:
        """What the text, with what was held back, adds to the answer."""
        if self._flows and _begins_mark(text) is None:
            self._context.line.append(text)
            self._output.text(text)
        else:
            self._cursor.feed(text)
            self._read()
            self._flows = self._block is None and not self._may_be_whole and self._cursor.spent
        return self._output.take()

    def close(self) -> list[Found]:
        """At the end: what was held back."""
        self._cursor.ended = True
        self._read()
        self._output.close()
        return self._output.take()

    def _text(self, text: str) -> None:
        self._context.pass_over(text)
        self._output.text(text)

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
        """Gives the text before it. None where no block has begun so far."""
        cursor = self._cursor
        while True:
            if self._may_be_whole and not self._context.in_thought:
                self._text(cursor.take(_end_of_blanks(cursor.window, cursor.at)))
                if self._waits_for_beginning():
                    return None
                if self._begins_whole():
                    return self._begin(WHOLE_ANSWER)
            opening = self._marks.find(cursor.window, cursor.at)
            if opening is None or not self._is_settled(opening):
                self._text(cursor.take(self._settled_end()))
                return None
            self._text(cursor.take(opening.start))
            if block := self._open(opening):
                return block

    def _is_settled(self, opening: Opening) -> bool:
        """Whether the mark cannot become a longer one."""
        return (
            opening.end < len(self._cursor.window) - MAX_MARK_CHARS
            or opening.start < self._settled_end()
        )

    def _settled_end(self) -> int:
        """Up to where no mark can begin any more."""
        window = self._cursor.window
        return len(window) if self._cursor.ended else self._marks.settled(window, self._cursor.at)

    def _waits_for_beginning(self) -> bool:
        """Whether only more text can tell what the answer begins with."""
        cursor = self._cursor
        rest = cursor.window[cursor.at : cursor.at + MAX_MARK_CHARS]
        marks = (*WHOLE_ANSWER.marks, *THOUGHTS)
        if cursor.ended or rest.startswith(marks):
            return False
        return any(mark.startswith(rest) for mark in marks)

    def _begins_whole(self) -> bool:
        window, at = self._cursor.window, self._cursor.at
        self._may_be_whole = window.startswith(tuple(THOUGHTS), at)
        return window.startswith(WHOLE_ANSWER.marks, at)

    def _begin(self, notation: Notation, mark: str = "") -> Reading[list[RawCall] | None]:
        self._notation, self._mark = notation, mark
        self._start = self._cursor.mark()
        return notation.read(self._cursor, self._tools)

    def _open(self, opening: Opening) -> Reading[list[RawCall] | None] | None:
        """Begins the reading of a block, or passes over a mark that opens none here."""
        cursor, context = self._cursor, self._context
        if context.closes(opening.mark):
            context.close()
        elif context.is_never_called():
            pass
        elif isinstance(opening.kind, Notation):
            if self._may_begin(opening):
                return self._begin(opening.kind, opening.mark)
        elif opening.kind == "thought":
            context.think(opening.mark)
        elif opening.kind == "closing":
            framing = self._framed and opening.mark.startswith("<|")
            if self._output.takes_closing(opening.mark) or framing:
                cursor.at = opening.end
        elif not context.is_doubtful():
            self._output.result()
        self._text(cursor.take(opening.end))
        return None

    def _may_begin(self, opening: Opening) -> bool:
        """No fence within a fence; the tag of a tool only where a line begins with it."""
        if opening.kind is FENCED:
            return not self._context.in_fence
        return not opening.is_tool or self._context.is_line_start()

    def _settle(self, block: list[RawCall] | None) -> None:
        """Calls, if the block is some; else it was text."""
        text = self._cursor.since_mark()
        if block == []:
            self._drop_frame(text)
            return
        calls = self._calls(block, text) if block else None
        if calls is None or (not calls and self._notation is WHOLE_ANSWER):
            self._give_back(text)
        elif not calls:
            self._text(text)
        elif self._context.is_doubtful() or any(raw.quoted for raw in block or ()):
            self._output.doubtful_calls(text, calls)
        else:
            self._output.calls(calls)
        self._cursor.release()

    def _drop_frame(self, text: str) -> None:
        """A mark that frames the answer's text (harmony, Kimi K3) is none of it.

        In the middle of a line it is prose that names the mark.
        """
        if self._context.is_line_start() and not self._context.is_doubtful():
            self._framed = True
            self._output.separate()
        else:
            self._text(text)
        self._cursor.release()

    def _calls(self, block: list[RawCall], text: str) -> list[Call] | None:
        """None where they cannot be read: nothing is guessed where the model began anew."""
        try:
            return self._parser.calls(block, guess=False)
        except Unreadable:
            if self._last_opening(text) is not None:
                return None
        try:
            return self._parser.calls(block)
        except Unreadable:
            return None

    def _give_back(self, text: str) -> None:
        """Gives what was no block as text, up to where another may begin.

        Of a fence that is its backticks. Of anything else it is all that was read, for the text
        within is the block's own; but where a block opens on a new line within, the model had
        only spoken of the first one, or begun anew.
        """
        end = len(text) or 1
        if self._notation is WHOLE_ANSWER:
            end = 0
        elif self._notation is FENCED:
            end = len(self._mark)
            self._context.open_fence(self._mark)
        elif (opening := self._last_opening(text)) is not None:
            end = opening
        self._cursor.rewind(self._start)
        self._text(self._cursor.take(self._cursor.at + end))

    def _last_opening(self, text: str) -> int | None:
        """Where the last block begins that opens on a line of its own, but for the first one."""
        last = None
        for line in _NEW_LINE.finditer(text):
            opening = self._marks.find_at(text, line.end())
            if opening is not None and isinstance(opening.kind, Notation):
                last = None if opening.kind is FENCED else line.end()
        return last


def _end_of_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at


class _Context:
    """What the text around a mark says of it: a quotation, code, or thoughts.

    The current line is looked at only where a mark stands in it.
    """

    def __init__(self) -> None:
        self.line: list[str] = []  # pieces from which the current line can be told
        self._fence = ""  # the mark of the open code fence
        self._fence_in_line = False
        self._thought = ""  # the mark that closes the open thoughts
        self._thought_in_line = False

    def pass_over(self, text: str) -> None:
        self.line.append(text)
        if len(self.line) > _MAX_PIECES:
            self._current_line()

    def _current_line(self) -> str:
        """The current line up to here."""
        line = "".join(self.line)
        line = line[line.rfind("\n") + 1 :]
        if len(line) > 2 * _MAX_LINE_CHARS:  # What a line quotes is told from its first word.
            line = line[:_MAX_LINE_CHARS] + line[-_MAX_LINE_CHARS:]
        self.line = [line]
        return line

    @property
    def in_thought(self) -> bool:
        return bool(self._thought)

    @property
    def in_fence(self) -> bool:
        return bool(self._fence)

    def is_line_start(self) -> bool:
        return not self._current_line().strip()

    def is_never_called(self) -> bool:
        """Whether calls here are thoughts, or in a line that quotes."""
        if self._thought and not self._thought_in_line:
            return True
        return self._current_line().lstrip().startswith(">")

    def is_doubtful(self) -> bool:
        """Whether calls here may be examples."""
        return bool(self._fence or self._thought) or self._in_ticks()

    def _in_ticks(self) -> bool:
        """Whether a code span is open in the current line."""
        opened = ""
        for ticks in _TICKS.findall(self._current_line()):
            if not opened:
                opened = ticks
            elif opened == ticks:
                opened = ""
        return bool(opened)

    def closes(self, mark: str) -> bool:
        """Whether the mark closes the thoughts or the fence that are open."""
        if self._thought:
            return mark == self._thought
        if not self._fence or mark[0] != self._fence[0] or len(mark) < len(self._fence):
            return False
        return self._fence_in_line or self.is_line_start()

    def close(self) -> None:
        if self._thought:
            self._thought = ""
        else:
            self._fence = ""

    def open_fence(self, mark: str) -> None:
        self._fence = mark
        self._fence_in_line = not self.is_line_start()

    def think(self, mark: str) -> None:
        if not self.is_doubtful():
            self._thought = THOUGHTS[mark]
            self._thought_in_line = not self.is_line_start()


class _Output:
    """Text and calls in their order, the white space around calls as a reader needs it.

    Doubtful calls wait for what comes behind them: text makes them text, too.
    """

    def __init__(self) -> None:
        self._found: list[Found] = []
        self._blanks: list[str] = []  # white space that waits for a word
        self._gap: str | None = None  # white space before the calls that came last
        self._doubtful: list[tuple[str, str, list[Call]]] = []  # blanks, text, calls
        self._last = ""  # the last words of the text
        self._called = False

    def text(self, text: str) -> None:
        words = text.rstrip()
        blanks = text[len(words) :]
        if words:
            if self._doubtful:
                self._refute()
            if self._gap is not None:
                words = self._behind_calls(words)
            if self._blanks:
                words = "".join((*self._blanks, words))
                self._blanks = []
            self._found.append(words)
            self._last = words
        if blanks:
            self._blanks.append(blanks)

    def _behind_calls(self, words: str) -> str:
        """The words, apart from those before the calls as they were, but not more than a line."""
        start = words.lstrip()
        behind = "".join(self._blanks) + words[: len(words) - len(start)]
        gap = max(self._gap or "", behind, key=lambda blanks: (blanks.count("\n"), len(blanks)))
        self._blanks, self._gap = [], None
        if not self._last:
            return start
        if start[0] in _NO_SPACE_BEFORE and "\n" not in gap:
            return start
        return (gap or " ") + start

    def calls(self, calls: list[Call]) -> None:
        self._confirm()
        if self._gap is None:
            self._gap = "".join(self._blanks)
        self._blanks = []
        self._found += calls
        self._called = True

    def doubtful_calls(self, text: str, calls: list[Call]) -> None:
        self._doubtful.append(("".join(self._blanks), text, calls))
        self._blanks = []

    def _refute(self) -> None:
        """The doubtful calls were text."""
        doubtful, self._doubtful = self._doubtful, []
        rest, self._blanks = self._blanks, []
        for blanks, text, _ in doubtful:
            self.text(blanks)
            self.text(text)
        self._blanks += rest

    def _confirm(self) -> None:
        doubtful, self._doubtful = self._doubtful, []
        rest, self._blanks = self._blanks, []
        for blanks, _, calls in doubtful:
            self._blanks = [blanks]
            self.calls(calls)
        self._blanks += rest

    def separate(self) -> None:
        """What follows is a paragraph of its own."""
        if self._last and self._gap is None:
            self._gap, self._blanks = "\n\n", []

    def takes_closing(self, mark: str) -> bool:
        """Whether a closing mark here is what is left of calls: nothing came in between."""
        if self._doubtful:
            blanks, text, calls = self._doubtful.pop()
            text = "".join((text, *self._blanks, mark))
            self._doubtful.append((blanks, text, calls))
            self._blanks = []
            return True
        return self._gap is not None

    def result(self) -> None:
        """A result that the model makes up: only behind calls."""
        self._confirm()
        if self._called:
            self._found.append(ForgedResult())

    def close(self) -> None:
        """At the end white space is text, too, but behind calls."""
        self._confirm()
        if self._gap is None:
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

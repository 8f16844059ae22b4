"""The stages of a reply's way to the client, each a generator over batches of events.

A stage passes empty batches on: they are the ticks by which a silent stream is kept alive.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from app.core.events import (
    Batch,
    Batches,
    Cut,
    Discarded,
    Event,
    Finished,
    ReasoningDelta,
    Replacement,
    Restated,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from app.core.stages.thinking import ReasoningSplitter

_STATUS_LINE = re.compile(
    r"[>*_`~\s]*"
    r"(?:[^\n]*\(\d+(?:\.\d+)?s elapsed\)"  # Generating image (12s elapsed)
    r"|\w+ing\b[^\n]{0,60}(?:\.\.\.|…))"  # Thinking...
    r"[*_`~\s]*\Z"
)
_STATUS_CHARS = 160
_TEXTS = (TextDelta, Replacement)


def settle_replacements(batches: Batches) -> Iterator[Batch]:
    """Each text once, however often the bot sent or replaced it.

    Only that is sent by which the answer extends what was sent already, and a status line is held
    back until something follows it. Where the bot's last word contradicts what was sent, that last
    word follows as one Replacement at the end.
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
    """What the bot's answer is now, against what the client has of it."""

    def __init__(self) -> None:
        self._sent: list[str] = []
        self._unsent = ""
        self._contradicted: str | None = None

    def append(self, text: str) -> None:
        if self._contradicted is None:
            self._unsent += text
        else:
            self.replace(self._contradicted + text)

    def replace(self, text: str) -> None:
        sent = "".join(self._sent)
        extends = text.startswith(sent)
        self._unsent = text[len(sent) :] if extends else ""
        self._contradicted = None if extends else text

    def take_settled(self) -> str:
        """The new text that may be sent now."""
        if not self._unsent:
            return ""
        settled = len(self._unsent) - self._status_chars()
        text, self._unsent = self._unsent[:settled], self._unsent[settled:]
        if text:
            self._sent.append(text)
        return text

    def take_rest(self) -> Batch:
        """At the end: all that is left to say."""
        if self._contradicted is not None:
            return [Replacement(self._contradicted)]
        return [TextDelta(self._unsent)] if self._unsent else []

    def _status_chars(self) -> int:
        """Length of the unsent part of a status line in which the answer ends at the moment."""
        if not self._unsent.rstrip().rstrip("*_`~").endswith(("...", "…", "elapsed)")):
            return 0
        ending = "".join(self._sent[-4:])[-_STATUS_CHARS:] + self._unsent
        ending = ending[-2 * _STATUS_CHARS :]
        before, _, line = ending.rstrip().rpartition("\n")
        if len(line) > _STATUS_CHARS or not _STATUS_LINE.match(line):
            return 0
        return min(len(ending) - len(before.rstrip()), len(self._unsent))


def hold_until_end(batches: Batches, stages: Callable[[Batches], Batches]) -> Iterator[Batch]:
    """For a whole answer: what the stages make of it, at its end; ticks until then.

    The stages see the text as it comes, so that a limit can end the reply early. Where the bot
    contradicts itself at the end, they tell its last word alone.
    """
    others: Batch = []
    last_word: list[str] = []

    def first_telling() -> Iterator[Batch]:
        for batch in batches:
            last_word.extend(event.text for event in batch if isinstance(event, Replacement))
            others.extend(event for event in batch if not isinstance(event, _TEXTS))
            yield [event for event in batch if not isinstance(event, Replacement)]

    held: Batch = []
    for batch in stages(first_telling()):
        held += batch
        yield []
    if last_word:
        yield from stages([[*others, TextDelta(last_word[-1])]])
    else:
        yield held


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


def drop_repeated_calls(batches: Batches) -> Iterator[Batch]:
    """After a restatement only calls that are new: clients act on each call that they get."""
    made: set[tuple[str | None, str]] = set()
    restated, dropped = False, 0
    for batch in batches:
        out: Batch = []
        for event in batch:
            restated = restated or isinstance(event, Restated)
            if isinstance(event, ToolCallDelta):
                call = (event.name, event.arguments)
                if restated and call in made:
                    dropped += 1
                    continue
                made.add(call)
                event = replace(event, index=event.index - dropped)
            out.append(event)
        yield out


def end_at_cut(batches: Batches, close: Callable[[], None]) -> Iterator[Batch]:
    """Ends the reply where a stage has cut it, and calls ``close`` at once: nobody reads on."""
    for batch in batches:
        cut = bool(batch) and isinstance(batch[-1], Cut)
        if cut:
            close()
        yield batch
        if cut:
            return


def count_usage(
    batches: Batches, *, prompt_tokens: Callable[[], int], count: Callable[[str], int]
) -> Iterator[Batch]:
    """Ends the reply with Finished, usage and all. ``prompt_tokens`` is called at the end."""
    tally = _Tally()
    for batch in batches:
        for event in batch:
            tally.add(event)
        yield [event for event in batch if not isinstance(event, Discarded | Restated | Cut)]
    yield [tally.finished(prompt_tokens(), count)]


class _Tally:
    """What a reply was made of."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._called = False
        self._cut = Cut("stop")

    def add(self, event: Event) -> None:
        match event:
            case TextDelta(text) | Discarded(text):
                self._text.append(text)
            case ReasoningDelta(text):
                self._reasoning.append(text)
            case ToolCallDelta():
                self._called = True
                self._text += [event.name or "", event.arguments]
            case Cut():
                self._cut = event

    def finished(self, prompt: int, count: Callable[[str], int]) -> Finished:
        thought = count("".join(self._reasoning)) if self._reasoning else 0
        usage = Usage(prompt, thought + count("".join(self._text)), thought)
        if self._called and self._cut.reason != "length":
            return Finished("tool_calls", usage)
        return Finished(self._cut.reason, usage, self._cut.stop)

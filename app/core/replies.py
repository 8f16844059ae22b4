"""The stages of a reply's way to the client, each a generator over batches of events.

A stage passes empty batches on: they are the ticks by which a silent stream is kept alive.
"""

import re
from collections.abc import Callable, Iterator

from app.core.events import (
    Batch,
    Batches,
    Finished,
    FinishReason,
    MediaReply,
    ReasoningDelta,
    Replacement,
    TextDelta,
    Usage,
)
from app.core.reasoning import ReasoningSplitter

_STATUS_LINE = re.compile(
    r"[>*_`~\s]*"
    r"(?:[^\n]*\(\d+(?:\.\d+)?s elapsed\)"  # Generating image (12s elapsed)
    r"|\w+ing\b[^\n]{0,60}(?:\.\.\.|…))"  # Thinking...
    r"[*_`~\s]*\Z"
)
_STATUS_CHARS = 160


def settle_replacements(batches: Batches, *, streaming: bool) -> Iterator[Batch]:
    """Each text once, however often the bot sent or replaced it.

    Streaming, only that is sent by which the answer extends what was sent already, and a status
    line is held back until something follows it. Where the bot's last word contradicts what was
    sent, that last word follows as one Replacement at the end. Not streaming, the answer is what
    it is in the end.
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
        if streaming and (text := answer.take_settled()):
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
            only_blanks = "".join(self._sent).rstrip() == self._contradicted.rstrip()
            return [] if only_blanks else [Replacement(self._contradicted)]
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
        events: Batch = [ReasoningDelta(reasoning)] if reasoning else []
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
    if now.startswith(before):
        return now[len(before) :]
    return border + now if now else ""


def attach_media(batches: Batches) -> Iterator[Batch]:
    """Files as markdown: where the text refers to them by inline_ref, else at the end."""
    attachments = _Attachments()
    for batch in batches:
        out: Batch = []
        for event in batch:
            match event:
                case MediaReply():
                    attachments.add(event)
                case TextDelta(text):
                    out += attachments.resolve(text)
                case _:
                    out.append(event)
        yield out
    yield attachments.close()


_REFERENCE = re.compile(r"!?\[([^\[\]\n]{0,200})\]\[([\w-]{1,64})\]")
_UNFINISHED_REFERENCE = re.compile(r"!?(?:\[[^\[\]\n]{0,200}(?:\](?:\[[\w-]{0,64})?)?)?\Z")


class _Attachments:
    """The files of one reply, and which of them its text has shown."""

    def __init__(self) -> None:
        self._files: list[MediaReply] = []
        self._by_ref: dict[str, MediaReply] = {}
        self._shown: set[str] = set()
        self._held = ""
        self._has_text = False

    def add(self, file: MediaReply) -> None:
        self._files.append(file)
        if file.inline_ref:
            self._by_ref[file.inline_ref] = file

    def resolve(self, text: str) -> Batch:
        """The text, references replaced. Without inline files it passes untouched."""
        if self._by_ref:
            text = _REFERENCE.sub(self._link, self._held + text)
            held = _UNFINISHED_REFERENCE.search(text)
            self._held = held[0] if held else ""
            text = text[: len(text) - len(self._held)]
        self._has_text = self._has_text or bool(text)
        return [TextDelta(text)] if text else []

    def close(self) -> Batch:
        text, self._held = self._held, ""
        self._has_text = self._has_text or bool(text)
        rest = [file for file in self._files if file.inline_ref not in self._shown]
        if rest:
            text += "\n\n" if self._has_text else ""
            text += "\n".join(map(markdown_link, rest))
        return [TextDelta(text)] if text else []

    def _link(self, reference: re.Match[str]) -> str:
        file = self._by_ref.get(reference[2])
        if file is None:
            return reference[0]
        self._shown.add(reference[2])
        return markdown_link(file, title=reference[1])


def markdown_link(file: MediaReply, title: str | None = None) -> str:
    """``![name](url)`` for an image, ``[name](url)`` for any other file."""
    label = (file.name if title is None else title).replace("[", "(").replace("]", ")")
    url = file.url.replace(" ", "%20").replace("(", "%28").replace(")", "%29")
    return f"{'!' if file.content_type.startswith('image/') else ''}[{label}]({url})"


def count_usage(
    batches: Batches, *, prompt_tokens: Callable[[], int], count: Callable[[str], int]
) -> Iterator[Batch]:
    """Ends the reply with Finished, usage and all. ``prompt_tokens`` is called at the end."""
    text: list[str] = []
    reasoning: list[str] = []
    reason: FinishReason = "stop"
    for batch in batches:
        for event in batch:
            match event:
                case TextDelta(piece):
                    text.append(piece)
                case ReasoningDelta(piece):
                    reasoning.append(piece)
        yield batch
    thought = count("".join(reasoning)) if reasoning else 0
    usage = Usage(prompt_tokens(), thought + count("".join(text)), thought)
    yield [Finished(reason, usage)]

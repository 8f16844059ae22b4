"""Checks answers that must have a certain format, and asks once more if they have not.

There are two such formats: a forced tool call, and an answer in JSON. Nothing but reasoning is sent
until the answer is known to have its format.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from app.core.conversation import Message, OutputFormat, Query, Text
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
from app.core.json_output.instruct import complain
from app.core.json_output.verdict import Verdict
from app.errors import ApiError

ATTEMPTS = 2
NOT_EVEN_JSON = 1_000
"""A number of faults greater than that of any JSON that violates its schema."""


Settle = Callable[[str, OutputFormat], Verdict]
"""Finds and checks the JSON in an answer."""

_UNCHECKED = "The bot's answer takes too long to check against its schema."


class FormatNotMet(Exception):
    """The bot did not answer in the required format. The message says how."""


@dataclass(frozen=True, slots=True)
class _Judgement:
    """``events`` may be given as they are unless there is a ``complaint`` for the bot.

    ``refusal``: why they must not be given at all, however often the bot was asked.
    """

    events: list[Event]
    complaint: str | None = None
    refusal: str | None = None
    faults: int = 0


def needs_format(query: Query) -> bool:
    return query.output_format is not None or _is_forced(query)


def retry_format(ask: Callable[[Query], Batches], query: Query, settle: Settle) -> Iterator[Batch]:
    """The events of the first answer that keeps the query's promises, or of the best one.

    Raises FormatNotMet where also the best must not be given. An error of the second attempt, such
    as a rate limit, passes only where the first answer must not be given.
    """
    best: _Judgement | None = None
    for attempt in range(1, ATTEMPTS + 1):
        held: list[Event] = []
        try:
            for batch in ask(query):
                held += [event for event in batch if not isinstance(event, ReasoningDelta)]
                yield [event for event in batch if isinstance(event, ReasoningDelta)]
        except ApiError:
            if best is None or best.refusal is not None:
                raise
            yield best.events
            return
        judgement = _judge(held, query, settle)
        best = judgement if best is None or judgement.faults <= best.faults else best
        if judgement.complaint is None or attempt == ATTEMPTS:
            if best.refusal is not None:
                raise FormatNotMet(best.refusal)
            yield best.events
            return
        yield [Discarded(_text(held))]
        query = _once_more(query, _text(held), judgement.complaint)


def _is_forced(query: Query) -> bool:
    return query.tool_choice.mode == "required" and bool(query.offered_tools())


def _judge(events: list[Event], query: Query, settle: Settle) -> _Judgement:
    called = any(isinstance(event, ToolCallDelta) for event in events)
    cut = any(isinstance(event, Cut) and event.reason == "length" for event in events)
    if called:
        return _Judgement(_without_remarks(events, query, settle))
    if _is_forced(query):
        return _judge_forced(events, query, cut)
    return _judge_json(events, query, cut, settle)


def _without_remarks(events: list[Event], query: Query, settle: Settle) -> list[Event]:
    """An answer with a call. Text beside a forced call is left out, as OpenAI and Anthropic do.

    Where the client wants JSON, text stays if it is nothing but JSON of the schema: SDKs parse any.
    """
    text = _text(events)
    if not text:
        return events
    if query.output_format is not None and not _is_forced(query):
        verdict = settle(text, query.output_format)
        good = not verdict.unchecked and not verdict.violations
        if good and verdict.text == text.strip():
            return events
    return [Discarded(text), *_others(events)]


def _judge_forced(events: list[Event], query: Query, cut: bool) -> _Judgement:
    if cut:
        return _Judgement(events)
    names = " or ".join(tool.name for tool in query.offered_tools())
    return _Judgement(
        events,
        complaint=f"That was no tool call. Answer with nothing but a call of {names}.",
        refusal=f"The bot did not call {names}, though it was asked twice.",
    )


def _judge_json(events: list[Event], query: Query, cut: bool, settle: Settle) -> _Judgement:
    """An answer cut at max_tokens is not asked for again: it would be cut again.

    One that breaks the schema is given as the bot wrote it, unless the schema is strict: at most a
    code fence goes, or what is mended without losing a word.
    """
    form = query.output_format
    if form is None:
        return _Judgement(events)
    text = _text(events)
    verdict = settle(text, form)
    if verdict.unchecked:
        return _Judgement(events, refusal=_UNCHECKED if form.strict else None)
    answer: list[Event] = [TextDelta(verdict.text)] if verdict.text else []
    settled = [*answer, *_others(events)]
    if not verdict.violations:
        return _Judgement(settled)
    strict = "The bot's answer breaks the schema: " + "; ".join(verdict.violations)
    return _Judgement(
        settled if _has_all_words(verdict.text, text) and not cut else events,
        complaint=None if cut else complain(verdict.violations),
        refusal=strict if form.strict else None,
        faults=len(verdict.violations) + (0 if verdict.is_json else NOT_EVEN_JSON),
    )


_WORD = re.compile(r"\w+")


def _has_all_words(json_text: str, answer: str) -> bool:
    """Whether the JSON is the whole answer: without its code fence, or with its commas mended."""
    words, kept = _WORD.findall(answer), _WORD.findall(json_text)
    return words in (kept, ["json", *kept])


def _others(events: list[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, TextDelta)]


def _text(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def _once_more(query: Query, answered: str, complaint: str) -> Query:
    turns = (
        Message("assistant", (Text(answered),)),
        Message("user", (Text(complaint),)),
    )
    return replace(query, messages=query.messages + turns)

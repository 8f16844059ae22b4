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
    MediaReply,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
)
from app.core.json_output.instruct import complain
from app.core.json_output.verdict import Verdict
from app.core.stages.attachments import references_in
from app.errors import ApiError

ATTEMPTS = 2
NOT_EVEN_JSON = 1_000
"""A number of faults greater than that of any JSON that violates its schema."""


Settle = Callable[[str, OutputFormat], Verdict]
"""Finds and checks the JSON in an answer."""

FILES_LEFT_OUT = "files of the bot are left out: links to them would break the JSON"

_UNCHECKED = "The bot's answer takes too long to check against its schema."


class FormatNotMet(Exception):
    """The bot did not answer in the required format. The message says how."""


@dataclass(frozen=True, slots=True)
class _Judgement:
    """Of an answer with this ``text``. ``events`` may be given as they are unless there is a
    ``complaint`` for the bot.

    ``refusal``: why they must not be given at all, however often the bot was asked. ``warning``:
    what the client is to know of them.
    """

    text: str
    events: list[Event]
    complaint: str | None = None
    refusal: str | None = None
    faults: int = 0
    warning: str | None = None


def needs_format(query: Query) -> bool:
    return query.output_format is not None or _is_forced(query)


def retry_format(
    ask: Callable[[Query], Batches],
    query: Query,
    settle: Settle,
    warn: Callable[[str], None] = lambda _: None,
) -> Iterator[Batch]:
    """The events of the first answer that keeps the query's promises, or of the best one.

    ``warn`` is called before it is given, with what the client is to know of it. Raises
    FormatNotMet where also the best must not be given. An error of the second attempt, such as a
    rate limit, passes only where the first answer must not be given.
    """
    judged: list[_Judgement] = []
    while True:
        held: list[Event] = []
        try:
            for batch in ask(query):
                held += [event for event in batch if not isinstance(event, ReasoningDelta)]
                yield [event for event in batch if isinstance(event, ReasoningDelta)]
        except ApiError:
            if not judged or judged[-1].refusal is not None:
                raise
            break
        judged.append(_judge(held, query, settle))
        complaint = judged[-1].complaint
        if complaint is None or len(judged) == ATTEMPTS:
            break
        query = _once_more(query, _text(held), complaint)
    best = min(reversed(judged), key=lambda judgement: judgement.faults)  # of equals the last
    if best.refusal is not None:
        raise FormatNotMet(best.refusal)
    if best.warning is not None:
        warn(best.warning)
    yield [Discarded(each.text) for each in judged if each is not best]
    yield best.events


def _is_forced(query: Query) -> bool:
    return query.tool_choice.mode == "required" and bool(query.offered_tools())


def _judge(events: list[Event], query: Query, settle: Settle) -> _Judgement:
    called = any(isinstance(event, ToolCallDelta) for event in events)
    cut = any(isinstance(event, Cut) and event.reason == "length" for event in events)
    if called:
        return _judge_call(events, query, settle)
    if _is_forced(query):
        return _judge_forced(events, query, cut)
    return _judge_json(events, query, cut, settle)


def _judge_call(events: list[Event], query: Query, settle: Settle) -> _Judgement:
    """An answer with a call. Text beside a forced call is left out, as OpenAI and Anthropic do.

    Where the client wants JSON, text stays if it is nothing but JSON of the schema: SDKs parse any.
    """
    text, form = _text(events), query.output_format
    if text and not _is_json_beside_call(text, query, settle):
        events = [Discarded(text), *_others(events)]
    return _Judgement(text, events) if form is None else _without_links(_Judgement(text, events))


def _is_json_beside_call(text: str, query: Query, settle: Settle) -> bool:
    if query.output_format is None or _is_forced(query):
        return False
    verdict = settle(text, query.output_format)
    return not verdict.unchecked and not verdict.violations and verdict.text == text.strip()


def _judge_forced(events: list[Event], query: Query, cut: bool) -> _Judgement:
    if cut:
        return _Judgement(_text(events), events)
    names = " or ".join(tool.name for tool in query.offered_tools())
    return _Judgement(
        _text(events),
        events,
        complaint=f"That was no tool call. Answer with nothing but a call of {names}.",
        refusal=f"The bot did not call {names}, though it was asked twice.",
    )


def _judge_json(events: list[Event], query: Query, cut: bool, settle: Settle) -> _Judgement:
    """An answer cut at max_tokens is not asked for again: it would be cut again.

    One that breaks the schema is given as the bot wrote it, unless the schema is strict: at most a
    code fence goes, or what is mended without losing a word.
    """
    text, form = _text(events), query.output_format
    if form is None:
        return _Judgement(text, events)
    verdict = settle(text, form)
    if verdict.unchecked:
        refusal = _UNCHECKED if form.strict else None
        return _without_links(_Judgement(text, events, refusal=refusal))
    answer: list[Event] = [TextDelta(verdict.text)] if verdict.text else []
    settled = [*answer, *_others(events)]
    if not verdict.violations:
        return _without_links(_Judgement(text, settled))
    strict = "The bot's answer breaks the schema: " + "; ".join(verdict.violations)
    judgement = _Judgement(
        text,
        settled if _has_all_words(verdict.text, text) and not cut else events,
        complaint=None if cut else complain(verdict.violations),
        refusal=strict if form.strict else None,
        faults=len(verdict.violations) + (0 if verdict.is_json else NOT_EVEN_JSON),
    )
    is_json = verdict.is_json and _text(judgement.events).strip() == verdict.text
    return _without_links(judgement) if is_json else judgement


def _without_links(judgement: _Judgement) -> _Judgement:
    """The judgement of JSON, beside which no link to a file may be written (attachments.py).

    A file stays if the JSON refers to it. It then comes first, to be known by then.
    """
    shown = references_in(_text(judgement.events))
    files = [event for event in judgement.events if isinstance(event, MediaReply)]
    kept = [file for file in files if file.inline_ref in shown]
    rest = [event for event in judgement.events if not isinstance(event, MediaReply)]
    warning = FILES_LEFT_OUT if len(kept) < len(files) else None
    return replace(judgement, events=[*kept, *rest], warning=warning)


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

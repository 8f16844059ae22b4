"""Promises: asked for once more, then given, given as they are, or refused."""

from collections.abc import Callable, Iterator, Mapping

import pytest

from app.core.conversation import Message, OutputFormat, Query, Text, ToolChoice, ToolSpec
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
    flatten,
)
from app.core.json_output.settle import settle_json
from app.core.json_output.verdict import Verdict
from app.core.stages.retry_format import (
    FILES_LEFT_OUT,
    FormatNotMet,
    needs_format,
    retry_format,
)
from app.errors import RateLimited

HELLO = (Message("user", (Text("hi"),)),)
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
STRICT = Query("m", "b", HELLO, output_format=OutputFormat(SCHEMA, strict=True))
LOOSE = Query("m", "b", HELLO, output_format=OutputFormat(SCHEMA))
FORCED = Query("m", "b", HELLO, tools=(ToolSpec("f"),), tool_choice=ToolChoice("required"))
CALL = ToolCallDelta(0, "{}", "call_1", "f")


def bot(*answers: list[Event]) -> tuple[Callable[[Query], Batches], list[Query]]:
    """Gives the answers one after the other, each event in a batch of its own after a tick."""
    asked: list[Query] = []

    def ask(query: Query) -> Iterator[Batch]:
        asked.append(query)
        for event in answers[len(asked) - 1]:
            yield []
            yield [event]

    return ask, asked


def settle(text: str, output_format: OutputFormat) -> Verdict:
    return settle_json(text, output_format.schema or {"type": "object"})


def test_who_needs_a_format() -> None:
    assert needs_format(STRICT) and needs_format(LOOSE) and needs_format(FORCED)
    assert not needs_format(Query("m", "b", HELLO, tools=(ToolSpec("f"),)))


def test_a_good_answer_comes_at_its_end_and_reasoning_at_once() -> None:
    ask, asked = bot([ReasoningDelta("hm"), TextDelta('{"a"'), TextDelta(": 1}")])
    batches = list(retry_format(ask, STRICT, settle))
    assert batches[1] == [ReasoningDelta("hm")]
    assert batches[-1] == [TextDelta('{"a": 1}')]
    assert [] in batches and len(asked) == 1


def test_a_bad_answer_is_asked_for_again_with_its_faults() -> None:
    ask, asked = bot([TextDelta('{"a": "x"}')], [TextDelta('{"a": 2}')])
    events = list(flatten(retry_format(ask, STRICT, settle)))
    assert events == [Discarded('{"a": "x"}'), TextDelta('{"a": 2}')]
    answered, complaint = asked[1].messages[-2:]
    assert (answered.role, complaint.role) == ("assistant", "user")
    assert isinstance(complaint.parts[0], Text) and "$.a" in complaint.parts[0].text


def test_a_strict_promise_is_not_broken() -> None:
    ask, asked = bot([TextDelta("{}")], [TextDelta("no")])
    with pytest.raises(FormatNotMet, match="a"):
        list(retry_format(ask, STRICT, settle))
    assert len(asked) == 2


def test_the_better_of_two_bad_answers_is_given() -> None:
    ask, _ = bot([TextDelta('{"b": 1}')], [TextDelta("I cannot.")])
    events = list(flatten(retry_format(ask, LOOSE, settle)))
    assert events == [Discarded("I cannot."), TextDelta('{"b": 1}')]  # each is counted once


def test_an_answer_cut_at_max_tokens_is_not_asked_for_again() -> None:
    ask, asked = bot([TextDelta('{"a'), Cut("length")])
    assert list(flatten(retry_format(ask, LOOSE, settle))) == [TextDelta('{"a'), Cut("length")]
    ask, asked = bot([TextDelta('{"a'), Cut("length")])
    with pytest.raises(FormatNotMet):
        list(retry_format(ask, STRICT, settle))
    assert len(asked) == 1


def test_a_forced_call() -> None:
    ask, asked = bot([TextDelta("no")], [TextDelta("ok"), CALL])
    events = list(flatten(retry_format(ask, FORCED, settle)))
    assert events == [Discarded("no"), Discarded("ok"), CALL]
    ask, asked = bot([TextDelta("no")], [TextDelta("no")])
    with pytest.raises(FormatNotMet, match="f"):
        list(retry_format(ask, FORCED, settle))


def with_tools(schema: Mapping[str, object] | None, *, strict: bool = False) -> Query:
    form = OutputFormat(schema, strict=strict)
    return Query("m", "b", HELLO, tools=(ToolSpec("f"),), output_format=form)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("remark", ["let me see", 'I pass {"a": 1} on.', '{"a": "x"}', "[1]"])
def test_a_call_needs_no_json_and_no_words_stand_beside_it(remark: str, strict: bool) -> None:
    """SDKs parse the text beside a call by the schema, too."""
    ask, asked = bot([ReasoningDelta("hm"), TextDelta(remark[:3]), TextDelta(remark[3:]), CALL])
    events = list(flatten(retry_format(ask, with_tools(SCHEMA, strict=strict), settle)))
    assert events == [ReasoningDelta("hm"), Discarded(remark), CALL]
    assert len(asked) == 1


def test_json_of_the_schema_stays_beside_a_call() -> None:
    ask, _ = bot([TextDelta('{"a": 1}\n'), CALL])
    assert list(flatten(retry_format(ask, with_tools(SCHEMA), settle))) == [
        TextDelta('{"a": 1}\n'),
        CALL,
    ]
    ask, _ = bot([TextDelta("remark"), CALL])
    assert list(flatten(retry_format(ask, with_tools(None), settle))) == [Discarded("remark"), CALL]


@pytest.mark.parametrize("text", ["none: [] here", "I cannot.", 'Nearly: {"a": "x"}'])
def test_without_strict_no_word_is_lost(text: str) -> None:
    ask, _ = bot([TextDelta(text)], [TextDelta(text)])
    assert list(flatten(retry_format(ask, LOOSE, settle)))[-1] == TextDelta(text)


@pytest.mark.parametrize("text", ['```json\n{"b": 1}\n```', '```\n{"b": 1}```', '{"b": 1,}'])
def test_fences_and_commas_are_no_words(text: str) -> None:
    fenced = TextDelta(text)
    ask, _ = bot([fenced], [fenced])
    assert list(flatten(retry_format(ask, LOOSE, settle)))[-1] == TextDelta('{"b": 1}')


def failing_later(first: list[Event]) -> Callable[[Query], Batches]:
    """Answers once, then is at its rate limit."""
    answers = iter([first])

    def ask(query: Query) -> Iterator[Batch]:
        yield [ReasoningDelta("hm")]
        answer = next(answers, None)
        if answer is None:
            raise RateLimited("too many")
        yield answer

    return ask


def test_an_error_of_the_second_attempt_gives_the_first_answer() -> None:
    ask = failing_later([TextDelta('{"a": "x"}')])
    assert list(flatten(retry_format(ask, LOOSE, settle)))[-1] == TextDelta('{"a": "x"}')


@pytest.mark.parametrize("query", [STRICT, FORCED])
def test_an_error_of_the_second_attempt_passes_where_the_first_must_not_be_given(
    query: Query,
) -> None:
    with pytest.raises(RateLimited):
        list(retry_format(failing_later([TextDelta("no")]), query, settle))


def too_long(text: str, output_format: OutputFormat) -> Verdict:
    return Verdict(text, unchecked=True)


def test_what_takes_too_long_to_check_is_given_unchecked_or_refused() -> None:
    ask, asked = bot([TextDelta("not JSON")])
    assert list(flatten(retry_format(ask, LOOSE, too_long))) == [TextDelta("not JSON")]
    assert len(asked) == 1
    ask, asked = bot([TextDelta("not JSON")])
    with pytest.raises(FormatNotMet, match="too long"):
        list(retry_format(ask, STRICT, too_long))
    assert len(asked) == 1


PLOT = MediaReply("https://h/plot.png", "image/png", "plot.png")
INLINE = MediaReply("https://h/plot.png", "image/png", "plot.png", "r1")


def given_of(query: Query, *events: Event) -> tuple[list[Event], list[str]]:
    """What is given of a bot that always answers with these events, and the warnings."""
    ask, _ = bot([*events], [*events])
    warnings: list[str] = []
    given = list(flatten(retry_format(ask, query, settle, warnings.append)))
    return [event for event in given if not isinstance(event, Discarded)], warnings


@pytest.mark.parametrize("query", [STRICT, LOOSE])
@pytest.mark.parametrize("text", ['{"a": 1}', '```json\n{"a": 1}\n```', 'See: {"a": 1}'])
def test_no_file_stands_beside_json(query: Query, text: str) -> None:
    """It would be written behind the JSON as a link (attachments.py)."""
    for events in ((PLOT, TextDelta(text)), (TextDelta(text), INLINE)):
        assert given_of(query, *events) == ([TextDelta('{"a": 1}')], [FILES_LEFT_OUT])


def test_no_file_stands_beside_json_that_breaks_its_schema() -> None:
    assert given_of(LOOSE, TextDelta('{"b": 1}'), PLOT) == (
        [TextDelta('{"b": 1}')],
        [FILES_LEFT_OUT],
    )


def test_a_file_stays_beside_words() -> None:
    assert given_of(LOOSE, TextDelta("Here it is."), PLOT) == ([TextDelta("Here it is."), PLOT], [])
    assert given_of(LOOSE, PLOT) == ([PLOT], [])


def test_a_file_to_which_the_json_refers_is_there_before_it() -> None:
    text = TextDelta('{"a": 1, "b": "![x][r1]"}')
    assert given_of(STRICT, text, INLINE, PLOT) == ([INLINE, text], [FILES_LEFT_OUT])


@pytest.mark.parametrize("events", [(PLOT, CALL), (TextDelta("Look."), PLOT, CALL)])
def test_no_file_stands_beside_a_call_where_json_was_asked_for(events: tuple[Event, ...]) -> None:
    assert given_of(with_tools(SCHEMA), *events) == ([CALL], [FILES_LEFT_OUT])
    assert given_of(FORCED, PLOT, CALL) == ([PLOT, CALL], [])

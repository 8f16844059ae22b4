"""The stages of the reply pipeline, on literal batches."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.conversation import Reasoning, Text, ToolCall
from app.core.events import (
    Answer,
    Batch,
    Cut,
    Discarded,
    Event,
    Finished,
    MediaReply,
    ReasoningDelta,
    Replacement,
    Restated,
    TextDelta,
    ToolCallDelta,
    Usage,
    flatten,
    fold,
)
from app.core.stages.attachments import attach_media
from app.core.stages.hold import hold_until_end
from app.core.stages.limits import end_at_cut, stop_at
from app.core.stages.order_calls import drop_repeated_calls
from app.core.stages.reasoning import split_reasoning
from app.core.stages.replacements import settle_replacements
from app.core.stages.usage import count_usage


def settle(*events: Event) -> list[Event]:
    return list(flatten(settle_replacements([[event] for event in events])))


def whole(*events: Event) -> str:
    """The text of the answer that is not streamed."""
    settled = settle_replacements([[event] for event in events])
    told = hold_until_end(settled, partial(split_reasoning, mode="inline"))
    return "".join(texts(list(flatten(told))))


def streamed(*events: Event) -> str:
    settled = settle_replacements([[event] for event in events])
    return "".join(texts(list(flatten(split_reasoning(settled, mode="inline")))))


def texts(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, TextDelta)]


def test_it_works() -> None:
    assert texts(settle(TextDelta("a"), TextDelta("b"))) == ["a", "b"]


def test_only_the_suffix_is_sent() -> None:
    assert texts(settle(TextDelta("ab"), Replacement("abc"), TextDelta("d"))) == ["ab", "c", "d"]


def test_a_status_line_is_held_until_it_is_settled() -> None:
    events = settle(
        TextDelta("Sure.\n\nSearching the web..."),
        Replacement("Sure.\n\nSearching the web... (4s elapsed)"),
        Replacement("Sure.\n\nFound it."),
    )
    assert texts(events) == ["Sure.", "\n\nFound it."]


def test_a_status_line_that_stays_is_text() -> None:
    assert texts(settle(TextDelta("Drawing..."))) == ["Drawing..."]


def test_a_withdrawn_text_that_comes_again_is_no_contradiction() -> None:
    events = settle(TextDelta("abc"), Replacement(""), TextDelta("ab"), TextDelta("cd"))
    assert texts(events) == ["abc", "d"]


def test_a_contradiction_is_one_replacement_at_the_end() -> None:
    events = settle(TextDelta("abc"), Replacement("x"), TextDelta("y"))
    assert events == [TextDelta("abc"), Replacement("xy")]


def test_blanks_at_the_end_are_no_contradiction_worth_a_repetition() -> None:
    events = (TextDelta("abc\n\n"), Replacement("abc"))
    assert (streamed(*events), whole(*events)) == ("abc\n\n", "abc")


def test_ticks_pass_every_stage() -> None:
    batches: Iterator[Batch] = iter([[], [TextDelta("a")], []])
    settled = settle_replacements(batches)
    shown = attach_media(split_reasoning(settled, mode="split"))
    assert [bool(batch) for batch in shown][:3] == [False, True, False]


@given(st.lists(st.builds(TextDelta, st.text()) | st.builds(Replacement, st.text())))
def test_not_streaming_the_answer_is_what_it_is_in_the_end(events: list[Event]) -> None:
    assert whole(*events) == current(events)


@given(st.lists(st.builds(TextDelta, st.text()) | st.builds(Replacement, st.text())))
def test_streaming_ends_in_the_answer(events: list[Event]) -> None:
    assert streamed(*events).rstrip().endswith(current(events).rstrip())


def current(events: list[Event]) -> str:
    text = ""
    for event in events:
        assert isinstance(event, TextDelta | Replacement)
        text = text + event.text if isinstance(event, TextDelta) else event.text
    return text


def test_a_whole_answer_can_be_cut_before_its_end() -> None:
    def endless() -> Iterator[Batch]:
        while True:
            yield [TextDelta("more ")]

    told = hold_until_end(
        endless(), lambda batches: end_at_cut(stop_at(batches, ("e m",)), lambda: None)
    )
    assert "".join(texts(list(flatten(told)))) == "mor"


THINKING = "*Thinking...*\n\n> why\n\nanswer"


@pytest.mark.parametrize(
    ("mode", "text", "reasoning"),
    [("split", "answer", "why"), ("drop", "answer", ""), ("inline", THINKING, "")],
)
def test_reasoning_modes(mode: str, text: str, reasoning: str) -> None:
    events = list(flatten(split_reasoning([[TextDelta(THINKING)]], mode=mode)))
    assert "".join(texts(events)) == text
    thought = [event.text for event in events if isinstance(event, ReasoningDelta)]
    assert "".join(thought) == reasoning


def test_a_contradiction_within_the_reasoning_leaves_the_answer_alone() -> None:
    batches: list[Batch] = [[TextDelta(THINKING)], [Replacement(THINKING.replace("why", "who"))]]
    events = list(flatten(split_reasoning(batches, mode="split")))
    assert texts(events) == ["answer"]


PICTURE = MediaReply("http://h/p.png", "image/png", "p.png", "ref1")
SHEET = MediaReply("http://h/s.csv", "text/csv", "s.csv")


def attached(*batches: Batch) -> str:
    return "".join(texts(list(flatten(attach_media(batches)))))


def test_a_reference_is_resolved_at_every_split() -> None:
    text = "See ![my picture][ref1] and [this][other] [x"
    expected = "See ![my picture](http://h/p.png) and [this][other] [x"
    for offset in range(len(text) + 1):
        pieces: list[Batch] = [[TextDelta(text[:offset])], [TextDelta(text[offset:])]]
        assert attached([PICTURE], *pieces) == expected


def test_files_that_the_text_does_not_show_come_last() -> None:
    assert attached([SHEET], [TextDelta("Hi")]) == "Hi\n\n[s.csv](http://h/s.csv)"
    assert attached([PICTURE]) == "![p.png](http://h/p.png)"


def test_usage_counts_reasoning_as_completion() -> None:
    batches: list[Batch] = [[ReasoningDelta("abc")], [TextDelta("de"), TextDelta("f")]]
    answer = fold(count_usage(batches, prompt_tokens=lambda: 7, count=len))
    parts = (Reasoning("abc"), Text("def"))
    assert answer == Answer(parts, Finished("stop", Usage(7, 6, 3)))
    assert answer.finished.usage.total == 13


CALL = ToolCallDelta(0, "{}", "call_1", "f")


def finish(*batches: Batch) -> Finished:
    return fold(count_usage(batches, prompt_tokens=lambda: 0, count=len)).finished


def test_reasons_to_finish() -> None:
    call = ToolCallDelta(0, "{}", "call_1", "f")
    assert finish([call]) == Finished("tool_calls", Usage(0, 3))
    assert finish([TextDelta("a"), Cut("stop", "END")]) == Finished("stop", Usage(0, 1), "END")
    assert finish([call], [Cut("length")]).reason == "length"
    assert finish([Discarded("ab")], [TextDelta("c")]).usage.completion == 3


def test_a_cut_closes_the_bot_at_once() -> None:
    closed: list[bool] = []
    batches: list[Batch] = [[TextDelta("a")], [TextDelta("b"), Cut("length")], [TextDelta("c")]]
    stage = end_at_cut(batches, lambda: closed.append(True))
    assert next(stage) == [TextDelta("a")] and not closed
    assert next(stage) == batches[1] and closed
    assert next(stage, None) is None


def test_a_fold_keeps_the_order_and_joins_the_pieces_of_a_call() -> None:
    batches: list[Batch] = [
        [TextDelta("a"), ToolCallDelta(0, '{"x"', "c0", "f")],
        [ToolCallDelta(1, "raw", "c1", "g", custom=True), ToolCallDelta(0, ": 1}")],
        [TextDelta("b"), TextDelta("c"), Finished("tool_calls", Usage(1, 1))],
    ]
    assert fold(batches).parts == (
        Text("a"),
        ToolCall("c0", "f", '{"x": 1}'),
        ToolCall("c1", "g", "raw", custom=True),
        Text("bc"),
    )


def test_calls_that_are_restated_are_made_once() -> None:
    again = [Restated(), replace(CALL, index=1, id="call_2"), replace(CALL, index=2, name="g")]
    batches: list[Batch] = [[CALL], [*again]]
    calls = [
        event for event in flatten(drop_repeated_calls(batches)) if isinstance(event, ToolCallDelta)
    ]
    assert [(call.index, call.name) for call in calls] == [(0, "f"), (1, "g")]
    twice: list[Batch] = [[CALL], [replace(CALL, index=1, id="call_2")]]
    assert len(list(flatten(drop_repeated_calls(twice)))) == 2


def test_a_reply_without_an_end_is_no_answer() -> None:
    with pytest.raises(ValueError, match="no end"):
        fold([[TextDelta("a")]])

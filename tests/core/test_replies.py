"""The stages of the reply pipeline, on literal batches."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.events import (
    Answer,
    Batch,
    Event,
    Finished,
    MediaReply,
    ReasoningDelta,
    Replacement,
    TextDelta,
    Usage,
    flatten,
    fold,
)
from app.core.replies import attach_media, count_usage, settle_replacements, split_reasoning


def settle(*events: Event, streaming: bool = True) -> list[Event]:
    return list(flatten(settle_replacements([[event] for event in events], streaming=streaming)))


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


def test_blanks_at_the_end_are_no_contradiction() -> None:
    assert settle(TextDelta("abc\n\n"), Replacement("abc")) == [TextDelta("abc\n\n")]


def test_ticks_pass_every_stage() -> None:
    batches: Iterator[Batch] = iter([[], [TextDelta("a")], []])
    settled = settle_replacements(batches, streaming=True)
    shown = attach_media(split_reasoning(settled, mode="split"))
    assert [bool(batch) for batch in shown][:3] == [False, True, False]


@given(st.lists(st.builds(TextDelta, st.text()) | st.builds(Replacement, st.text())))
def test_not_streaming_the_answer_is_what_it_is_in_the_end(events: list[Event]) -> None:
    current = ""
    for event in events:
        assert isinstance(event, TextDelta | Replacement)
        current = current + event.text if isinstance(event, TextDelta) else event.text
    assert "".join(texts(settle(*events, streaming=False))) == current


@given(st.lists(st.builds(TextDelta, st.text()) | st.builds(Replacement, st.text())))
def test_streaming_ends_in_the_answer(events: list[Event]) -> None:
    current = "".join(texts(settle(*events, streaming=False)))
    streamed = list(
        flatten(
            split_reasoning(
                settle_replacements([[event] for event in events], streaming=True), mode="inline"
            )
        )
    )
    assert "".join(texts(streamed)).rstrip().endswith(current.rstrip())


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
    assert answer == Answer("def", "abc", Finished("stop", Usage(7, 6, 3)))
    assert answer.finished.usage.total == 13


def test_a_reply_without_an_end_is_no_answer() -> None:
    with pytest.raises(ValueError, match="no end"):
        fold([[TextDelta("a")]])

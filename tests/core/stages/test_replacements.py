"""Replacements: the client gets each text once, and what the answer is in the end."""

from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from app.core.events import Event, Replacement, TextDelta, flatten
from app.core.stages.hold import hold_until_end
from app.core.stages.reasoning import split_reasoning
from app.core.stages.replacements import settle_replacements
from tests.core.deltas import batches_of, text_of, texts_of


def settle(*events: Event) -> list[Event]:
    return list(flatten(settle_replacements(batches_of(*events))))


def whole(*events: Event) -> str:
    """The text of the answer that is not streamed."""
    settled = settle_replacements(batches_of(*events))
    return text_of(flatten(hold_until_end(settled, partial(split_reasoning, mode="inline"))))


def streamed(*events: Event) -> str:
    settled = settle_replacements(batches_of(*events))
    return text_of(flatten(split_reasoning(settled, mode="inline")))


def test_it_works() -> None:
    assert texts_of(settle(TextDelta("a"), TextDelta("b"))) == ["a", "b"]


def test_only_the_suffix_is_sent() -> None:
    assert texts_of(settle(TextDelta("ab"), Replacement("abc"), TextDelta("d"))) == ["ab", "c", "d"]


def test_a_status_line_is_held_until_it_is_settled() -> None:
    events = settle(
        TextDelta("Sure.\n\nSearching the web..."),
        Replacement("Sure.\n\nSearching the web... (4s elapsed)"),
        Replacement("Sure.\n\nFound it."),
    )
    assert texts_of(events) == ["Sure.", "\n\nFound it."]


def test_a_status_line_that_stays_is_text() -> None:
    assert texts_of(settle(TextDelta("Drawing..."))) == ["Drawing..."]


def test_a_withdrawn_text_that_comes_again_is_no_contradiction() -> None:
    events = settle(TextDelta("abc"), Replacement(""), TextDelta("ab"), TextDelta("cd"))
    assert texts_of(events) == ["abc", "d"]


def test_a_contradiction_is_one_replacement_at_the_end() -> None:
    events = settle(TextDelta("abc"), Replacement("x"), TextDelta("y"))
    assert events == [TextDelta("abc"), Replacement("xy")]


def test_blanks_at_the_end_are_no_contradiction_worth_a_repetition() -> None:
    events = (TextDelta("abc\n\n"), Replacement("abc"))
    assert (streamed(*events), whole(*events)) == ("abc\n\n", "abc")


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

"""Stop sequences as the gateway keeps them: the same however the text comes in."""

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.events import (
    Batch,
    Cut,
    Discarded,
    Event,
    MediaReply,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    flatten,
)
from app.core.stages.limits import end_at_cut, stop_at
from tests.core.deltas import batches_of, chunked, merged, text_of

CALL = ToolCallDelta(0, '{"city": "Paris"}', "call_1", "weather")


def stopped(text: list[str], *sequences: str) -> list[Event]:
    return merged(stop_at(batches_of(*map(TextDelta, text)), sequences))


def test_it_works() -> None:
    assert stopped(["one two", " three"], "two") == [TextDelta("one "), Cut("stop", "two")]


STOPS = [
    ("one two three", ("two",), "one ", "two"),
    ("one two three", ("four",), "one two three", None),
    ("one two three", ("three", "two"), "one ", "two"),
    ("two", ("two",), "", "two"),
    ("ends in tw", ("two",), "ends in tw", None),
    ("aaab", ("aab",), "a", "aab"),
    ("aabaaabaa", ("aabaab", "abaa"), "a", "abaa"),
    ("\n\nHuman: no", ("\n\nHuman:",), "", "\n\nHuman:"),
    ("a\nb\n\nc", ("\n\n",), "a\nb", "\n\n"),
    # What is complete first wins, whatever began before it...
    ("xabcd", ("abcd", "bc"), "xa", "bc"),
    ("xabcd", ("ab", "abcd"), "x", "ab"),
    # ... and of those that end together, the longest.
    ("xabc", ("c", "abc", "bc"), "x", "abc"),
    ("snow ☃☃ man", ("☃ ", "☃☃"), "snow ", "☃☃"),
    ("empty ones don't count", ("", "c"), "empty ones don't ", "c"),
]


@pytest.mark.parametrize(("text", "sequences", "before", "stop"), STOPS)
def test_stop_split_at_every_offset(
    text: str, sequences: tuple[str, ...], before: str, stop: str | None
) -> None:
    expected: list[Event] = [TextDelta(before)] if before else []
    expected += [Cut("stop", stop)] if stop else []
    assert stopped(list(text), *sequences) == expected
    for first in range(len(text) + 1):
        for second in range(first, len(text) + 1):
            pieces = [text[:first], text[first:second], text[second:]]
            assert stopped(pieces, *sequences) == expected


def test_no_more_is_held_than_could_become_a_sequence() -> None:
    batches = stop_at(batches_of(TextDelta("so EN"), TextDelta("E"), TextDelta("ND")), ("END",))
    assert list(batches) == [
        [TextDelta("so ")],
        [TextDelta("EN")],
        [Cut("stop", "END")],
    ]


def test_without_sequences_nothing_is_looked_at() -> None:
    batches: Iterator[Batch] = iter([[TextDelta("a")]])
    assert stop_at(batches, ()) is batches
    assert stop_at(batches, ("", "")) is batches


def test_nothing_is_read_after_the_stop() -> None:
    def endless() -> Iterator[Batch]:
        yield [TextDelta("a stop"), CALL]
        raise AssertionError("read on")

    assert merged(stop_at(endless(), ("stop",))) == [TextDelta("a "), Cut("stop", "stop")]


def test_ticks_pass() -> None:
    ticking: list[Batch] = [[], [TextDelta("a")], [], []]
    assert list(stop_at(ticking, ("b",)))[:4] == ticking


@pytest.mark.parametrize(
    "event", [CALL, ReasoningDelta("D"), Discarded("D"), MediaReply("u", "t", "n")]
)
def test_a_sequence_does_not_span_another_event(event: Event) -> None:
    events: list[Event] = [TextDelta("so EN"), event, TextDelta("D")]
    assert merged(stop_at(batches_of(*events), ("END",))) == events


def test_reasoning_and_calls_are_not_searched() -> None:
    events: list[Event] = [ReasoningDelta("the END"), CALL]
    assert merged(stop_at(batches_of(*events), ("END", "Paris"))) == events


SMALL = st.text("ab\n", max_size=30)


@given(chunked(SMALL), st.lists(st.text("ab\n", max_size=4), max_size=4))
def test_stop_streamed_is_stop_whole(pieces: list[str], sequences: list[str]) -> None:
    text = "".join(pieces)
    streamed = stopped(pieces, *sequences)
    assert streamed == stopped([text], *sequences)
    sent = text_of(streamed)
    assert text.startswith(sent)
    assert not any(sequence in sent for sequence in sequences if sequence)
    if isinstance(streamed[-1] if streamed else None, Cut):
        assert streamed[-1].stop and text.startswith(sent + streamed[-1].stop)  # type: ignore[union-attr]
    else:
        assert sent == text


@pytest.mark.parametrize("sequence", ["a" * 2_000 + "b", "ab" * 1_000 + "c", "zz"])
def test_stop_takes_linear_time(sequence: str) -> None:
    started = time.process_time()
    deltas = [TextDelta(char) for char in "ab" * 50_000 + "a" * 100_000]
    assert text_of(flatten(stop_at([[delta] for delta in deltas], (sequence,)))).startswith("abab")
    assert time.process_time() - started < 5


def test_a_cut_closes_the_bot_at_once() -> None:
    closed: list[bool] = []
    batches: list[Batch] = [[TextDelta("a")], [TextDelta("b"), Cut("length")], [TextDelta("c")]]
    stage = end_at_cut(batches, lambda: closed.append(True))
    assert next(stage) == [TextDelta("a")] and not closed
    assert next(stage) == batches[1] and closed
    assert next(stage, None) is None

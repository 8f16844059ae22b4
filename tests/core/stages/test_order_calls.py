"""Native calls one after another, however their deltas come."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.events import Batch, Cut, Event, Restated, TextDelta, ToolCallDelta, flatten
from app.core.stages.order_calls import drop_repeated_calls, order_calls
from tests.core.deltas import batches_of


def ordered(*events: Event) -> list[Event]:
    return list(flatten(order_calls(iter(batches_of(*events)))))


def head(index: int, id: str | None, arguments: str = "") -> ToolCallDelta:
    return ToolCallDelta(index, arguments, id, f"tool_{index}")


def arguments_of(events: list[Event], index: int) -> str:
    return "".join(
        event.arguments
        for event in events
        if isinstance(event, ToolCallDelta) and event.index == index
    )


def test_what_is_in_order_passes_at_once() -> None:
    batches: list[Batch] = [
        [TextDelta("a"), head(0, "a")],
        [ToolCallDelta(0, '{"x": "}')],
        [],
        [ToolCallDelta(0, '\\"{"}')],
        [head(1, "b", "{}")],
        [TextDelta("c")],
    ]
    assert list(order_calls(iter(batches))) == batches


def test_deltas_in_turns_are_sorted() -> None:
    events = ordered(
        head(0, "a"),
        head(1, "b"),
        ToolCallDelta(0, '{"x":'),
        ToolCallDelta(1, '{"y":'),
        ToolCallDelta(0, "1}"),
        ToolCallDelta(1, "2}"),
    )
    assert events == [
        head(0, "a"),
        ToolCallDelta(0, '{"x":'),
        ToolCallDelta(0, "1}"),
        head(1, "b", '{"y":'),
        ToolCallDelta(1, "2}"),
    ]


def test_a_call_waits_no_longer_than_the_one_before_is_whole() -> None:
    batches: list[Batch] = [[head(0, "a", '{"x":'), head(1, "b", "{")], [ToolCallDelta(0, "1}")]]
    assert list(order_calls(iter(batches))) == [
        [head(0, "a", '{"x":')],
        [ToolCallDelta(0, "1}"), head(1, "b", "{")],
    ]


def test_text_does_not_interrupt_a_call() -> None:
    events = ordered(head(0, "a", "{"), TextDelta("t"), ToolCallDelta(0, "}"), TextDelta("u"))
    assert events == [head(0, "a", "{"), ToolCallDelta(0, "}"), TextDelta("t"), TextDelta("u")]


@pytest.mark.parametrize("last", [[], [Cut("length")]])
def test_what_is_never_whole_comes_at_the_end(last: list[Event]) -> None:
    events = ordered(head(0, "a"), head(1, "b", "{"), TextDelta("t"), head(2, "c"), *last)
    assert events == [head(0, "a"), head(1, "b", "{"), TextDelta("t"), head(2, "c"), *last]


def test_ids_and_names_that_repeat_are_said_once() -> None:
    events = ordered(head(0, "a", "{"), head(0, "a", "}"))
    assert events == [head(0, "a", "{"), ToolCallDelta(0, "}")]


def test_two_calls_of_one_index_are_two() -> None:
    events = ordered(head(0, "a", "{}"), head(0, "b", "{}"), ToolCallDelta(0, "\n"))
    assert events == [head(0, "a", "{}"), ToolCallDelta(1, "{}", "b", "tool_0")]


def test_calls_without_ids_get_some_that_differ() -> None:
    events = ordered(head(0, None, "{}"), head(0, None, "{}"), head(1, "x", "{}"), head(2, "x"))
    ids = [event.id for event in events if isinstance(event, ToolCallDelta)]
    assert len(set(ids)) == 4 and all(ids) and ids[2] == "x"
    assert [event.index for event in events if isinstance(event, ToolCallDelta)] == [0, 1, 2, 3]


def test_blanks_behind_whole_arguments_are_dropped() -> None:
    assert ordered(head(0, "a", "{}"), ToolCallDelta(0, " ")) == [head(0, "a", "{}")]


DELTAS = st.lists(
    st.builds(
        ToolCallDelta,
        st.integers(0, 3),
        st.sampled_from(["{", "}", "{}", '"', "\\", "a", ""]),
        st.sampled_from([None, "a", "b"]),
        st.sampled_from([None, "f"]),
    )
    | st.just(TextDelta("t")),
    max_size=20,
)


@given(DELTAS)
def test_calls_are_never_interrupted(events: list[Event]) -> None:
    out = ordered(*events)
    seen: list[int] = []
    for event in out:
        if isinstance(event, ToolCallDelta) and (not seen or seen[-1] != event.index):
            assert event.index == len(set(seen)), "indexes count on, and none comes back"
            assert event.id
            seen.append(event.index)
    texts = [event for event in events if isinstance(event, TextDelta)]
    assert [event for event in out if isinstance(event, TextDelta)] == texts


@given(st.permutations([0] * 4 + [1] * 4 + [2] * 4))
def test_any_turns_give_the_same_arguments(turns: list[int]) -> None:
    pieces = {index: iter(['{"a"', ": [1", ", 2]", "}"]) for index in range(3)}
    events = ordered(*(head(index, str(index), next(pieces[index])) for index in turns))
    for index in range(3):
        assert arguments_of(events, index) == '{"a": [1, 2]}'


# Calls that a bot repeats with its text are made once

CALL = ToolCallDelta(0, "{}", "call_1", "f")


def test_calls_that_are_restated_are_made_once() -> None:
    again: Batch = [
        Restated(),
        replace(CALL, index=1, id="call_2"),
        replace(CALL, index=2, name="g"),
    ]
    batches: list[Batch] = [[CALL], again]
    calls = [
        event for event in flatten(drop_repeated_calls(batches)) if isinstance(event, ToolCallDelta)
    ]
    assert [(call.index, call.name) for call in calls] == [(0, "f"), (1, "g")]
    twice: list[Batch] = [[CALL], [replace(CALL, index=1, id="call_2")]]
    assert len(list(flatten(drop_repeated_calls(twice)))) == 2

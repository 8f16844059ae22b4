"""Calls that a bot repeats with its text are made once."""

from dataclasses import replace

from app.core.events import Batch, Restated, ToolCallDelta, flatten
from app.core.stages.order_calls import drop_repeated_calls

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

"""Folding the events of a reply into its answer."""

import pytest

from app.core.conversation import Text, ToolCall
from app.core.events import Batch, Finished, TextDelta, ToolCallDelta, Usage, fold


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


def test_a_reply_without_an_end_is_no_answer() -> None:
    with pytest.raises(ValueError, match="no end"):
        fold([[TextDelta("a")]])

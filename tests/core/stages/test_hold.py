"""An answer that is not streamed: the stages over its final text, batch by batch."""

from collections.abc import Iterator

from app.core.events import Batch, TextDelta, flatten
from app.core.stages.hold import hold_until_end
from app.core.stages.limits import end_at_cut, stop_at
from tests.core.deltas import text_of


def test_a_whole_answer_can_be_cut_before_its_end() -> None:
    def endless() -> Iterator[Batch]:
        while True:
            yield [TextDelta("more ")]

    told = hold_until_end(
        endless(), lambda batches: end_at_cut(stop_at(batches, ("e m",)), lambda: None)
    )
    assert text_of(flatten(told)) == "mor"

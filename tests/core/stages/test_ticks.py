"""Empty batches, by which a stream knows that time passes, go through the stages."""

from collections.abc import Iterator

from app.core.events import Batch, TextDelta
from app.core.stages.attachments import attach_media
from app.core.stages.reasoning import split_reasoning
from app.core.stages.replacements import settle_replacements


def test_ticks_pass_every_stage() -> None:
    batches: Iterator[Batch] = iter([[], [TextDelta("a")], []])
    settled = settle_replacements(batches)
    shown = attach_media(split_reasoning(settled, mode="split"))
    assert [bool(batch) for batch in shown][:3] == [False, True, False]

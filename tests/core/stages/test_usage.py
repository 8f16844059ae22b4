"""Usage and the reason to finish, counted over what the stages let pass."""

from app.core.conversation import Reasoning, Text
from app.core.events import (
    Answer,
    Batch,
    Cut,
    Discarded,
    Finished,
    MediaReply,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
    fold,
)
from app.core.stages.attachments import attach_media
from app.core.stages.usage import count_usage


def test_usage_counts_reasoning_as_completion() -> None:
    batches: list[Batch] = [[ReasoningDelta("abc")], [TextDelta("de"), TextDelta("f")]]
    answer = fold(count_usage(batches, prompt_tokens=lambda: 7, count=len))
    parts = (Reasoning("abc"), Text("def"))
    assert answer == Answer(parts, Finished("stop", Usage(7, 6, 3)))
    assert answer.finished.usage.total == 13


def finish(*batches: Batch) -> Finished:
    return fold(count_usage(batches, prompt_tokens=lambda: 0, count=len)).finished


def test_reasons_to_finish() -> None:
    call = ToolCallDelta(0, "{}", "call_1", "f")
    assert finish([call]) == Finished("tool_calls", Usage(0, 3))
    assert finish([TextDelta("a"), Cut("stop", "END")]) == Finished("stop", Usage(0, 1), "END")
    assert finish([TextDelta("a"), Cut("length")]).reason == "length"
    assert finish([call], [Cut("length")]) == Finished("tool_calls", Usage(0, 3))
    assert finish([Discarded("ab")], [TextDelta("c")]).usage.completion == 3


def test_links_to_files_are_not_written_by_the_bot() -> None:
    batches: list[Batch] = [
        [TextDelta("ab"), MediaReply("data:image/png;base64,x", "image/png", "n")]
    ]
    answer = fold(count_usage(batches, prompt_tokens=lambda: 0, count=len, stage=attach_media))
    assert answer.text == "ab\n\n![n](data:image/png;base64,x)"
    assert answer.finished == Finished("stop", Usage(0, 2))

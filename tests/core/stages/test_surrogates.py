"""Characters that come in two halves, split at every place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.events import Replacement, TextDelta, flatten
from app.core.stages.surrogates import join_surrogates
from tests.core.deltas import batches_of, text_of


def halves(text: str) -> str:
    """The text with each character beyond U+FFFF as its two surrogates."""
    units = text.encode("utf-16-be")
    return "".join(chr(int.from_bytes(units[i : i + 2], "big")) for i in range(0, len(units), 2))


def joined(*texts: str) -> str:
    return text_of(flatten(join_surrogates(batches_of(*map(TextDelta, texts)))))


@given(st.text(max_size=12), st.data())
def test_halves_are_joined_wherever_the_text_is_cut(text: str, data: st.DataObject) -> None:
    written = halves(text)
    cut = data.draw(st.integers(0, len(written)))
    assert joined(written[:cut], written[cut:]) == text
    assert joined(*written) == text


def test_nothing_whole_waits_for_a_half() -> None:
    stage = join_surrogates([[TextDelta("a\ud83c")], [], [TextDelta("\udf0d b")]])
    assert next(stage) == [TextDelta("a")]
    assert next(stage) == []
    assert next(stage) == [TextDelta("🌍 b")]


@pytest.mark.parametrize("text", ["\ud83c", "\udf0d", "a\udf0db", "\ud83c\ud83c"])
def test_a_lone_half_becomes_the_replacement_character(text: str) -> None:
    assert joined(text) == joined(*text)
    assert "\ufffd" in joined(text)
    joined(text).encode()


def test_a_replacement_is_joined_and_ends_what_waited() -> None:
    batches = batches_of(TextDelta("\ud83c"), Replacement("x\ud83d\ude00"), TextDelta("!"))
    events = list(flatten(join_surrogates(batches)))
    assert events == [Replacement("x😀"), TextDelta("!")]

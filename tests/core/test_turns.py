"""Long loops give way to others, short ones do not."""

import time
from collections.abc import Iterator

import pytest

from app.core import turns


@pytest.fixture
def switches() -> Iterator[list[float]]:
    """When others had their turn."""
    times: list[float] = []
    turns.install(lambda: times.append(time.monotonic()))
    yield times
    turns.install(turns._stay)


def test_a_long_loop_gives_way_after_each_slice(switches: list[float]) -> None:
    started = time.monotonic()
    for _ in turns.in_turns(range(20)):
        time.sleep(0.001)
    assert 2 <= len(switches) <= (time.monotonic() - started) / turns.SLICE_SECONDS


def test_a_short_loop_does_not(switches: list[float]) -> None:
    assert list(turns.in_turns("abc")) == ["a", "b", "c"]
    assert switches == []


def test_pieces_are_the_whole(switches: list[float]) -> None:
    text = "ab" * turns.PIECE
    assert list(turns.in_pieces(text)) == [text[: turns.PIECE]] * 2
    assert list(turns.in_pieces(b"")) == []


def test_others_have_their_turn_after_much_data(switches: list[float]) -> None:
    turns.after(turns.PIECE)
    assert switches == []
    turns.after(turns.PIECE + 1)
    assert len(switches) == 1

"""Counting: exact for ordinary text, total and bounded for any."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import tokens

SENTENCE = "The quick brown fox jumps over the lazy dog, doesn't it? "


@pytest.mark.parametrize(
    ("text", "number"),
    [("", 0), ("hello world", 2), ("<|endoftext|>", 7), ("snow \u2603", 3), ("\n\n\n", 1)],
)
def test_known_counts(text: str, number: int) -> None:
    assert tokens.count(text) == number


def test_a_long_text_counts_as_its_parts() -> None:
    exact = len(tokens.encoding().encode_ordinary(SENTENCE * 2_000))
    assert tokens.count(SENTENCE * 2_000) == exact


@pytest.mark.parametrize("unit", ["a", " ", "\n", "^", "\u4f60", "\ud800", "\U0001f600", "a b"])
def test_any_million_characters_take_bounded_time(unit: str) -> None:
    started = time.monotonic()
    assert tokens.count(unit * (1_000_000 // len(unit))) > 0
    assert time.monotonic() - started < 5


def test_a_huge_text_is_counted_by_samples() -> None:
    text = SENTENCE * (2 * tokens.EXACT_CHARS // len(SENTENCE))
    exact = tokens.count(SENTENCE) * len(text) / len(SENTENCE)
    assert tokens.count(text) == pytest.approx(exact, rel=0.1)


@given(st.text())
def test_every_text_has_a_count(text: str) -> None:
    assert 0 <= tokens.count(text) <= max(1, 4 * len(text))


def test_memory_is_bounded_and_forgets_the_oldest() -> None:
    memory = tokens.TokenMemory(limit=2)
    for number, text in enumerate("abc"):
        memory.keep(tokens.digest_of(text), number)
        memory.recall(tokens.digest_of("a"))
    assert memory.recall(tokens.digest_of("a")) == 0
    assert memory.recall(tokens.digest_of("b")) is None
    assert memory.recall(tokens.digest_of("c")) == 2

"""max_tokens as the gateway keeps it: the same however the text comes in."""

import time
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.core import tokens
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
from app.core.stages.limits import MAX_PIECE_CHARS, limit_tokens
from tests.core.deltas import batches_of, chunked, merged, text_of

CALL = ToolCallDelta(0, '{"city": "Paris"}', "call_1", "weather")


def limited(most: int, *events: Event) -> list[Event]:
    return merged(limit_tokens(batches_of(*events), most))


def counted(events: list[Event]) -> int:
    return sum(
        tokens.count(event.text)
        for event in events
        if isinstance(event, TextDelta | ReasoningDelta)
    )


def test_it_works() -> None:
    assert limited(2, TextDelta("one two three")) == [TextDelta("one two"), Cut("length")]


def test_ticks_pass() -> None:
    ticking: list[Batch] = [[], [TextDelta("a")], [], []]
    assert list(limit_tokens(ticking, 5))[:4] == ticking


LIMITS = [
    "The quick brown fox jumps over the lazy dog, doesn't it?",
    "It costs 1234567 dollars (or 89,000.5).",
    "def f(x):\n    return x[0]  # no\n\n\nclass A: pass\n",
    "你好，世界。今天天气很好！我们去公园散步吧。",
    "สวัสดีครับ ยินดีที่ได้รู้จัก",
    "नमस्ते दुनिया, आप कैसे हैं?",
    "👨‍👩‍👧 and 😀😀 🏳️‍🌈!",
    "e\u0301a\u0300 Ångström naïve ﬁne ⅷ½",
    "  \n \t\r\n   x\n\n\n y  \n/ /\n",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaa" * 3,
    "WeirdCamelCaseHTMLParser's don'T 'LL they're",
    '<|endoftext|> <tool_call>{"a":1}</tool_call>',
    "================\n----------------\n",
    "a1b2c3d4e5f6-7f8e9d0c",
]


@pytest.mark.parametrize("text", LIMITS)
def test_limit_split_at_every_offset(text: str) -> None:
    total = tokens.count(text)
    for most in range(total + 2):
        whole = limited(most, TextDelta(text))
        assert limited(most, *map(TextDelta, text)) == whole
        for at in range(len(text) + 1):
            assert limited(most, TextDelta(text[:at]), TextDelta(text[at:])) == whole
        assert text.startswith(text_of(whole))
        assert counted(whole) <= most
        assert (Cut("length") in whole) == (most < total)


def test_the_cut_is_at_the_token_where_that_is_text() -> None:
    text = LIMITS[0]
    encoded = tokens.encoding().encode_ordinary(text)
    for most in range(len(encoded)):
        assert text_of(limited(most, TextDelta(text))) == tokens.encoding().decode(encoded[:most])


def test_half_a_character_is_not_sent() -> None:
    """The first of the three tokens is the space and half the character."""
    assert tokens.count(" 🧿") == 3
    for most in (1, 2):
        assert limited(most, TextDelta(" 🧿")) == [TextDelta(" "), Cut("length")]


def test_a_lone_surrogate_is_text() -> None:
    events = limited(2, *map(TextDelta, "\ud83d\ude00\ud800 and more"))
    assert "\ud83d\ude00\ud800 and more".startswith(text_of(events))
    assert events[-1] == Cut("length")


def test_the_answer_streams_until_the_limit_is_near() -> None:
    words = ["word "] * 40
    batches = limit_tokens(batches_of(*map(TextDelta, words)), 50)
    for batch, _ in zip(batches, range(39), strict=False):
        assert text_of(batch)


def test_nothing_is_read_after_the_limit() -> None:
    def endless() -> Iterator[Batch]:
        yield [TextDelta("one two")]
        yield [TextDelta(" three")]
        raise AssertionError("read on")

    assert merged(limit_tokens(endless(), 2)) == [TextDelta("one two"), Cut("length")]


def test_reasoning_counts() -> None:
    events: list[Event] = [ReasoningDelta("one two"), TextDelta("three four")]
    assert limited(4, *events) == events
    assert limited(3, *events) == [events[0], TextDelta("three"), Cut("length")]
    assert limited(2, *events) == [events[0], Cut("length")]
    assert limited(1, *events) == [ReasoningDelta("one"), Cut("length")]


def test_a_call_passes_whole_or_not_at_all() -> None:
    whole = tokens.count("weather" + CALL.arguments)
    assert limited(whole, CALL) == [CALL]
    assert visible(limited(whole - 1, CALL)) == [Cut("length")]
    events = limited(whole, TextDelta("one"), CALL)
    assert visible(events) == [TextDelta("one"), Cut("length")]
    assert limited(whole, CALL, TextDelta("x")) == [CALL, Cut("length")]


def visible(events: list[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, Discarded)]


@pytest.mark.parametrize("arguments", [CALL.arguments, '{"text": "%s"}' % ("word " * 3_000)])
def test_what_fits_of_a_withheld_call_was_written_and_counts(arguments: str) -> None:
    call = ToolCallDelta(0, arguments, "call_1", "weather")
    for most in range(1, min(200, tokens.count("weather" + arguments))):
        [written, cut] = limited(most, call)
        assert cut == Cut("length")
        assert isinstance(written, Discarded) and tokens.count(written.text) == most
        assert ("weather" + arguments).startswith(written.text)


def test_a_call_does_not_begin_without_a_token_left() -> None:
    assert limited(1, TextDelta("one"), CALL) == [TextDelta("one"), Cut("length")]


def test_a_call_in_pieces_is_not_cut() -> None:
    whole = tokens.count("weather" + CALL.arguments)
    pieces: list[Event] = [
        ToolCallDelta(0, "", "call_1", "weather"),
        *(ToolCallDelta(0, piece) for piece in CALL.arguments),
    ]
    second = ToolCallDelta(1, "{}", "call_2", "weather")
    assert limited(whole, *pieces) == pieces
    assert visible(limited(whole - 1, *pieces)) == [Cut("length")]
    assert visible(limited(whole, *pieces, second)) == [*pieces, Cut("length")]
    assert visible(limited(whole + 1, *pieces, second)) == [*pieces, Cut("length")]
    assert limited(whole + 5, *pieces, second) == [*pieces, second]


def test_other_events_keep_their_place() -> None:
    media = MediaReply("u", "t", "n")
    assert limited(4, TextDelta("one two"), media, TextDelta(" three"), Cut("stop", "x")) == [
        TextDelta("one two"),
        media,
        TextDelta(" three"),
        Cut("stop", "x"),
    ]
    assert limited(1, TextDelta("one two"), media) == [TextDelta("one"), Cut("length")]


TEXTS = st.text(max_size=60) | st.lists(
    st.sampled_from(
        [
            "a",
            "Be",
            " ",
            "\n",
            "\r",
            "\t",
            "1",
            "23",
            "'s",
            "'",
            ".",
            "/",
            "é",
            "e\u0301",
            "你",
            "，",
        ]
        + ["😀", " 😀", "กำ", "हि", "\u3000", "_", '{"', "½", "ʰ", "\x1c", "Dž", "'RE"]
    ),
    max_size=60,
).map("".join)


@given(chunked(TEXTS), st.integers(0, 40))
@example([" ", "😀"], 2)
@example(["hel", "lo", " wor", "ld"], 1)
def test_limit_streamed_is_limit_whole(pieces: list[str], most: int) -> None:
    text = "".join(pieces)
    streamed = limited(most, *map(TextDelta, pieces))
    sent = text_of(streamed)
    assert sent == text_of(limited(most, TextDelta(text)))
    assert text.startswith(sent)
    assert tokens.count(sent) <= most
    assert (Cut("length") in streamed) == (tokens.count(text) > most)


@pytest.mark.parametrize("unit", ["a", " ", "=", "你", "\n", "😀", "'s"])
@pytest.mark.parametrize("most", [10, 1_000])
def test_runs_without_a_border_are_cut_alike(unit: str, most: int) -> None:
    text = unit * (5 * MAX_PIECE_CHARS // len(unit))
    whole = limited(most, TextDelta(text))
    assert limited(most, *map(TextDelta, text)) == whole
    assert (
        limited(most, TextDelta(text[:7]), TextDelta(text[7:3_333]), TextDelta(text[3_333:]))
        == whole
    )
    assert tokens.count(text_of(whole)) <= most + len(text) // MAX_PIECE_CHARS


@pytest.mark.parametrize("unit", ["more ", "a", "你好", "x1 ", "\n", "=-"])
@pytest.mark.parametrize("most", [100, 50_000, 10_000_000])
def test_limit_takes_linear_time(unit: str, most: int) -> None:
    started = time.monotonic()
    batches: list[Batch] = [[TextDelta(unit)]] * (500_000 // len(unit))
    assert text_of(flatten(limit_tokens(batches, most)))
    assert time.monotonic() - started < 10

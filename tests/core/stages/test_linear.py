"""Whatever a bot sends, the stages take time linear in it."""

import time
from collections.abc import Callable, Iterator

import pytest

from app.core.events import Batch, MediaReply, Replacement, TextDelta, flatten
from app.core.stages.attachments import attach_media
from app.core.stages.reasoning import split_reasoning
from app.core.stages.replacements import settle_replacements

Bot = Callable[[int], Iterator[Batch]]
FILE = MediaReply("https://h/a.png", "image/png", "a.png")


def contradicts_itself(count: int) -> Iterator[Batch]:
    yield [TextDelta("a" * 10)]
    yield [Replacement("b")]
    for _ in range(count):
        yield [FILE]
        yield [TextDelta("text ")]


def replaces_often(count: int) -> Iterator[Batch]:
    yield [TextDelta("a" * count)]
    for _ in range(count // 20):
        yield [Replacement("b")]


def starts_anew_letter_by_letter(count: int) -> Iterator[Batch]:
    yield [TextDelta("a" * count)]
    yield [Replacement("")]
    for _ in range(count):
        yield [TextDelta("a")]


def waits_in_dots(count: int) -> Iterator[Batch]:
    for _ in range(count):
        yield [TextDelta("Thinking...\n")]


def thinks_in_quotes(mark: str) -> Bot:
    def bot(count: int) -> Iterator[Batch]:
        yield [TextDelta("*Thinking...*\n\n")]
        yield [TextDelta(mark * count)]

    return bot


def thinks_letter_by_letter(count: int) -> Iterator[Batch]:
    yield [TextDelta("*Thinking...*\n\n")]
    for _ in range(count):
        yield [TextDelta(">")]


def pipeline(bot: Iterator[Batch]) -> None:
    batches = split_reasoning(settle_replacements(bot), mode="split")
    for _ in flatten(attach_media(batches)):
        pass


def seconds(bot: Bot, count: int) -> float:
    started = time.thread_time()
    pipeline(bot(count))
    return time.thread_time() - started


@pytest.mark.parametrize(
    "bot",
    [
        contradicts_itself,
        replaces_often,
        starts_anew_letter_by_letter,
        waits_in_dots,
        thinks_letter_by_letter,
        *(thinks_in_quotes(mark) for mark in (">", "> ", ">\n", "> >", "\n>", "\n \n", ">\n\n")),
    ],
)
def test_eight_times_the_events_take_about_eight_times_as_long(bot: Bot) -> None:
    few = min(seconds(bot, 5_000) for _ in range(3))
    many = min(seconds(bot, 40_000) for _ in range(2))
    assert many < 24 * few + 0.05

"""Attachments: references in the text become links, the other files come last."""

from app.core.events import Batch, MediaReply, TextDelta, flatten
from app.core.stages.attachments import attach_media
from tests.core.deltas import text_of

PICTURE = MediaReply("http://h/p.png", "image/png", "p.png", "ref1")
SHEET = MediaReply("http://h/s.csv", "text/csv", "s.csv")


def attached(*batches: Batch) -> str:
    return text_of(flatten(attach_media(batches)))


def test_a_reference_is_resolved_at_every_split() -> None:
    text = "See ![my picture][ref1] and [this][other] [x"
    expected = "See ![my picture](http://h/p.png) and [this][other] [x"
    for offset in range(len(text) + 1):
        pieces: list[Batch] = [[TextDelta(text[:offset])], [TextDelta(text[offset:])]]
        assert attached([PICTURE], *pieces) == expected


def test_files_that_the_text_does_not_show_come_last() -> None:
    assert attached([SHEET], [TextDelta("Hi")]) == "Hi\n\n[s.csv](http://h/s.csv)"
    assert attached([PICTURE]) == "![p.png](http://h/p.png)"

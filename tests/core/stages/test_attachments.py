"""Attachments: references in the text become links, the other files come last."""

import json

from app.core.events import Batch, MediaReply, TextDelta, flatten
from app.core.stages.attachments import MAX_HELD_CHARS, attach_media
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


def test_a_file_that_comes_after_its_reference() -> None:
    text = "See ![my picture][ref1] and more. " * 2
    expected = "See ![my picture](http://h/p.png) and more. " * 2
    for offset in range(len(text) + 1):
        pieces: list[Batch] = [[TextDelta(text[:offset])], [TextDelta(text[offset:])]]
        assert attached(*pieces, [PICTURE]) == expected
        assert attached(pieces[0], [PICTURE], pieces[1]) == expected
        assert attached(*pieces, [SHEET]) == f"{text}\n\n[s.csv](http://h/s.csv)"


def test_text_waits_no_longer_than_it_may() -> None:
    held = "![my picture][ref1] " + "more " * (MAX_HELD_CHARS // 5)
    batches: list[Batch] = [[TextDelta("See ")], [TextDelta(held)], [TextDelta("end")], [PICTURE]]
    out = list(attach_media(batches))
    assert out[0] == [TextDelta("See ")] and out[1] == [TextDelta(held)]
    assert text_of(flatten(out)) == f"See {held}end\n\n[ref1]: http://h/p.png"


def test_a_reference_that_is_no_pictures_is_defined_at_the_end() -> None:
    sheet = MediaReply("http://h/s.csv", "text/csv", "s.csv", "ref2")
    assert attached([TextDelta("See [it][ref2].")], [sheet]) == (
        "See [it][ref2].\n\n[ref2]: http://h/s.csv"
    )


def test_code_is_not_held() -> None:
    for text in ("a[i][j] = [1, 2", "Hello [", "x = y[0"):
        assert list(attach_media([[TextDelta(text)]]))[0] == [TextDelta(text)]


def test_an_address_ends_neither_its_link_nor_the_json_around_it() -> None:
    file = MediaReply('http://h/a "b" (c)\\.png', "image/png", "p", "r1")
    shown = attached([file], [TextDelta('{"plot": "![p][r1]"}')])
    assert json.loads(shown) == {"plot": "![p](http://h/a%20%22b%22%20%28c%29%5C.png)"}

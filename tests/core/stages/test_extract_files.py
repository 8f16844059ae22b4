"""Files that a bot made, or only wrote links to."""

import pytest

from app.core.events import Batch, Finished, MediaReply, TextDelta, Usage
from app.core.stages.extract_files import only_files
from app.errors import UpstreamError

END = Finished("stop", Usage(0, 0))
SONG = "https://h.test/song.mp3"
COVER = "https://h.test/a.png"
PICTURE = MediaReply(COVER, "image/png", "cover")


def told(*events: MediaReply | TextDelta, wants: tuple[str, ...] = ("",)) -> Batch:
    """What is left of a reply, but for its end."""
    batches: list[Batch] = [[event] for event in events]
    *rest, end = (
        event
        for batch in only_files([*batches, [END]], bot="b", bring=lambda file: file, wants=wants)
        for event in batch
    )
    assert end == END
    return rest


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        (SONG, "audio/mpeg"),
        ("https://h.test/a/b.WAV?size=1.5#x.png", "audio/wav"),
        ("https://h.test/a.opus", "audio/ogg"),
        ("https://h.test/a.flac#part", "audio/flac"),
        ("https://h.test/a.mp4", "video/mp4"),
    ],
)
def test_a_link_to_a_sound_is_a_file(url: str, kind: str) -> None:
    text = TextDelta(f"Here: [my song]({url}) Enjoy!")
    assert told(text) == [MediaReply(url, kind, "my song"), TextDelta("Here:  Enjoy!")]


@pytest.mark.parametrize(
    "url", ["https://h.test/about", "https://h.test/a?x=a.mp3", "https://h.test/a.mp3/b", "a.mp3"]
)
def test_a_link_to_something_else_is_none(url: str) -> None:
    with pytest.raises(UpstreamError, match="returned no file"):
        told(TextDelta(f"[read this]({url})"))


def test_a_link_beside_a_file_stays_a_link() -> None:
    file = MediaReply("https://h.test/a", "audio/mpeg", "a")
    text = TextDelta(f"Like [this one]({SONG}).")
    assert told(file, text) == [file, text]


def test_a_link_beside_an_image_stays_a_link() -> None:
    written = f"![cover]({COVER}) of [the song]({SONG})"
    assert told(TextDelta(written)) == [PICTURE, TextDelta(f"of [the song]({SONG})")]


@pytest.mark.parametrize(
    "picture", [PICTURE, TextDelta(f"![cover]({COVER})"), MediaReply(COVER, "text/html", "a page")]
)
def test_a_link_beside_what_is_not_wanted_is_a_file(picture: MediaReply | TextDelta) -> None:
    file, song = told(picture, TextDelta(f"[song]({SONG})"), wants=("audio/", "video/"))
    assert isinstance(file, MediaReply) and file.url == COVER
    assert song == MediaReply(SONG, "audio/mpeg", "song")


@pytest.mark.parametrize("kind", ["audio/wav", "Video/MP4"])
def test_a_link_beside_what_is_wanted_stays_a_link(kind: str) -> None:
    file = MediaReply("https://h.test/a", kind, "a")
    text = TextDelta(f"Like [this one]({SONG}).")
    assert told(file, text, wants=("audio/", "video/")) == [file, text]


def test_a_sound_beside_a_linked_film() -> None:
    sound = MediaReply("https://h.test/a", "audio/wav", "a")
    film = "https://h.test/film.mp4"
    files = told(sound, TextDelta(f"[film]({film})"), wants=("video/",))
    assert files == [sound, MediaReply(film, "video/mp4", "film")]


def test_only_pictures_where_something_else_is_wanted() -> None:
    assert told(TextDelta(f"![cover]({COVER})"), wants=("video/",)) == [PICTURE]


def test_a_link_to_the_file_itself_says_nothing_more() -> None:
    file = MediaReply(SONG, "audio/mpeg", "a")
    assert told(file, TextDelta(f"Done. [Download]({SONG})")) == [file, TextDelta("Done.")]


def test_all_that_play_are_given_once() -> None:
    other = SONG.replace("song", "other")
    files = told(TextDelta(f"[a]({SONG}) [b]({other}) [c]({SONG})"))
    assert [file.url for file in files if isinstance(file, MediaReply)] == [SONG, other]

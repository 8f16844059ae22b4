"""Links to Poe's own files in earlier turns."""

import time

from app.core.conversation import Media, Message, Part, Query, Text
from app.core.earlier_files import MAX_FILES, attach_earlier_files, has_earlier_files

URL = "https://pfst.cf2.poecdn.net/base/image/0a1b?w=1024&h=1024"


def query(*texts: str, role: str = "assistant") -> Query:
    turns = [Message(role, (Text(text),)) for text in texts]  # type: ignore[arg-type]
    return Query("m", "b", (*turns, Message("user", (Text("now in blue"),))))


def attached(asked: Query) -> list[tuple[str, str, str | None]]:
    parts: list[Part] = [part for turn in asked.messages for part in turn.parts]
    return [(part.content_type, part.name, part.url) for part in parts if isinstance(part, Media)]


def test_a_picture_is_attached_to_its_turn() -> None:
    asked = query(f"Here it is:\n\n![cat]({URL})")
    assert has_earlier_files(asked)
    made = attach_earlier_files(asked)
    assert attached(made) == [("image/png", "cat", URL)]
    [text, picture] = made.messages[0].parts
    assert text == asked.messages[0].parts[0]
    assert isinstance(picture, Media) and picture.file_id == URL


def test_the_type_is_told_by_the_names() -> None:
    video = "https://pfst.cf2.poecdn.net/base/video/0a.mp4?x=1"
    made = attach_earlier_files(query(f"[film]({video}) [a.pdf]({URL}) [x]({URL})"))
    assert [kind for kind, _, _ in attached(made)] == [
        "video/mp4",
        "application/pdf",
        "application/octet-stream",
    ]


def test_other_links_are_left_alone() -> None:
    for text in (
        "![a](https://example.com/a.png)",
        "![a](https://poecdn.net.example.com/a.png)",
        "![a](http://pfst.cf2.poecdn.net/a.png)",
        "![a](https://evilpoecdn.net/a.png)",
        URL,
    ):
        assert not has_earlier_files(query(text))
    assert not has_earlier_files(query(f"![a]({URL})", role="user"))


def test_the_last_files_count() -> None:
    texts = [f"![{number}]({URL}{number})" for number in range(MAX_FILES + 5)]
    names = [name for _, name, _ in attached(attach_earlier_files(query(*texts)))]
    assert names == [str(number) for number in range(5, MAX_FILES + 5)]


def test_any_text_takes_linear_time() -> None:
    for unit in ("[", "![a](https://", "![a](https://x.poecdn.net/", "](", "![" + "a" * 199):
        started = time.process_time()
        has_earlier_files(query(unit * (1_000_000 // len(unit)) + ".poecdn.net/"))
        assert time.process_time() - started < 5

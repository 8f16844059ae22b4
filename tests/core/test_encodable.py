"""Text with halves of surrogate pairs."""

import pytest

from app.core.encodable import encodable, is_encodable


@pytest.mark.parametrize("text", ["", "plain", "größer 😀"])
def test_what_utf8_holds_stays(text: str) -> None:
    assert is_encodable(text)
    assert encodable(text) == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("a\ud83d", "a\ufffd"), ("\ude00b", "\ufffdb"), ("\ud83d\ude00", "😀")],
)
def test_pairs_are_joined_and_lone_halves_replaced(text: str, wanted: str) -> None:
    assert not is_encodable(text)
    assert encodable(text) == wanted

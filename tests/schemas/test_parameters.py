"""What of a payload goes to the bot as its own parameters."""

import pytest

from app.schemas.parameters import aspect_of


@pytest.mark.parametrize(
    ("size", "aspect"),
    [
        ("1024x1024", "1:1"),
        ("256x256", "1:1"),
        ("1536x1024", "3:2"),
        ("1024x1536", "2:3"),
        ("1792x1024", "7:4"),
        ("1024x1792", "4:7"),
        ("1920x1080", "16:9"),
        ("1344x576", "21:9"),
        ("1024x768", "4:3"),
        ("9:16", "9:16"),
        ("1023x1024", None),
        ("0x0", None),
        ("2K", None),
        ("1024X1024 ", None),
        ("auto", None),
        ("", None),
        ("9" * 5000 + "x1", None),
    ],
)
def test_a_size_as_aspect(size: str, aspect: str | None) -> None:
    assert aspect_of(size) == aspect

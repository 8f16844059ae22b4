"""What of a payload goes to the bot as its own parameters."""

from typing import Any

import pytest
from marshmallow import Schema, fields

from app.errors import InvalidRequest
from app.schemas.parameters import MAX_ELEMENTS, aspect_of, bot_parameters


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


class Format(Schema):
    size = fields.String()
    extra_body = fields.Raw()


def parameters_of(**payload: Any) -> dict[str, Any]:
    return bot_parameters({"size": "1:1", "extra_body": None, **payload}, Format, ("size",))


def test_what_the_format_does_not_know_is_the_bots() -> None:
    assert parameters_of(mood="dark", extra_body={"seed": 7}) == {
        "size": "1:1",
        "mood": "dark",
        "seed": 7,
    }


def test_elements_are_counted_over_all_parameters() -> None:
    half = [[0] * 10] * (MAX_ELEMENTS // 22 - 1)
    assert parameters_of(a=half, b={"deep": half})["a"] == half
    with pytest.raises(InvalidRequest, match="more than 100,000 elements") as caught:
        parameters_of(a=half, b=half, c={"deep": [[0] * 100]})
    assert caught.value.param == "c"

"""JSON as RFC 8259 defines it, the same by the fast reader and by the lenient one behind it."""

import json
from typing import Any

import pytest

from app.core.strict_json import MAX_DEPTH, loads

SLOW = '["\\ud800", {}]'
"""A lone surrogate, which orjson does not read: so the other reader reads the text."""


def both(text: str) -> list[Any]:
    return [loads(text), loads(text.encode()), loads(SLOW.replace("{}", text))[1]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{}", {}),
        (' [1, -2.5, true, null, "a\\u00e9"] \n', [1, -2.5, True, None, "aé"]),
        ("-9223372036854775808", -(2**63)),
        ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", float(2**64)),
        ("1e308", 1e308),
        ("1e-999", 0.0),
        ('{"a": 1, "a": 2}', {"a": 2}),
    ],
)
def test_json_is_read(text: str, value: Any) -> None:
    for read in both(text):
        assert read == value and type(read) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[1,]", "{'a': 1}", "01", "+1", ".5", "1.", '"\x01"', '"a', "nul", "1 2"),
        *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 400, "9" * 100_000),
    ],
)
def test_all_else_is_refused(text: str) -> None:
    for data in (text, text.encode(), SLOW.replace("{}", text)):
        with pytest.raises(ValueError):
            loads(data)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_the_depth_is_bounded(opening: str, closing: str) -> None:
    def nested(depth: int) -> str:
        return opening * depth + "1" + closing * depth

    assert loads(nested(MAX_DEPTH))
    for depth in (MAX_DEPTH + 1, 5_000, 100_000):
        for text in (nested(depth), SLOW.replace("{}", nested(depth))):
            with pytest.raises(ValueError):
                loads(text)


def test_brackets_are_counted_only_where_they_nest() -> None:
    wide: list[Any] = [[] for _ in range(5_000)]
    assert loads(json.dumps(wide)) == wide
    assert loads(json.dumps("[" * 5_000)) == "[" * 5_000


def test_surrogates_and_encodings() -> None:
    assert loads('"\\ud800"') == "\ud800" == loads('"\ud800"')
    assert loads('"\\ud83d\\ude00"') == "😀"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        assert loads('{"a": "ü"}'.encode(encoding)) == {"a": "ü"}
    for data in (b"\xff", b'"\xff"', b"\xff\xfe"):
        with pytest.raises(ValueError):
            loads(data)

"""Long strings: read in pieces as they are read in one go."""

import json
from typing import Any

import pytest

from app.core import long_strings, strict_json
from app.core.turns import PIECE

LONG = 3 * PIECE
FILE = "QUJD" * (LONG // 4)
PROSE = 'line one\nline "two"\t\\ and ünïcödé 漢字 🎈 ' * (LONG // 40)
QUIET = "no quotation mark, but ünïcödé 漢字 🎈 and\nlines\\ " * (LONG // 40)


def read(text: str) -> tuple[Any, int]:
    """The value, and how many long strings were found in it."""
    data = bytearray(text, "utf-8")
    return long_strings.loads(data, 1), len([*long_strings._long_strings(data)])


@pytest.mark.parametrize("ascii_only", [False, True], ids=["utf-8", "escaped"])
@pytest.mark.parametrize(
    ("value", "found"),
    [
        (FILE, 1),
        ({"model": "m", "messages": [{"content": [{"url": FILE}, {"text": "a"}, QUIET]}]}, 2),
        ({"a": [PROSE, 1.5, None]}, 0),
        ([FILE, "short", FILE], 2),
        ({"text": ": " + FILE}, 1),
        ({FILE: "a long name"}, 1),
        ([FILE[:LONG] + "😀" * PIECE], 1),
    ],
    ids=["bare", "both", "prose", "two", "colon", "name", "pairs"],
)
def test_they_are_read_as_in_one_go(value: Any, found: int, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert read(text) == (value, found)


@pytest.mark.parametrize("text", [FILE, QUIET, FILE + "\n" + QUIET], ids=["file", "prose", "both"])
def test_no_step_reads_more_than_a_piece(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def loads(data: bytes) -> Any:
        sizes.append(len(data))
        return json.loads(data)

    monkeypatch.setattr("app.core.long_strings.orjson.loads", loads)
    assert read(json.dumps([text]))[0] == [text]
    assert max(sizes) <= PIECE + 2


def test_what_is_no_string_is_left_alone() -> None:
    text = '{"numbers": [' + "1, " * PIECE + '1], "end": "x"}'
    value, found = read(text)
    assert found == 1
    assert value == strict_json.loads(text)


def test_of_two_members_of_one_name_the_last_counts() -> None:
    assert read(f'{{"a": "{FILE}", "a": "b"}}') == ({"a": "b"}, 1)


@pytest.mark.parametrize(
    "text",
    [
        f'{{"a": "{FILE}\n"}}',
        f'{{"a": "{FILE}\\x{FILE}"}}',
        f'{{"a": "{FILE}" "b"}}',
        f'{{"a": "{FILE}\\"}}',
        f'{{"a": {FILE}"}}',
        f'{{"a": "{FILE}',
    ],
    ids=["control", "escape", "comma", "end", "beginning", "cut"],
)
def test_what_is_no_json_is_told_as_ever(text: str) -> None:
    with pytest.raises(ValueError) as expected:
        strict_json.loads(text.encode())
    with pytest.raises(ValueError) as found:
        read(text)
    assert str(found.value) == str(expected.value)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(ValueError):
        long_strings.loads(bytearray(f'["{FILE}'.encode() + b"\xff" + f'{FILE}"]'.encode()), 1)


def test_lone_surrogates_are_read_as_ever() -> None:
    text = f'["{FILE}\\ud800{FILE}"]'
    assert read(text)[0] == strict_json.loads(text) == [f"{FILE}\ud800{FILE}"]

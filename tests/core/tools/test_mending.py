"""JSON that is nearly JSON."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.tools.mending import mend, read_json, read_json_lines
from tests.lengths import examples


@pytest.mark.parametrize(
    "text, value",
    [
        ('{"a": 1}', {"a": 1}),
        ('{"a": "x\ny"}', {"a": "x\ny"}),
        ('<![CDATA[{"a": "]"}]]>', {"a": "]"}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ("{&quot;a&quot;: &#49;}", {"a": 1}),
        ('{"a": "&quot;"}', {"a": "&quot;"}),
        ('{"a": NaN}', None),
        ('{"a": 1e999}', None),
        ("[" * 100_000, None),
        ("9" * 5_000, None),
        ('{"a": 1} x', None),
    ],
)
def test_read(text: str, value: Any) -> None:
    assert read_json(text) == value


@pytest.mark.parametrize(
    "text, value, guessed",
    [
        ('{"a": 1,}', {"a": 1}, False),
        ('{"a": [1, 2', {"a": [1, 2]}, False),
        ('{"a": [1, 2}', {"a": [1, 2]}, False),
        ('{"a": 1}}]', {"a": 1}, False),
        ('{"a": True, "b": None, "c": "True"}', {"a": True, "b": None, "c": "True"}, False),
        (r'{"a": "\d \' \u12 \n"}', {"a": "\\d ' \\u12 \n"}, False),
        (r'{"a": "if x[\"y\": [1, \"z\"]"', {"a": 'if x["y": [1, "z"]'}, False),
        ('{"a": "say "hi" now", "b": 1}', {"a": 'say "hi" now', "b": 1}, True),
        ("{'a': 'it\\'s', 'b': (1, None)}", {"a": "it's", "b": [1, None]}, True),
        ("{a: 1}", {"a": 1}, True),
        ('{"a": "b" "c": 1}', {"a": "b", "c": 1}, True),
        ("words", None, False),
        ("", None, False),
    ],
)
def test_mend(text: str, value: Any, guessed: bool) -> None:
    assert mend(text) == (value, guessed)


def test_lines() -> None:
    assert read_json_lines(' {"a": 1}\n{"b": 2}, [3] ') == [{"a": 1}, {"b": 2}, [3]]
    assert read_json_lines('{"a": 1} and {"b": 2}') is None


@given(st.text(alphabet="{}[]\"':,\\ a1\ntTrue/*#`<&;-.e()"))
@settings(max_examples=examples(1000), deadline=None)
def test_nothing_raises(text: str) -> None:
    read_json("{" + text)
    read_json_lines(text)
    mend("{" + text)

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
        ("{'a': 'it's', 'b': 1}", {"a": "it's", "b": 1}, True),
        ("{a: src/a.ts}", {"a": "src/a.ts"}, True),
        ('{"a": """x "y" z""", // why\n"b": 1}', {"a": 'x "y" z', "b": 1}, False),
        ("words", None, False),
        ("", None, False),
    ],
)
def test_mend(text: str, value: Any, guessed: bool) -> None:
    assert mend(text) == (value, guessed)


@pytest.mark.parametrize(
    "text",
    [
        '{"path": "a", "content": ',
        '{"path": "a", "content": }',
        '{"path": "a", "content":, "x": 1}',
        '{"path": "a", "content"}',
        '{"path": "a", "content',
        '{"path": "a", "content": "half',
        '{"path": "a", "content": "half}',
        '{"path": "a", "content": ...}',
        '{"path": "a", "content": undefined}',
        "{'path': 'a', 'content': 'half}",
        '{"a" 1}',
    ],
)
def test_nothing_is_invented(text: str) -> None:
    assert mend(text) == (None, False)


@pytest.mark.parametrize(
    "written, read",
    [
        ("C:\\Users\\new\\test.txt", "C:\\Users\\new\\test.txt"),
        ("C:\\temp\\new.txt", "C:\\temp\\new.txt"),
        ("C:\\users\\new", "C:\\users\\new"),
        ("C:\\dir\\", "C:\\dir\\"),
        ("\\\\server\\share\\new.txt", "\\\\server\\share\\new.txt"),
        ("C:\\\\Users\\\\new", "C:\\Users\\new"),
        ("Q:\\nWhy?", "Q:\nWhy?"),
        ("type C:\\Users\\x", "type C:\\Users\\x"),
        ("a\\nC:\\Users\\n", "a\nC:\\Users\n"),
    ],
)
def test_paths_of_windows(written: str, read: str) -> None:
    text = f'{{"a": "{written}"}}'
    value = read_json(text)
    assert (mend(text)[0] if value is None else value) == {"a": read}


def test_lines() -> None:
    assert read_json_lines(' {"a": 1}\n{"b": 2}, [3] ') == [{"a": 1}, {"b": 2}, [3]]
    assert read_json_lines('{"a": 1} and {"b": 2}') is None


@given(st.text(alphabet="{}[]\"':,\\ a1\ntTrue/*#`<&;-.e()"))
@settings(max_examples=examples(1000), deadline=None)
def test_nothing_raises(text: str) -> None:
    read_json("{" + text)
    read_json_lines(text)
    mend("{" + text)

"""The search for marks: made of what the notations say."""

import pytest

from app.core.tools.notations.notation import Notation
from app.core.tools.notations.offered import OfferedTools
from app.core.tools.notations.registry import FENCED, NOTATIONS, MarkSearch
from tests.core.tools.offered import TOOLS

MARKS = [
    (notation, mark.replace("{tool}", "get_weather"))
    for notation in (*NOTATIONS, FENCED)
    for mark in notation.marks
]
SEARCH = MarkSearch(OfferedTools(TOOLS))


@pytest.mark.parametrize("notation, mark", MARKS)
def test_each_mark_is_found_and_waited_for(notation: Notation, mark: str) -> None:
    text = f"a {mark}"
    found = SEARCH.find(text + " \n", 0)
    assert found is not None and (found.kind, found.mark, found.start) == (notation, mark, 2)
    for end in range(1, len(mark)):
        assert SEARCH.settled(text[: 2 + end], 0) == 2


@pytest.mark.parametrize(
    "text", ["a < b", "<div>", "</p>", "a `b`", "[x](y)", "<get_weath>", "f[0]"]
)
def test_other_texts_hold_no_mark(text: str) -> None:
    assert SEARCH.find(text, 0) is None


def test_a_mark_that_may_become_a_longer_one_is_waited_for() -> None:
    assert SEARCH.settled("a <function", 0) == 2
    assert SEARCH.settled("a ```", 0) == 2


def test_the_tags_of_tools_are_those_of_the_offered() -> None:
    assert SEARCH.settled("<get_wea", 0) == SEARCH.settled("<get_weather ", 0) == 0
    assert SEARCH.settled("<get_weapon", 0) == 11
    found = SEARCH.find("<a><ping/>", 0)
    assert found is not None and found.is_tool and found.mark == "<ping/>"

"""All notations, and the search for what opens them.

A new notation is a module that ends in its ``NOTATION``, and its line here. The search, and what is
held back while it may become a mark, are made of the marks.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from app.core.stages.reasoning import THOUGHT_MARKS
from app.core.tools.notations import (
    fenced,
    gemma,
    harmony,
    kimi_k3,
    lists,
    minimax,
    sections,
    tagged,
    tool_tags,
    whole_answer,
)
from app.core.tools.notations.notation import Notation
from app.core.tools.notations.offered import OfferedTools
from app.core.tools.notations.tags import NAMESPACES

NOTATIONS = (
    tagged.NOTATION,
    sections.NOTATION,
    kimi_k3.NOTATION,
    lists.NOTATION,
    gemma.NOTATION,
    harmony.NOTATION,
    minimax.NOTATION,
    tool_tags.NOTATION,
)
FENCED = fenced.NOTATION
WHOLE_ANSWER = whole_answer.NOTATION
"""Looked for at the beginning of an answer only."""

RESULT_MARKS = (
    *(
        f"<{namespace}{name}{end}"
        for namespace in ("", *NAMESPACES)
        for name in (
            *("tool_result", "tool_results", "tool_response"),
            *("function_result", "function_results"),
        )
        for end in "> \n"
    ),
    *("<|tool_response>", "<start_function_response>", "<｜tool▁outputs▁begin｜>"),
)
"""What opens a tool's result. A model that writes one makes it up."""

THOUGHTS = {
    **dict(THOUGHT_MARKS),
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "<|channel|>analysis": "<|end|>",
}
"""What opens and closes thoughts within an answer. No call is looked for in them."""

Kind = Notation | Literal["closing", "result", "thought"]


@dataclass(frozen=True, slots=True)
class Opening:
    """A mark found in a text: where it begins and ends."""

    kind: Kind
    mark: str
    start: int
    end: int
    is_tool: bool = False


class MarkSearch:
    """The search for the marks of all notations, and for the tags of the offered tools."""

    def __init__(self, tools: OfferedTools) -> None:
        self._tools = tools

    def find(self, text: str, at: int) -> Opening | None:
        """The first mark from an index on."""
        while found := _SEARCH.search(text, at):
            if opening := self._opening(found):
                return opening
            at = found.end()
        return None

    def find_at(self, text: str, at: int) -> Opening | None:
        """The mark that begins at an index."""
        found = _SEARCH.match(text, at)
        return self._opening(found) if found else None

    def _opening(self, found: re.Match[str]) -> Opening | None:
        mark, name = found[0], found["tool"]
        if name is None:
            return Opening(_KINDS[mark.rstrip("`~") or mark[:3]], mark, found.start(), found.end())
        if name not in self._tools.by_name:
            return None
        return Opening(_TOOL_TAGS, mark, found.start(), found.end(), is_tool=True)

    def settled(self, text: str, at: int) -> int:
        """Up to where no mark can begin any more, nor a longer one than what is there."""
        for found in MARK_BEGINS.finditer(text, max(at, len(text) - MAX_MARK_CHARS)):
            start = found.start()
            half = text[start:]
            if half in _HALVES:
                return start
            if half[0] in "`~" and _HALF_RUN.match(half):
                return start
            if half[0] == "<" and self._is_half_tool(text, start):
                return start
        return len(text)

    def _is_half_tool(self, text: str, start: int) -> bool:
        half = _HALF_TOOL.match(text, start)
        if half is None:
            return False
        if half["rest"]:
            return half["name"] in self._tools.by_name
        names = self._tools.names
        place = bisect_left(names, half["name"])
        return place < len(names) and names[place].startswith(half["name"])


_TOOL = "{tool}"
_TOOL_TAGS = next(n for n in NOTATIONS if any(_TOOL in mark for mark in n.marks))


def _kinds() -> dict[str, Kind]:
    """What each mark is; the first that has it counts."""
    kinds: dict[str, Kind] = {}
    for notation in (*NOTATIONS, FENCED):
        for mark in notation.marks:
            if _TOOL not in mark:
                kinds.setdefault(mark, notation)
    for mark in THOUGHTS:
        kinds.setdefault(mark, "thought")
    for mark in RESULT_MARKS:
        kinds.setdefault(mark, "result")
    for mark in (*(mark for n in NOTATIONS for mark in n.closing), *THOUGHTS.values()):
        kinds.setdefault(mark, "closing")
    return kinds


def _trie_pattern(texts: Iterable[str]) -> str:
    """A pattern that matches the longest of the texts in one pass over its characters."""
    branches: dict[str, list[str]] = {}
    for text in texts:
        branches.setdefault(text[:1], []).append(text[1:])
    ends = branches.pop("", None) is not None
    either = "|".join(re.escape(char) + _trie_pattern(rest) for char, rest in branches.items())
    if not either:
        return ""
    return f"(?:{either})?" if ends else f"(?:{either})"


def _beginnings(marks: Iterable[str]) -> str:
    """A pattern of the first characters, each before one with which its marks go on."""
    seconds: dict[str, str] = {"<": r"\w.-"}  # tags of tools
    for mark in marks:
        seconds[mark[0]] = seconds.get(mark[0], "") + re.escape(mark[1])
    return "|".join(rf"{re.escape(first)}(?=[{rest}]|\Z)" for first, rest in seconds.items())


_KINDS = _kinds()
MAX_MARK_CHARS = max(140, *map(len, _KINDS))
_HALVES = frozenset(mark[:end] for mark in _KINDS for end in range(1, len(mark)))
MARK_BEGINS = re.compile(_beginnings(_KINDS))
"""What a text must have where a mark begins in it."""
_RUNS = "`{3,100}|~{3,100}"  # A fence may have more than three marks.
_SEARCH = re.compile(rf"{_RUNS}|{_trie_pattern(_KINDS)}|<(?P<tool>[\w.-]{{1,128}})\s{{0,4}}/?>")
_HALF_RUN = re.compile(r"(?:`+|~+)\Z")
_HALF_TOOL = re.compile(r"<(?P<name>[\w.-]{0,128})(?P<rest>\s{0,4}/?)\Z")

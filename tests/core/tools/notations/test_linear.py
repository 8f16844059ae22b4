"""No text takes the reader more than linear time, in large pieces or small."""

import time

import pytest

from app.core.tools.notations.reader import CallReader
from tests.core.tools.offered import TOOLS

MEGABYTE = 1_000_000
SMALL_PIECE = 10

# (name, what comes first, what comes again and again, what comes last)
TEXTS = [
    ("less than", "", "<", ""),
    ("openings", "", "<tool_call>", ""),
    ("half tags", "", "<tool_cal", ""),
    ("openings without an end", "", "<tool_call ", ""),
    ("fences", "", "```", ""),
    ("fenced openings", "", "```xml\n<tool_call>", ""),
    ("blanks", "", " ", ""),
    ("nested on lines", "", '\n<tool_call>{"a": "', ""),
    ("nested, three deep", "", '\n<tool_calls><tool_call><invoke name="f"><parameter=a>', ""),
    ("never closed", '<tool_call>{"name": "ping", "arguments": {"a": "', "x> ", ""),
    ("never closed, raw", "<tool_call><name>ping</name><arguments>x", "a>b< ", ""),
    ("closing in vain", '<tool_call>{"a": "', "</tool_call>", ""),
    ("ending values in vain", '<invoke name="f"><parameter name="a">', "</parameter> ", ""),
    ("strings opened", "", '<tool_call>{"</tool_call>\n', ""),
    ("brackets", "<tool_call>", "[", "</tool_call>"),
    ("quotes", "<tool_call>{", '"', "}</tool_call>"),
    ("backslashes", '<tool_call>{"', "\\", "</tool_call>"),
    ("calls", "", '<tool_call>{"name": "ping"}</tool_call>', ""),
    (
        "broken calls",
        "",
        "<tool_call><name>ping</name><arguments>{'a' 1}</arguments></tool_call>",
        "",
    ),
    ("elements", "<tool_call><name>ping</name><arguments>", "<a>b</a>", "</arguments></tool_call>"),
    # Each of these takes json_repair minutes.
    ("json_repair's bane", "<tool_call>{'\\true,", "{a*/]a", "</tool_call>"),
    ("its other bane", "<tool_call>{", "{-\\n]", "</tool_call>"),
]


def seconds(text: str, size: int) -> float:
    """Processor time: the machine may be busy with other things."""
    reader = CallReader(TOOLS)
    start = time.process_time()
    for at in range(0, len(text), size):
        reader.feed(text[at : at + size])
    reader.close()
    return time.process_time() - start


@pytest.mark.parametrize("size", [SMALL_PIECE, MEGABYTE * 2], ids=["small pieces", "one piece"])
@pytest.mark.parametrize(
    "before, again, after", [row[1:] for row in TEXTS], ids=[t[0] for t in TEXTS]
)
def test_a_megabyte(before: str, again: str, after: str, size: int) -> None:
    def text(length: int) -> str:
        return before + again * (length // len(again)) + after

    def grows_evenly() -> bool:
        whole = seconds(text(MEGABYTE), size)
        assert whole < 3
        return whole < 0.5 or whole < 3 * seconds(text(MEGABYTE // 2), size)

    # Others on the machine take its caches at times; what grows by the square never passes.
    assert any(grows_evenly() for _ in range(3))


def test_what_json_repair_takes_seconds_for_is_bounded() -> None:
    for nasty in ["{'\\true," + "{a*/]a" * 20_000, "{" + "{-\\n]" * 20_000]:
        text = f"<tool_call><name>ping</name><arguments>{nasty}</arguments></tool_call>"
        assert seconds(text * 3, MEGABYTE) < 3


def test_plain_text_costs_next_to_nothing() -> None:
    reader = CallReader(TOOLS)
    start = time.process_time()
    for _ in range(100_000):
        reader.feed(" word")
    assert time.process_time() - start < 0.5

"""No text takes the reader more than linear time, in large pieces or small."""

import time

import pytest

from app.core.tools.notations.notation import Notation
from app.core.tools.notations.reader import CallReader
from app.core.tools.notations.registry import NOTATIONS
from tests.core.tools.offered import TOOLS
from tests.lengths import FULL

pytestmark = pytest.mark.lengths

LONG = 1_000_000 if FULL else 60_000
"""Characters: enough to tell a line from a square."""
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
    ("nested wrappers", "", "<tool_calls>", ""),
    ("nested members", "", '{"function":', ""),
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
    ("broken JSON", "<tool_call>{'\\true,", "{a*/]a", "</tool_call>"),
    ("broken otherwise", "<tool_call>{", "{-\\n]", "</tool_call>"),
]


def seconds(text: str, size: int) -> float:
    """Processor time: the machine may be busy with other things."""
    reader = CallReader(TOOLS)
    start = time.process_time()
    for at in range(0, len(text), size):
        reader.feed(text[at : at + size])
    reader.close()
    return time.process_time() - start


@pytest.mark.parametrize("size", [SMALL_PIECE, LONG * 2], ids=["small pieces", "one piece"])
@pytest.mark.parametrize(
    "before, again, after", [row[1:] for row in TEXTS], ids=[t[0] for t in TEXTS]
)
def test_long_texts(before: str, again: str, after: str, size: int) -> None:
    def text(length: int) -> str:
        return before + again * (length // len(again)) + after

    def grows_evenly() -> bool:
        whole = seconds(text(LONG), size)
        return whole < 0.05 or whole < 3 * seconds(text(LONG // 2), size)

    # Others on the machine take its caches at times; what grows by the square never passes.
    assert any(grows_evenly() for _ in range(3))


# Blocks that never end, by notation, and what may be repeated in them.
BEGUN = {
    "Claude": '<invoke name="get_weather"><parameter name="city">',
    "Qwen's coders": "<tool_call>\n<function=get_weather>\n<parameter=city>\n",
    "GLM": "<tool_call>get_weather<arg_key>city</arg_key><arg_value>",
    "DSML": '<｜DSML｜invoke name="get_weather"><｜DSML｜parameter name="city" string="true">',
    "DeepSeek": '<｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{"city": "',
    "Kimi K2": '<|tool_call_begin|>get_weather:0<|tool_call_argument_begin|>{"city": "',
    "Kimi K3": '<|open|>call tool="ping"<|sep|><|open|>argument key="a"<|sep|>',
    "Mistral": '[TOOL_CALLS]get_weather[ARGS]{"city": "',
    "a list": '<|tool_call|>[{"name": "get_weather", "arguments": {"city": "',
    "Python": '<|python_start|>[get_weather(city="',
    "Gemini": '```tool_code\nget_weather(city="',
    "Gemma": '<|tool_call>call:get_weather{city:<|"|>',
    "harmony": '<|channel|>commentary to=functions.get_weather<|message|>{"city": "',
    "MiniMax, arrows": '[TOOL_CALL]{tool => "get_weather", args => {--city "',
    "MiniMax M3": ']<]minimax[>[<tool_call>]<]minimax[>[<invoke name="get_weather">',
    "Cline": "<get_weather>\n<city>",
    "bare JSON": '{"name": "get_weather", "arguments": {"city": "',
    "a bare list": '[get_weather(city="',
    "thoughts": "<think>",
    "a quotation": "> `",
}
REPEATED = [
    *("x ", "\n", '"', "'", "\\", "`", "<", "{", "[", "](", "</parameter>\n", "<parameter=days>"),
    *("\n<tool_call>", "</tool_call>", "<arg_key>", "</arg_value>", "<|", "]<]minimax[>[<a>"),
    *('<|"|>', "--a ", "[TOOL_CALL]", "</think>", "```\n", "<|close|>argument<|sep|>"),
]
SHORT = 60_000 if FULL else 15_000


@pytest.mark.parametrize("begun", BEGUN.values(), ids=BEGUN)
def test_no_notation_is_slow(begun: str) -> None:
    """What takes quadratic time takes seconds of these."""
    for again in REPEATED:
        assert seconds(begun + again * (SHORT // len(again)), SMALL_PIECE) < SHORT / 5_000, again


@pytest.mark.parametrize("notation", NOTATIONS, ids=[n.read.__module__ for n in NOTATIONS])
def test_no_mark_is_slow(notation: Notation) -> None:
    for mark in notation.marks:
        assert seconds(mark * (SHORT // len(mark) // 4), SMALL_PIECE) < 5, mark


def test_plain_text_costs_next_to_nothing() -> None:
    reader = CallReader(TOOLS)
    start = time.process_time()
    for _ in range(100_000):
        reader.feed(" word")
    assert time.process_time() - start < 2  # a tenth of it where nothing else runs

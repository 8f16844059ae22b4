"""What models write (``corpus``), through the stage that reads calls: whole and in pieces.

Three promises: what is a call is found as it was meant, what is none comes out unharmed and without
delay, and nothing that was cut off becomes a call of something else.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from app.core.conversation import Message, Query, Text, ToolSpec
from app.core.events import Batch, ReasoningDelta, TextDelta, ToolCallDelta, flatten
from app.core.tools.prompted import PromptedAdapter
from tests.core.tools.corpus import TOOLS, Entry, Plain, call, entries, texts
from tests.core.tools.corpus.grammars import EXACT, RAW, WHOLE, Calls, Writer
from tests.lengths import FULL

pytestmark = pytest.mark.lengths

EVERY_OFFSET = 400 if FULL else 100
"""Texts up to this length are split at each offset, longer ones at a quarter as many."""
MAX_HELD = {"plain": 32, "flows": 120}
"""How many characters the stage may hold back, without white space at the beginning. A mark is at
most 30 long; behind it comes a name of up to 64, by which it is known to be none."""
TAIL = "\n\nAfter that comes nothing but plain words, a whole lot of them, without any mark." * 4


@dataclass(frozen=True, slots=True)
class Found:
    """What came out. ``calls`` in the form of the corpus."""

    text: str
    calls: tuple[str, ...]
    reasoning: str = ""


def stage(pieces: Iterable[str], tools: tuple[ToolSpec, ...]) -> Iterator[Batch]:
    query = Query("m", "b", (Message("user", (Text("Go."),)),), tools)
    return PromptedAdapter().parse(([TextDelta(piece)] for piece in pieces), query)


def read(*pieces: str, tools: tuple[ToolSpec, ...] = TOOLS) -> Found:
    texts, thoughts, calls = [], [], []
    for event in flatten(stage(pieces, tools)):
        match event:
            case TextDelta(text):
                texts.append(text)
            case ReasoningDelta(text):
                thoughts.append(text)
            case ToolCallDelta(name=str(name), custom=custom):
                arguments = event.arguments if custom else json.loads(event.arguments)
                calls.append(call(name, arguments))
    return Found("".join(texts), tuple(calls), "".join(thoughts))


def offsets(text: str) -> range:
    step = 1 if len(text) <= EVERY_OFFSET else len(text) // (EVERY_OFFSET // 4)
    return range(1, len(text), step)


def words(text: str) -> str:
    """With one blank for each run of white space: how many there are is not asserted."""
    return " ".join(text.split())


def assert_pieces_change_nothing(text: str, tools: tuple[ToolSpec, ...]) -> None:
    whole = read(text, tools=tools)
    assert read(*text, tools=tools) == whole, "one by one"
    for at in offsets(text):
        assert read(text[:at], text[at:], tools=tools) == whole, f"{text[:at]!r} | {text[at:]!r}"


def assert_nothing_is_invented(
    text: str, cuts: Iterable[int], tools: tuple[ToolSpec, ...], *meant: tuple[str, ...]
) -> None:
    """A text that is cut off calls the first of what was meant, as it was meant, or nothing."""
    for at in cuts:
        found = read(text[:at], tools=tools).calls
        assert any(found == calls[: len(found)] for calls in meant), f"{text[:at]!r}: {found}"


def assert_it_flows(text: str, most: int) -> None:
    """Nothing but ``most`` characters at the end, and white space before them, is held back."""
    written = 0

    def one_by_one() -> Iterator[str]:
        nonlocal written
        for written, char in enumerate(text, 1):  # noqa: B007
            yield char

    given_out = ""
    for batch in stage(one_by_one(), TOOLS):
        given_out += "".join(event.text for event in batch if isinstance(event, TextDelta))
        held = text[len(given_out) : written].lstrip()
        assert len(held) <= most, f"held back: {held!r}"
    assert given_out == text


def rows(*kinds: str, without: tuple[str, ...] = ()) -> pytest.MarkDecorator:
    """The texts of these kinds that hold none of the marks."""
    chosen = [
        pytest.param(plain, id=plain.id)
        for plain in texts()
        if plain.kind in kinds and not any(mark in plain.write for mark in without)
    ]
    return pytest.mark.parametrize("plain", chosen)


each_entry = pytest.mark.parametrize("entry", [pytest.param(e, id=e.id) for e in entries()])


class TestCalls:
    @each_entry
    def test_they_are_found(self, entry: Entry) -> None:
        found = read(entry.write, tools=entry.tools)
        assert found.calls in (entry.calls, entry.or_calls)
        if entry.reasoning:
            assert (entry.reasoning in found.text) != (entry.reasoning in found.reasoning)
            assert words(found.text).endswith(words(entry.text))
        elif not entry.lenient_text:
            assert words(found.text) == words(entry.text)
            assert found.text.strip() or not found.text, "white space alone is left"

    @each_entry
    def test_pieces_change_nothing(self, entry: Entry) -> None:
        assert_pieces_change_nothing(entry.write, entry.tools)

    @pytest.mark.parametrize("entry", [pytest.param(e, id=e.id) for e in entries() if e.cut])
    def test_cut_off_nothing_is_invented(self, entry: Entry) -> None:
        meant = (entry.calls, entry.or_calls)
        assert_nothing_is_invented(entry.write, offsets(entry.write), entry.tools, *meant)

    @pytest.mark.parametrize("family", sorted({entry.id.split(":")[0] for entry in entries()}))
    def test_without_tools_nothing_is_called(self, family: str) -> None:
        for entry in entries():
            if entry.id.startswith(f"{family}:"):
                assert read(entry.write, tools=()) == Found(entry.write, ())


class TestTexts:
    def test_there_are_enough(self) -> None:
        assert len({plain.write for plain in texts()}) == len(texts()) >= 200

    @rows("plain", "flows", "held")
    def test_they_come_out_unharmed(self, plain: Plain) -> None:
        assert read(plain.write) == Found(plain.write, ())

    @rows("plain", "flows", "held", "broken")
    def test_pieces_change_nothing(self, plain: Plain) -> None:
        assert_pieces_change_nothing(plain.write, TOOLS)

    @rows("plain", "flows")
    def test_they_flow(self, plain: Plain) -> None:
        assert_it_flows(plain.write + TAIL, MAX_HELD[plain.kind])

    @rows("broken")
    def test_nothing_is_made_of_what_is_broken(self, plain: Plain) -> None:
        assert read(plain.write).calls == ()

    @rows("plain", "flows", without=("`", "<think"))
    def test_a_call_after_them_is_found(self, plain: Plain) -> None:
        """Not after what may hold the call: an open fence, quotation or thought."""
        text = f"{plain.write}\n\n{PING}"
        found = read(text)
        assert found.calls == (call("ping", {}),)
        assert words(found.text) == words(plain.write)


PING = '<tool_call>{"name": "ping", "arguments": {}}</tool_call>'

NAMES = st.from_regex(r"do_[a-z0-9]{1,8}", fullmatch=True)
KEYS = st.from_regex(r"x_[a-z0-9]{1,6}", fullmatch=True)
MARKS = st.sampled_from(
    ["</tool_call>", "<tool_call>", "<｜tool▁call▁end｜>", "[/TOOL_CALL]", "<|call|>", "```", "`"]
    + ["<|tool_call_end|>", "]", "}}", ")", '"', "'", "\\", "\n", "[TOOL_CALLS]", "<think>"]
)
ANY_TEXT = st.lists(st.text(st.characters(codec="utf-8"), max_size=6) | MARKS, max_size=4).map(
    "".join
)
RAW_TEXT = (
    st.text("abcXYZ019 .,;:!?'/\\()[]{}#@*+=_-\n\"éß日🦊", max_size=24).map(str.strip).filter(bool)
)
FLAT = st.integers(-(10**6), 10**6) | st.booleans()
TYPES = {str: "string", int: "integer", bool: "boolean", list: "array", dict: "object"}


def values(strings: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    lists = st.lists(strings, max_size=3)
    members = FLAT | strings | lists
    return strings | FLAT | lists | st.dictionaries(KEYS, members, max_size=3)


def written_calls(strings: st.SearchStrategy[str]) -> st.SearchStrategy[Calls]:
    """Up to three calls of different tools, with at least one argument each."""
    arguments = st.dictionaries(KEYS, values(strings), min_size=1, max_size=3)
    return st.dictionaries(NAMES, arguments, min_size=1, max_size=3).map(
        lambda calls: list(calls.items())
    )


def offered(calls: Calls) -> tuple[ToolSpec, ...]:
    """Tools whose schemas say what the arguments are."""
    return tuple(
        ToolSpec(
            name,
            parameters={
                "type": "object",
                "properties": {key: {"type": TYPES[type(value)]} for key, value in given.items()},
            },
        )
        for name, given in calls
    )


def meant(calls: Calls) -> tuple[str, ...]:
    return tuple(call(name, arguments) for name, arguments in calls)


def grammars(**strings: st.SearchStrategy[str]) -> pytest.MarkDecorator:
    """Every notation of the groups, with the strings that it can say."""
    groups = {"EXACT": EXACT, "RAW": RAW, "WHOLE": WHOLE}
    chosen = [
        pytest.param(write, written_calls(texts), id=name)
        for group, texts in strings.items()
        for name, write in groups[group].items()
    ]
    return pytest.mark.parametrize("write, calls", chosen)


FRAGMENTS = st.sampled_from(
    ["<tool_call>", "</tool_call>", "<tool_calls>", "<function_calls>", '<invoke name="do">']
    + ["</invoke>", "<function=do>", "</function>", "<parameter=k>", '<parameter name="k">']
    + ["</parameter>", "<name>do</name>", "<arguments>", "</arguments>", "<arg_key>", "<arg_value>"]
    + ["</arg_key>", "</arg_value>", "<seed:tool_call>", "<minimax:tool_call>", "<tool_name>"]
    + ["<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>"]
    + [
        "<｜DSML｜tool_calls>",
        '<｜DSML｜invoke name="do">',
        "</｜DSML｜invoke>",
        "<|DSML|",
        "<｜｜DSML",
    ]
    + ["<|tool_calls_section_begin|>", "<|tool_call_begin|>", "<|tool_call_argument_begin|>"]
    + [
        "<|tool_call_end|>",
        "<|open|>tools<|sep|>",
        '<|open|>call tool="do"',
        "<|close|>call<|sep|>",
    ]
    + ["[TOOL_CALLS]", "[ARGS]", "[CALL_ID]", "<|python_tag|>", "<|python_start|>", "[do(", ")]"]
    + ["```tool_code\n", "```", "```json\n", "`", "print(", "default_api.do(", "<|tool_call>"]
    + [
        "call:do{",
        "<tool_call|>",
        '<|"|>',
        "<|channel|>",
        "commentary",
        " to=functions.do",
        "<|call|>",
    ]
    + ["<|end|>", "[TOOL_CALL]", '{tool => "do", args => {', "}}", "[/TOOL_CALL]", "]<]minimax[>["]
    + ["<|tool_call|>", "functools[", '<call_record tool="do">', "</call_record>", "<do>", "</do>"]
    + [
        '{"name": "do", "arguments": {',
        '"k": "v"',
        "{",
        "}",
        "[",
        "]",
        "<",
        ">",
        "|",
        "｜",
        "do",
        "k",
    ]
    + [" ", "\n", "\n\n", ", ", "and", "is a mark", "x = 1", "1", '"']
)

ALL = {"EXACT": ANY_TEXT, "RAW": RAW_TEXT, "WHOLE": ANY_TEXT}
MARKED = {"EXACT": ANY_TEXT, "RAW": RAW_TEXT}


# Without shrinking, for examples are small, and a reader that is broken breaks dozens of tests.
FEW = settings(max_examples=8, deadline=None, phases=[Phase.generate])


class TestGrammars:
    @settings(max_examples=60, deadline=None, phases=[Phase.generate])
    @given(st.lists(FRAGMENTS, min_size=1, max_size=20), st.data())
    def test_marks_in_any_order_without_an_offered_tool_are_text(
        self, fragments: list[str], data: st.DataObject
    ) -> None:
        text = "".join(fragments)
        assert read(text) == Found(text, ())
        at = data.draw(st.integers(0, len(text)))
        assert read(text[:at], text[at:]) == Found(text, ())
        assert read(*text) == Found(text, ())

    @grammars(**ALL)
    @FEW
    @given(data=st.data())
    def test_what_is_written_is_read(
        self, write: Writer, calls: st.SearchStrategy[Calls], data: st.DataObject
    ) -> None:
        drawn = data.draw(calls)
        text, tools = write(drawn), offered(drawn)
        assert read(text, tools=tools) == Found("", meant(drawn))
        cuts = data.draw(st.lists(st.integers(1, len(text) - 1), min_size=3, max_size=3))
        first, second = sorted(cuts[:2])
        pieces = (text[:first], text[first:second], text[second:])
        assert read(*pieces, tools=tools) == Found("", meant(drawn))
        assert_nothing_is_invented(text, cuts, tools, meant(drawn))

    @grammars(**MARKED)
    @FEW
    @given(data=st.data())
    def test_prose_around_it_stays(
        self, write: Writer, calls: st.SearchStrategy[Calls], data: st.DataObject
    ) -> None:
        drawn = data.draw(calls)
        found = read(f"I do it.\n\n{write(drawn)}\n\nDone.", tools=offered(drawn))
        assert (words(found.text), found.calls) == ("I do it. Done.", meant(drawn))

    @grammars(WHOLE=RAW_TEXT)
    @FEW
    @given(data=st.data())
    def test_without_a_mark_it_is_the_whole_answer_or_no_call(
        self, write: Writer, calls: st.SearchStrategy[Calls], data: st.DataObject
    ) -> None:
        drawn = data.draw(calls)
        for text in (f"I do it.\n\n{write(drawn)}", f"{write(drawn)}\n\nDone."):
            assert read(text, tools=offered(drawn)) == Found(text, ())

    @grammars(**ALL)
    @FEW
    @given(data=st.data())
    def test_a_tool_that_is_not_offered_is_text(
        self, write: Writer, calls: st.SearchStrategy[Calls], data: st.DataObject
    ) -> None:
        text = write(data.draw(calls))
        assert read(text) == Found(text, ())

    @grammars(**ALL)
    @FEW
    @given(data=st.data())
    def test_between_backticks_it_is_text(
        self, write: Writer, calls: st.SearchStrategy[Calls], data: st.DataObject
    ) -> None:
        drawn = data.draw(calls)
        text = write(drawn).replace("`", "").replace("\n", " ")
        text = f"One writes `{text}` for it."
        assert read(text, tools=offered(drawn)) == Found(text, ())

"""The streaming reader: what models write, in pieces of every size."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.tools.notations.calls import Call
from app.core.tools.notations.reader import CallReader, ForgedResult
from tests.core.tools.notations.writings import CALLED_AT_THE_END, WRITINGS
from tests.core.tools.offered import TOOLS, Found
from tests.lengths import examples

PIECES = st.lists(
    st.sampled_from(
        "< > / \" ' { } [ ] : , = \\ ` ``` &quot; a".split(" ")
        + [" ", "\n", "```xml\n", "<tool_call>", "</tool_call>", "<tool_calls>", "tool_call>"]
        + ["<name>ping</name>", "<name>get_weather</name>", "<name>fly</name>", "<name>"]
        + ["<arguments>", "</arguments>", '{"city": "x"}', '{"days": "1"', "<![CDATA[", "]]>"]
        + ['{"name": "ping"}', '{"name": "get_weather", "arguments": {"city": "']
        + ['"}}']
        + ["<function_calls>", "</function_calls>", '<invoke name="ping">', "</invoke>"]
        + ['<invoke name="get_weather">', '<parameter name="city">', "</parameter>"]
        + ["<function=ping>", "<parameter=city>", "</function>", "<tool_result>", "<tool_res"]
        + ["<tool_call>ping", "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>"]
    ),
    max_size=24,
)


def find(*pieces: str) -> list[Found]:
    """What is found, texts that follow each other as one, up to a forged result."""
    reader = CallReader(TOOLS)
    found = [each for piece in pieces for each in reader.feed(piece)] + reader.close()
    joined: list[Found] = []
    for each in found:
        if isinstance(each, ForgedResult):
            break
        if isinstance(each, Call):
            assert each.custom == (each.name == "patch")
            joined.append((each.name, each.arguments))
        elif joined and isinstance(joined[-1], str):
            joined[-1] += each
        else:
            joined.append(each)
    return joined


def test_it_works() -> None:
    assert find("a <tool_call><name>ping</name></tool_call>") == ["a", ("ping", "{}")]


def rows(*, below: int = 10**6) -> pytest.MarkDecorator:
    chosen = [row for row in WRITINGS if len(row[1]) < below]
    return pytest.mark.parametrize(
        "text, found", [row[1:] for row in chosen], ids=[row[0] for row in chosen]
    )


@rows()
def test_whole(text: str, found: list[Found]) -> None:
    assert find(text) == found


@rows()
def test_split_at_every_offset(text: str, found: list[Found]) -> None:
    for at in range(len(text) + 1):
        assert find(text[:at], text[at:]) == found
    assert find(*text) == found


@rows(below=80)
def test_split_at_every_two_offsets(text: str, found: list[Found]) -> None:
    for first in range(len(text) + 1):
        for second in range(first, len(text) + 1):
            assert find(text[:first], text[first:second], text[second:]) == found


@rows()
def test_a_call_is_given_as_soon_as_its_block_is_complete(text: str, found: list[Found]) -> None:
    reader = CallReader(TOOLS)
    calls = [each for each in reader.feed(text) if isinstance(each, Call)]
    late = any(isinstance(each, Call) for each in reader.close())
    assert late == (text in CALLED_AT_THE_END)
    assert late or len(calls) == sum(isinstance(each, tuple) for each in found)


@given(PIECES, st.lists(st.integers(0, 200), max_size=6))
@settings(max_examples=examples(1500), deadline=None)
def test_streamed_is_whole(pieces: list[str], cuts: list[int]) -> None:
    text = "".join(pieces)
    whole = find(text)
    ends = sorted(min(cut, len(text)) for cut in cuts)
    split = [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]
    assert find(*split) == whole
    assert find(*pieces) == whole


@given(PIECES)
@settings(max_examples=examples(1000), deadline=None)
def test_without_a_call_no_byte_changes(pieces: list[str]) -> None:
    found = find("".join(pieces))
    if not any(isinstance(each, tuple) for each in found):
        assert "".join(map(str, found)) == "".join(pieces)


@given(st.text())
def test_any_text_is_text(text: str) -> None:
    assert "".join(map(str, find(text))) == text


@given(st.text(alphabet="<>/\"'{}[]`=tolcainvkefup_ \n", max_size=60))
@settings(max_examples=examples(500), deadline=None)
def test_nothing_raises(text: str) -> None:
    assert "".join(map(str, find(*text))) == text


class TestStreaming:
    """What is held back, and how long."""

    def flows(self, *pieces: str) -> list[str]:
        reader = CallReader(TOOLS)
        return ["".join(map(str, reader.feed(piece))) for piece in pieces]

    def test_text_flows_at_once(self) -> None:
        assert self.flows("a", " b", "<b>", " 1 < 2") == ["a", " b", "<b>", " 1 < 2"]

    def test_white_space_waits_for_what_follows(self) -> None:
        assert self.flows("a \n", "\n", "b") == ["a", "", " \n\nb"]

    def test_what_may_become_an_opening_waits(self) -> None:
        assert self.flows("a <", "tool", "_caller>") == ["a", "", " <tool_caller>"]
        assert self.flows("<inv", "oice>") == ["", "<invoice>"]
        assert self.flows("`", "x") == ["", "`x"]

    def test_a_fence_waits_for_its_first_line(self) -> None:
        assert self.flows("```", "py", "\n", "x", "<") == ["", "", "", "```py\nx", ""]

    def test_a_tag_that_opens_no_block_flows(self) -> None:
        assert self.flows("<tool_call>", " ", "(") == ["", "", "<tool_call> ("]
        assert self.flows("<tool_call>", "it", " i") == ["", "", "<tool_call>it i"]

    def test_a_block_is_held_until_it_closes(self) -> None:
        reader = CallReader(TOOLS)
        assert not reader.feed('<tool_call>{"name":"ping"')
        assert not reader.feed(',"arguments":{}}</tool_call')
        assert reader.feed(">") == [Call("ping", "{}", custom=False)]
        assert reader.feed(" \n") == []
        assert reader.close() == []

    def test_a_forged_result_is_told(self) -> None:
        reader = CallReader(TOOLS)
        reader.feed("<function=ping></function>\n")
        assert reader.feed("<tool_result") == []
        assert reader.feed(">")[0] == ForgedResult()

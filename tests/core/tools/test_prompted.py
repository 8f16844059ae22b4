"""The prompted adapter: what a bot is told of tools, and the stage of the reply."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from app.core.conversation import Message, Query, Text, ToolCall, ToolChoice, ToolResult, ToolSpec
from app.core.events import (
    Batch,
    Cut,
    Event,
    Finished,
    MediaReply,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
    flatten,
    fold,
)
from app.core.tools.prompted import PromptedAdapter
from tests.core.deltas import batches_of
from tests.core.tools.notations.writings import WRITINGS
from tests.core.tools.offered import TOOLS, Found

HELLO = Message("user", (Text("Hello"),))
END = Finished("stop", Usage(0, 0))
PING = '<tool_call>{"name": "ping"}</tool_call>'


def query(*messages: Message, tools: tuple[ToolSpec, ...] = TOOLS, **more: Any) -> Query:
    return replace(Query("m", "b", messages or (HELLO,), tools), **more)


def prepare(*messages: Message, **more: Any) -> Query:
    return PromptedAdapter().prepare(query(*messages, **more))


def prompt(**more: Any) -> str:
    [part] = prepare(**more).messages[0].parts
    assert isinstance(part, Text)
    return part.text


def parse(*batches: Batch, **more: Any) -> list[Batch]:
    return list(PromptedAdapter().parse(iter(batches), query(**more)))


def without_ids(events: Iterator[Event]) -> list[Event]:
    return [replace(e, id=None) if isinstance(e, ToolCallDelta) else e for e in events]


class TestPrepare:
    def test_it_works(self) -> None:
        prepared = prepare()
        assert prepared.tools == ()
        assert [message.role for message in prepared.messages] == ["system", "user"]
        assert prepared.messages[1] is HELLO

    def test_the_tools_are_told_literally(self) -> None:
        tool = ToolSpec("f", 'Does <b> & "c".', {"type": "object", "properties": {"é": {}}})
        text = prompt(tools=(tool,))
        assert "<name>f</name>" in text
        assert '<description>Does <b> & "c".</description>' in text
        assert '<schema>{"type": "object", "properties": {"é": {}}}</schema>' in text
        assert "<tool_call>\n<name>NAME</name>\n<arguments>{" in text
        assert "<tool_result" in text

    def test_a_custom_tool_takes_one_text(self) -> None:
        text = prompt(tools=TOOLS[-1:])
        assert '"required": ["input"]' in text
        assert "<input_grammar>start: line+</input_grammar>" in text
        assert "one free text, `input`" in text

    def test_it_is_added_to_the_first_system_message(self) -> None:
        system = Message("system", (Text("Be brief."),))
        prepared = prepare(HELLO, system, HELLO, system)
        assert [len(message.parts) for message in prepared.messages] == [1, 2, 1, 1]
        assert prepared.messages[1].parts[0] == Text("Be brief.")

    @pytest.mark.parametrize(
        "more, told, untold",
        [
            ({}, "several blocks", "must call"),
            ({"parallel_tool_calls": False}, "no more than one call", "several"),
            ({"tool_choice": ToolChoice("required")}, "must call at least one of", "when it helps"),
            (
                {"tool_choice": ToolChoice("required", frozenset({"ping"}))},
                "must call the tool ping.",
                "get_weather",
            ),
            ({"tool_choice": ToolChoice("auto", frozenset({"ping"}))}, "when it helps", "patch"),
        ],
    )
    def test_choices(self, more: dict[str, object], told: str, untold: str) -> None:
        assert told in prompt(**more)
        assert untold not in prompt(**more)

    def test_nothing_to_do_changes_nothing(self) -> None:
        asked = query(tools=())
        assert PromptedAdapter().prepare(asked) is asked

    def test_tools_that_may_not_be_called_are_not_told(self) -> None:
        prepared = prepare(tool_choice=ToolChoice("none"))
        assert (prepared.messages, prepared.tools) == ((HELLO,), ())

    def test_the_history_is_written_without_tools_too(self) -> None:
        called = Message("assistant", (ToolCall("call_1", "f", "{}"),))
        answered = Message("tool", (ToolResult("call_1", (Text("1"),)),))
        parts = [part for m in prepare(called, answered, tools=()).messages for part in m.parts]
        texts = [part.text for part in parts if isinstance(part, Text)]
        assert len(texts) == len(parts)
        assert texts == [
            '<tool_call id="call_1">\n<name>f</name>\n<arguments>{}</arguments>\n</tool_call>',
            '<tool_result id="call_1" name="f">1</tool_result>',
        ]


class TestParse:
    def test_it_works(self) -> None:
        [[text, call]] = parse([TextDelta("a\n" + PING)])
        assert text == TextDelta("a")
        assert isinstance(call, ToolCallDelta)
        assert (call.index, call.name, call.arguments, call.custom) == (0, "ping", "{}", False)
        assert call.id is not None and call.id.startswith("call_") and len(call.id) == 29

    @pytest.mark.parametrize("text, found", [row[1:] for row in WRITINGS])
    def test_streamed_is_whole(self, text: str, found: list[Found]) -> None:
        whole = fold([*parse([TextDelta(text)]), [END]])
        streamed = fold([*parse(*batches_of(*map(TextDelta, text))), [END]])
        assert whole.text == streamed.text == "".join(f for f in found if isinstance(f, str))
        calls = [(call.name, call.arguments) for call in whole.tool_calls]
        assert calls == [(call.name, call.arguments) for call in streamed.tool_calls]
        assert calls == [each for each in found if isinstance(each, tuple)]

    def test_without_tools_everything_passes(self) -> None:
        batch: Batch = [TextDelta(PING), TextDelta("")]
        for more in ({"tools": ()}, {"tool_choice": ToolChoice("none")}):
            assert parse(batch, [], **more)[0] is batch

    def test_calls_are_counted_and_custom_ones_told(self) -> None:
        other = '<tool_call>{"name": "patch", "arguments": "x"}</tool_call>'
        [first, second] = without_ids(flatten(parse([TextDelta(PING + other)])))
        assert first == ToolCallDelta(0, "{}", None, "ping")
        assert second == ToolCallDelta(1, "x", None, "patch", custom=True)

    def test_ticks_and_other_events_pass(self) -> None:
        media = MediaReply("u", "image/png", "n")
        batches = parse([], [TextDelta("a <tool"), media], [], [ReasoningDelta("r")], [END])
        assert batches == [
            [],
            [TextDelta("a"), media],
            [],
            [ReasoningDelta("r")],
            [TextDelta(" <tool"), END],
        ]

    def test_what_was_held_back_comes_before_a_cut(self) -> None:
        assert parse([TextDelta("a "), Cut("length")]) == [
            [TextDelta("a"), TextDelta(" "), Cut("length")]
        ]

    def test_what_was_held_back_comes_at_the_end(self) -> None:
        assert parse([TextDelta("a")], [TextDelta("<invoke")])[-1] == [TextDelta("<invoke")]

    def test_one_call_only_ends_the_answer(self) -> None:
        batches: Iterator[Batch] = iter(
            [[TextDelta("a" + PING + PING), TextDelta("b")], [TextDelta("c")]]
        )
        asked = query(parallel_tool_calls=False)
        events = without_ids(flatten(PromptedAdapter().parse(batches, asked)))
        assert events == [TextDelta("a"), ToolCallDelta(0, "{}", None, "ping"), Cut("tool_calls")]
        assert next(batches) == [TextDelta("c")]

    def test_one_call_only_at_the_end(self) -> None:
        events = without_ids(
            flatten(parse([TextDelta(PING[:-12]), END], parallel_tool_calls=False))
        )
        assert events == [ToolCallDelta(0, "{}", None, "ping"), END]

    def test_a_made_up_result_ends_the_answer(self) -> None:
        texts = [PING, "\nThen:\n<tool_res", 'ult id="1">x', "</tool_result>"]
        events = without_ids(flatten(parse(*batches_of(*map(TextDelta, texts)))))
        assert events == [
            ToolCallDelta(0, "{}", None, "ping"),
            TextDelta("Then:"),
            Cut("tool_calls"),
        ]

    def test_adapters_have_no_state(self) -> None:
        adapter = PromptedAdapter()
        pieces = batches_of(TextDelta("<invoke"), TextDelta(' name="ping"/>'))
        first = adapter.parse(pieces, query())
        assert next(first) == []
        assert list(adapter.parse([[TextDelta("x")]], query())) == [[TextDelta("x")]]
        assert without_ids(flatten(first)) == [ToolCallDelta(0, "{}", None, "ping")]

"""The native adapter."""

from dataclasses import replace
from typing import Any

from app.core.conversation import Message, Query, Text, ToolCall, ToolChoice, ToolSpec
from app.core.events import Batch, Cut, Finished, TextDelta, ToolCallDelta, Usage, flatten
from app.core.tools.native import NativeAdapter
from tests.core.tools.offered import TOOLS

HELLO = Message("user", (Text("Hello"),))
END = Finished("stop", Usage(0, 0))


def query(**more: Any) -> Query:
    return replace(Query("m", "b", (HELLO,), TOOLS[:3]), **more)


def parse(*batches: Batch, **more: Any) -> list[Batch]:
    return list(NativeAdapter().parse(iter(batches), query(**more)))


def test_it_works() -> None:
    delta = ToolCallDelta(0, "{}", "call_1", "ping")
    assert parse([TextDelta("a"), delta], [], [END]) == [[TextDelta("a"), delta], [], [END]]


def test_tools_stay() -> None:
    asked = query()
    assert NativeAdapter().prepare(asked) is asked
    only = query(tool_choice=ToolChoice("auto", frozenset({"ping"})))
    assert [tool.name for tool in NativeAdapter().prepare(only).tools] == ["ping"]
    assert NativeAdapter().prepare(query(tool_choice=ToolChoice("none"))).tools == ()


def test_a_custom_tool_is_a_function_of_one_string() -> None:
    [tool] = NativeAdapter().prepare(query(tools=TOOLS[3:])).tools
    assert (tool.name, tool.custom, tool.grammar) == ("patch", False, None)
    assert tool.parameters["required"] == ["input"]
    assert tool.description == "The grammar of `input`:\nstart: line+"
    [plain] = NativeAdapter().prepare(query(tools=(ToolSpec("p", "Does.", custom=True),))).tools
    assert plain.description == "Does."


def test_the_history_is_text() -> None:
    asked = query(messages=(HELLO, Message("assistant", (ToolCall("c1", "ping", "{}"),))))
    [part] = NativeAdapter().prepare(asked).messages[1].parts
    assert isinstance(part, Text) and part.text.startswith('<tool_call id="c1">')


def test_a_missing_id_is_made() -> None:
    deltas: Batch = [ToolCallDelta(0, "{", None, "ping"), ToolCallDelta(0, "}")]
    [first, second] = flatten(parse(deltas))
    assert isinstance(first, ToolCallDelta) and first.id and first.id.startswith("call_")
    assert second == deltas[1]


def test_custom_calls_come_whole() -> None:
    batches = parse(
        [ToolCallDelta(0, '{"inp', "c1", "patch"), ToolCallDelta(1, "{}", "c2", "ping")],
        [ToolCallDelta(0, 'ut": "a\\n"}'), TextDelta("x")],
        [END],
        tools=TOOLS,
    )
    assert batches == [
        [],
        [
            ToolCallDelta(0, "a\n", "c1", "patch", custom=True),
            ToolCallDelta(1, "{}", "c2", "ping"),
            TextDelta("x"),
        ],
        [END],
    ]


def test_a_custom_call_that_cannot_be_read_comes_as_it_is() -> None:
    delta = ToolCallDelta(0, '{"a": 1, "b": 2}', "c1", "patch")
    assert parse([delta], tools=TOOLS) == [[], [replace(delta, custom=True)]]


def test_one_call_only() -> None:
    first, second = ToolCallDelta(0, "{}", "c1", "ping"), ToolCallDelta(1, "{}", "c2", "ping")
    batches = parse([first], [second], [TextDelta("x")], parallel_tool_calls=False)
    assert batches == [[first], [Cut("tool_calls")]]


def test_without_tools_no_calls() -> None:
    assert parse([ToolCallDelta(0, "{}", "c1", "ping"), TextDelta("a")], tools=()) == [
        [TextDelta("a")]
    ]

"""Earlier calls and results as text."""

import pytest

from app.core.conversation import Media, Message, Part, Reasoning, Text, ToolCall, ToolResult
from app.core.tools.history import written_history

PNG = Media("image/png", "shot.png", "messages[1]", url="https://x/shot.png")
NAMELESS = Media("image/png", "", "messages[1]", data=b"")


def block(arguments: str = "{}", id: str = ' id="c1"', name: str = "f") -> Text:
    return Text(
        f"<tool_call{id}>\n<name>{name}</name>\n<arguments>{arguments}</arguments>\n</tool_call>"
    )


def result(text: str, attributes: str = ' id="c1" name="f"') -> Text:
    return Text(f"<tool_result{attributes}>{text}</tool_result>")


def say(role: str, *parts: Part) -> Message:
    return Message(role, parts)  # type: ignore[arg-type]


CALL = ToolCall("c1", "f", "{}")
CALLED = say("assistant", CALL)


def answer(*parts: Text | Media, id: str = "c1", **more: object) -> ToolResult:
    return ToolResult(id, parts, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "messages, written",
    [
        ([say("user", Text("a"), PNG)], [say("user", Text("a"), PNG)]),
        ([CALLED], [say("assistant", block())]),
        (
            [say("assistant", Text("a"), CALL, Text("b"), ToolCall("c2", "g", ' {"x": 1}\n'))],
            [
                say(
                    "assistant",
                    Text("a"),
                    block(),
                    Text("b"),
                    block('{"x": 1}', ' id="c2"', "g"),
                )
            ],
        ),
        ([say("assistant", ToolCall("", "f", ""))], [say("assistant", block("{}", ""))]),
        (
            [say("assistant", ToolCall('a"<b', "f", "{}"))],
            [say("assistant", block("{}", ' id="a&quot;&lt;b"'))],
        ),
        (
            [say("assistant", ToolCall("c1", "f", 'a\n"b"', custom=True))],
            [say("assistant", block('{"input":"a\\n\\"b\\""}'))],
        ),
        (
            [CALLED, say("tool", answer(Text("1 < 2 &amp;")))],
            [say("assistant", block()), say("user", result("1 < 2 &amp;"))],
        ),
        (
            [say("tool", answer(Text("x"), name="h", is_error=True))],
            [say("user", result("x", ' id="c1" name="h" is_error="true"'))],
        ),
        ([say("tool", answer(Text("x")))], [say("user", result("x", ' id="c1"'))]),
        ([say("tool", answer(id=""))], [say("user", result("", ""))]),
        (
            [say("tool", answer(Text("a"), PNG, Text("b"), NAMELESS, name="f"), Text("c"))],
            [
                say(
                    "user",
                    result("a\n[file: shot.png]\nb\n[file: image/png]"),
                    PNG,
                    NAMELESS,
                    Text("c"),
                )
            ],
        ),
        (
            [
                CALLED,
                say("tool", answer(Text("1"))),
                say("tool", answer(Text("2"))),
                say("user", Text("a")),
                say("tool", answer(Text("3"))),
            ],
            [
                say("assistant", block()),
                say("user", result("1"), result("2")),
                say("user", Text("a")),
                say("user", result("3")),
            ],
        ),
        (
            [CALLED, say("user", answer(Text("1")), Text("a"))],
            [say("assistant", block()), say("user", result("1"), Text("a"))],
        ),
        (
            [say("tool", answer(Text("a</tool_result>b</ TOOL_RESULT >c</tool>"), name="f"))],
            [say("user", result("a<\\/tool_result>b<\\/ TOOL_RESULT >c</tool>"))],
        ),
        (
            [say("assistant", Reasoning("r"), Text("a")), say("assistant", Reasoning("r"))],
            [say("assistant", Text("a"))],
        ),
        ([say("assistant")], [say("assistant")]),
    ],
)
def test_histories(messages: list[Message], written: list[Message]) -> None:
    assert written_history(messages) == tuple(written)


def test_speakers_keep_their_names() -> None:
    [message] = written_history([Message("assistant", (CALL,), name="Ann")])
    assert message.name == "Ann"

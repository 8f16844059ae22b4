"""Tool calling through Anthropic's Messages, on bots that know nothing of tools."""

from collections.abc import Callable
from typing import Any

import anthropic
import pytest
from anthropic import beta_tool
from anthropic.types import Message

from tests.anthropic_stream import checked, folded
from tests.dialects.messages.test_routes import BOTH, Turn, raw, streamed, texts, whole
from tests.servers import Server

ADD: Any = {
    "name": "add",
    "description": "Adds two numbers.",
    "input_schema": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
        "additionalProperties": False,
    },
}
READ: Any = {
    "type": "custom",
    "name": "read_files",
    "input_schema": {"type": "object", "properties": {"files": {"type": "array"}}},
    "cache_control": {"type": "ephemeral"},
}
TASK = """<system-reminder>Be tidy.</system-reminder>
call add {"a": 1, "b": 2} && add {"a": 30, "b": 4}
call read_files {"files": [{"path": "a<b>.txt"}]}
call add {"a": 3, "b": 34} && read_files {"files": []}"""


def run_tool(name: str, given: Any) -> str:
    return str(given["a"] + given["b"]) if name == "add" else f"read {given['files']!r}"


def results_of(message: Message) -> list[dict[str, Any]]:
    return [
        {
            "type": "tool_result",
            "tool_use_id": block.id,
            "content": run_tool(block.name, block.input),
            "is_error": False,
        }
        for block in message.content
        if block.type == "tool_use"
    ]


@BOTH
def test_three_rounds_with_two_parallel_calls(claude: anthropic.Anthropic, turn: Turn) -> None:
    messages: list[Any] = [{"role": "user", "content": TASK}]
    rounds: list[list[str]] = []
    while True:
        message = turn(claude, model="demo-agent", messages=messages, tools=[ADD, READ])
        calls = [block for block in message.content if block.type == "tool_use"]
        if not calls:
            break
        assert message.stop_reason == "tool_use"
        assert texts(message)[0].strip() == f"Step {len(rounds) + 1}."
        assert all(call.id.startswith("toolu_") for call in calls)
        rounds.append([call.name for call in calls])
        messages.append({"role": "assistant", "content": message.content})
        messages.append({"role": "user", "content": results_of(message)})
    assert rounds == [["add", "add"], ["read_files"], ["add", "read_files"]]
    assert message.stop_reason == "end_turn"
    assert texts(message) == ["Done. 3; 34; read [{'path': 'a<b>.txt'}]; 37; read []"]


def test_the_stream_of_a_call(gateway: Server) -> None:
    said = [{"role": "user", "content": TASK}]
    response = raw(gateway, model="demo-agent", messages=said, tools=[ADD, READ], stream=True)
    events = checked(response.text)
    text, one, two = folded(events)
    assert text["type"] == "text" and one["input"] == {"a": 1, "b": 2}
    assert two["input"] == {"a": 30, "b": 4} and one["id"] != two["id"]
    starts = [event["content_block"] for event in events if "content_block" in event]
    assert [start.get("input") for start in starts] == [None, {}, {}]
    assert events[-2]["delta"]["stop_reason"] == "tool_use"


def say(claude: anthropic.Anthropic, text: str, turn: Turn = whole, **request: Any) -> Message:
    """What demo-agent, told to say just this, comes back as."""
    messages: Any = [{"role": "user", "content": f"answer {text}"}]
    return turn(claude, **{"model": "demo-agent", "messages": messages, "tools": [ADD], **request})


CALL = '<tool_call><name>add</name><arguments>{"a": 1, "b": 2}</arguments></tool_call>'


@BOTH
def test_only_a_call_leaves_no_text(claude: anthropic.Anthropic, turn: Turn) -> None:
    [block] = say(claude, CALL, turn).content
    assert block.type == "tool_use" and block.input == {"a": 1, "b": 2}


@BOTH
def test_no_tools_no_calls(claude: anthropic.Anthropic, turn: Turn) -> None:
    assert texts(say(claude, CALL, turn, tools=[])) == [CALL]
    assert texts(say(claude, CALL, turn, tool_choice={"type": "none"})) == [CALL]


@BOTH
def test_parallel_calls_can_be_forbidden(claude: anthropic.Anthropic, turn: Turn) -> None:
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    message = say(claude, CALL + CALL, turn, tool_choice=choice)
    assert [block.type for block in message.content] == ["tool_use"]


@BOTH
@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "add"}])
def test_a_forced_choice_ends_in_a_call_or_an_error(
    claude: anthropic.Anthropic, turn: Turn, choice: Any
) -> None:
    assert say(claude, CALL, turn, tool_choice=choice).stop_reason == "tool_use"
    with pytest.raises(anthropic.APIStatusError) as caught:
        say(claude, "I will not.", turn, tool_choice=choice)
    assert "did not call add" in caught.value.message


@BOTH
def test_server_tools_are_dropped_in_silence(claude: anthropic.Anthropic, turn: Turn) -> None:
    tools = [
        {"type": "web_search_20250305", "name": "web_search"},
        {"type": "bash_20250124", "name": "bash"},
        ADD,
    ]
    message = turn(claude, model="demo-agent", tools=tools)
    [text] = texts(message)
    assert "add" in text and "web_search" not in text and "bash" not in text


def deferred(name: str) -> dict[str, Any]:
    return {"name": name, "input_schema": {"type": "object"}, "defer_loading": True}


SEARCH = [{**ADD, "name": "ToolSearch"}, deferred("CronList"), deferred("DeferredToolPlaceholder")]


@BOTH
def test_a_tool_that_was_searched_for_can_be_called(
    claude: anthropic.Anthropic, turn: Turn
) -> None:
    asked: Any = {"role": "user", "content": "Which tools?"}
    first = turn(claude, model="demo-agent", messages=[asked], tools=SEARCH)
    [text] = texts(first)
    assert "ToolSearch" in text and "Cron" not in text and "Deferred" not in text
    task: Any = {"role": "user", "content": 'call ToolSearch {"a": 1, "b": 2}\ncall CronList {}'}
    search = turn(claude, model="demo-agent", messages=[task], tools=SEARCH)
    [call] = [block for block in search.content if block.type == "tool_use"]
    found: Any = {
        "type": "tool_result",
        "tool_use_id": call.id,
        "content": [{"type": "tool_reference", "tool_name": "CronList"}],
    }
    rounds: Any = [
        task,
        {"role": "assistant", "content": search.content},
        {"role": "user", "content": [found]},
    ]
    message = turn(claude, model="demo-agent", messages=rounds, tools=SEARCH)
    [called] = [block for block in message.content if block.type == "tool_use"]
    assert (called.name, called.input) == ("CronList", {})


def test_what_a_tool_answered_reaches_the_bot(
    claude: anthropic.Anthropic, seen: Callable[[], Any]
) -> None:
    call = {"type": "tool_use", "id": "toolu_x", "name": "add", "input": {"a": 1, "b": 2}}
    failed = {
        "type": "tool_result",
        "tool_use_id": "toolu_x",
        "content": [{"type": "text", "text": "no\tsuch <file>"}],
        "is_error": True,
    }
    messages: Any = [
        {"role": "user", "content": "Add."},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [failed, {"type": "text", "text": "Go on."}]},
    ]
    whole(claude, model="count-1", messages=messages, tools=[ADD])
    told = [turn["content"] for turn in seen()["last"]["count-1"]["query"]]
    assert any("toolu_x" in text and "no\tsuch <file>" in text for text in told)
    assert told[-1].endswith("Go on.")


@pytest.mark.parametrize("stream", [False, True])
def test_the_sdks_tool_runner_goes_on_without_a_thread(
    claude: anthropic.Anthropic, stream: bool
) -> None:
    """It asks for a server-side thread, is refused, and sends the whole conversation instead."""

    @beta_tool
    def add(a: int, b: int) -> str:
        """Adds two numbers."""
        return str(a + b)

    task: Any = [
        {"role": "user", "content": 'call add {"a": 1, "b": 2}\ncall add {"a": 3, "b": 4}'}
    ]
    runner: Any = claude.beta.messages.tool_runner(
        model="demo-agent", max_tokens=500, messages=task, tools=[add], stream=stream
    )
    last = runner.until_done()
    assert last.content[0].text == "Done. 3; 7"


def test_threads_are_refused_so_that_sdks_know(gateway: Server) -> None:
    for thread in ({"type": "create"}, {"type": "continue", "previous_message_id": "msg_1"}):
        response = raw(gateway, "/v1/messages?beta=true", thread=thread)
        assert response.status_code == 400
        error = response.json()["error"]
        assert error["type"] == "invalid_request_error"
        assert error["details"] == {
            "error_code": "thread_unsupported_request",
            "unsupported": ["message_threads"],
        }


def test_both_ways_of_asking_are_alike(claude: anthropic.Anthropic) -> None:
    one, other = say(claude, f"Well. {CALL}"), say(claude, f"Well. {CALL}", streamed)
    strip = {"id"}
    assert [block.model_dump(exclude=strip) for block in one.content] == [
        block.model_dump(exclude=strip) for block in other.content
    ]

"""Tools in OpenAI's Responses: the SDK's loops, and Codex's own kinds of tools."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.conftest import KEY
from tests.responses_stream import ask, streamed
from tests.servers import Server

ADD: Any = {
    "type": "function",
    "name": "add",
    "description": "Adds two numbers.",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
        "additionalProperties": False,
    },
}
READ: Any = {
    "type": "function",
    "name": "read_files",
    "parameters": {"type": "object", "properties": {"files": {"type": "array"}}},
}
PATCH: Any = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Edits files.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: /(.|\\n)+/"},
}
SPAWN: Any = {
    "type": "function",
    "name": "spawn_agent",
    "strict": False,
    "parameters": {"type": "object", "properties": {"message": {"type": "string"}}},
}
AGENTS: Any = {"type": "namespace", "name": "agents_v1", "description": "", "tools": [SPAWN, PATCH]}
SERVER_TOOLS: Any = [{"type": "web_search"}, {"type": "image_generation"}]

TASK = """Please work.
call add {"a": 1, "b": 2} && add {"a": 30, "b": 4}
call read_files {"files": [{"path": "a<b>.txt"}]}
call add {"a": 3, "b": 34} && read_files {"files": []}"""


@pytest.fixture
def sdk(gateway: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


def run_tool(name: str, arguments: str) -> str:
    given = json.loads(arguments)
    return str(given["a"] + given["b"]) if name == "add" else f"read {given['files']!r}"


def whole_turn(sdk: openai.OpenAI, **request: Any) -> Any:
    return sdk.responses.create(model="demo-agent", tools=[ADD, READ, *SERVER_TOOLS], **request)


def streamed_turn(sdk: openai.OpenAI, **request: Any) -> Any:
    """The SDK's own accumulation of the events."""
    with sdk.responses.stream(
        model="demo-agent", tools=[ADD, READ, *SERVER_TOOLS], **request
    ) as stream:
        return stream.get_final_response()


def calls_of(response: Any) -> list[Any]:
    return [item for item in response.output if item.type == "function_call"]


def outputs_of(response: Any) -> list[Any]:
    return [
        {
            "type": "function_call_output",
            "call_id": call.call_id,
            "output": run_tool(call.name, call.arguments),
        }
        for call in calls_of(response)
    ]


def check_rounds(names: list[list[str]], last: Any) -> None:
    assert names == [["add", "add"], ["read_files"], ["add", "read_files"]]
    assert last.output_text == "Done. 3; 34; read [{'path': 'a<b>.txt'}]; 37; read []"
    assert [tool.name for tool in last.tools] == ["add", "read_files"]


@pytest.mark.parametrize("turn", [whole_turn, streamed_turn])
def test_three_rounds_that_send_all_items(sdk: openai.OpenAI, turn: Any) -> None:
    """As Codex, cline and the Agents SDK do: nothing is kept, all of it is sent again."""
    items: list[Any] = [{"role": "user", "content": TASK}]
    names = []
    response = turn(sdk, input=items, store=False)
    while calls_of(response):
        names.append([call.name for call in calls_of(response)])
        assert response.output_text.strip() == f"Step {len(names)}."
        items += [item.model_dump(exclude_none=True) for item in response.output]
        items += outputs_of(response)
        response = turn(sdk, input=items, store=False)
    check_rounds(names, response)


@pytest.mark.parametrize("turn", [whole_turn, streamed_turn])
def test_three_rounds_that_go_on_from_what_is_kept(sdk: openai.OpenAI, turn: Any) -> None:
    names = []
    response = turn(sdk, input=TASK)
    while calls_of(response):
        names.append([call.name for call in calls_of(response)])
        response = turn(sdk, input=outputs_of(response), previous_response_id=response.id)
    check_rounds(names, response)


def ask_both(gateway: Server, **request: Any) -> Iterator[dict[str, Any]]:
    """The response as a whole, and as a stream."""
    yield ask(gateway, model="demo-agent", **request).json()
    yield streamed(gateway, model="demo-agent", **request)


def only_call(response: dict[str, Any]) -> dict[str, Any]:
    call: dict[str, Any]
    [call] = [item for item in response["output"] if item["type"].endswith("_call")]
    return call


def test_a_custom_tool_gets_free_text(gateway: Server) -> None:
    """Codex loops on "aborted" where its custom tool is called as a function."""
    patch = '*** Begin Patch\n*** Add File: a.txt\n+<b> & "c"\n*** End Patch'
    task = f"call apply_patch {json.dumps({'input': patch})}"
    for response in ask_both(gateway, input=task, tools=[PATCH]):
        call = only_call(response)
        assert (call["type"], call["name"], call["input"]) == (
            "custom_tool_call",
            "apply_patch",
            patch,
        )
        result = {
            "type": "custom_tool_call_output",
            "call_id": call["call_id"],
            "output": [{"type": "input_text", "text": "applied"}],
        }
        items = [{"role": "user", "content": task}, *response["output"], result]
        done = ask(gateway, model="demo-agent", input=items, tools=[PATCH]).json()
        assert done["output"][0]["content"][0]["text"] == "Done. applied"


@pytest.mark.parametrize("place", ["tools", "additional_tools"])
def test_a_tool_in_a_namespace(gateway: Server, place: str) -> None:
    """Codex: in ``tools``, or, for its newest models, in an item of the input."""
    task: list[Any] = [
        {"role": "user", "content": 'call agents_v1.spawn_agent {"message": "go"}'},
    ]
    tools = [ADD]
    if place == "tools":
        tools = [ADD, AGENTS]
    else:
        task.insert(0, {"type": "additional_tools", "role": "developer", "tools": [AGENTS]})
    for response in ask_both(gateway, input=task, tools=tools):
        call = only_call(response)
        assert (call["type"], call["namespace"], call["name"]) == (
            "function_call",
            "agents_v1",
            "spawn_agent",
        )
        assert json.loads(call["arguments"]) == {"message": "go"}
        result = {"type": "function_call_output", "call_id": call["call_id"], "output": "spawned"}
        items = [*task, *response["output"], result]
        done = ask(gateway, model="demo-agent", input=items, tools=tools).json()
        assert done["output"][0]["content"][0]["text"] == "Done. spawned"


def test_a_custom_tool_in_a_namespace(gateway: Server) -> None:
    task = 'call agents_v1.apply_patch {"input": "1 + 1"}'
    for response in ask_both(gateway, input=task, tools=[AGENTS]):
        call = only_call(response)
        assert (call["type"], call["namespace"], call["name"], call["input"]) == (
            "custom_tool_call",
            "agents_v1",
            "apply_patch",
            "1 + 1",
        )


def test_server_tools_are_dropped_in_silence(gateway: Server) -> None:
    response = ask(gateway, model="demo-agent", input="hi", tools=SERVER_TOOLS).json()
    assert response["output"][0]["content"][0]["text"] == "I was given 0 tools: none."
    assert response["tools"] == []


def test_none_is_called_where_none_may_be(gateway: Server) -> None:
    for response in ask_both(gateway, input=TASK, tools=[ADD, READ], tool_choice="none"):
        assert [item["type"] for item in response["output"]] == ["message"]


def test_one_call_at_a_time(gateway: Server) -> None:
    for response in ask_both(gateway, input=TASK, tools=[ADD, READ], parallel_tool_calls=False):
        assert only_call(response)["name"] == "add"
        assert response["parallel_tool_calls"] is False


FORCED: Any = [
    "required",
    {"type": "function", "name": "add"},
    {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "add"}]},
]


@pytest.mark.parametrize("choice", FORCED)
def test_a_forced_call(gateway: Server, choice: Any) -> None:
    task = 'call add {"a": 1, "b": 2}'
    for response in ask_both(gateway, input=task, tools=[ADD, READ], tool_choice=choice):
        assert only_call(response)["name"] == "add"
        assert response["tool_choice"] == choice


@pytest.mark.parametrize("choice", FORCED)
def test_a_forced_call_that_never_comes(gateway: Server, choice: Any) -> None:
    answer = ask(gateway, model="demo-echo", input="no", tools=[ADD], tool_choice=choice)
    assert answer.status_code == 502
    assert "add" in answer.json()["error"]["message"]

"""Tool calling through gunicorn: the openai SDK's loops over bots that know nothing of tools."""

import json
from collections.abc import Callable
from typing import Any

import openai
import pydantic
import pytest
import requests

from tests.conftest import KEY
from tests.servers import Server

ADD: Any = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds two numbers.",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        },
    },
}
READ: Any = {
    "type": "function",
    "function": {
        "name": "read_files",
        "parameters": {"type": "object", "properties": {"files": {"type": "array"}}},
    },
}
TASK = """Please work.
call add {"a": 1, "b": 2} && add {"a": 30, "b": 4}
call read_files {"files": [{"path": "a<b>.txt"}]}
call add {"a": 3, "b": 34} && read_files {"files": []}"""


def run_tool(name: str, arguments: str) -> str:
    given = json.loads(arguments)
    return str(given["a"] + given["b"]) if name == "add" else f"read {given['files']!r}"


def whole_turn(client: openai.OpenAI, messages: list[Any]) -> Any:
    answer = client.chat.completions.create(
        model="demo-agent", messages=messages, tools=[ADD, READ]
    )
    return answer.choices[0]


def streamed_turn(client: openai.OpenAI, messages: list[Any]) -> Any:
    """The SDK's own accumulation, which checks index, id and type of each delta."""
    with client.chat.completions.stream(
        model="demo-agent", messages=messages, tools=[ADD, READ]
    ) as stream:
        return stream.get_final_completion().choices[0]


@pytest.mark.parametrize("turn", [whole_turn, streamed_turn])
def test_three_rounds_with_two_parallel_calls(client: openai.OpenAI, turn: Any) -> None:
    messages: list[Any] = [{"role": "user", "content": TASK}]
    rounds: list[list[str]] = []
    while True:
        choice = turn(client, messages)
        calls = choice.message.tool_calls or []
        if not calls:
            break
        assert choice.finish_reason == "tool_calls"
        assert choice.message.content.strip() == f"Step {len(rounds) + 1}."
        rounds.append([call.function.name for call in calls])
        messages.append(choice.message.model_dump(exclude_none=True))
        for call in calls:
            result = run_tool(call.function.name, call.function.arguments)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    assert rounds == [["add", "add"], ["read_files"], ["add", "read_files"]]
    assert choice.finish_reason == "stop"
    assert choice.message.content == ("Done. 3; 34; read [{'path': 'a<b>.txt'}]; 37; read []")


def say(client: openai.OpenAI, text: str, **request: Any) -> Any:
    """What demo-agent, told to say just this, comes back as."""
    messages: Any = [{"role": "user", "content": f"answer {text}"}]
    request = {"model": "demo-agent", "tools": [ADD], **request}
    return client.chat.completions.create(messages=messages, **request)


CALL = '<tool_call>{"name": "add", "arguments": {"a": "1", "b": 2}}</tool_call>'


def test_another_notation_is_understood(client: openai.OpenAI) -> None:
    choice = say(client, f"Well: {CALL}").choices[0]
    [call] = choice.message.tool_calls
    assert choice.message.content.strip() == "Well:"
    assert (call.type, call.function.name) == ("function", "add")
    assert json.loads(call.function.arguments) == {"a": 1, "b": 2}


def test_without_tools_nothing_is_a_call(client: openai.OpenAI) -> None:
    choice = say(client, CALL, tools=openai.NOT_GIVEN).choices[0]
    assert choice.message.content == CALL and choice.message.tool_calls is None


def test_tool_choice_none(client: openai.OpenAI) -> None:
    choice = say(client, CALL, tool_choice="none").choices[0]
    assert choice.message.content == CALL and choice.message.tool_calls is None


def test_only_calls_leave_no_content(client: openai.OpenAI) -> None:
    assert say(client, CALL).choices[0].message.content is None


def test_parallel_calls_can_be_forbidden(client: openai.OpenAI) -> None:
    choice = say(client, CALL + CALL, parallel_tool_calls=False).choices[0]
    assert len(choice.message.tool_calls) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_forced_choice_ends_in_a_call_or_an_error(
    client: openai.OpenAI, seen: Callable[[], Any], stream: bool
) -> None:
    before = seen()["calls"].get("count-5", 0)
    with pytest.raises(openai.APIStatusError) as caught:
        list(say(client, "no", model="count-5", tool_choice="required", stream=stream))
    assert caught.value.status_code == 502
    assert "add" in caught.value.message
    assert seen()["calls"]["count-5"] == before + 2


def test_a_bot_that_calls_when_asked_again(client: openai.OpenAI) -> None:
    """demo-agent's steps are counted by its turns: the complaint brings it to the next one."""
    content = 'answer I would rather talk.\ncall add {"a": 1, "b": 1}'
    answer = client.chat.completions.create(
        model="demo-agent",
        messages=[{"role": "user", "content": content}],
        tools=[ADD],
        tool_choice={"type": "function", "function": {"name": "add"}},
    )
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert [call.function.name for call in choice.message.tool_calls or []] == ["add"]  # type: ignore[union-attr]
    assert "talk" not in (choice.message.content or "")


@pytest.mark.parametrize(
    ("request_fields", "param"),
    [
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {"name": ""}}]}, "tools[0].function.name"),
        ({"tools": [ADD], "tool_choice": "maybe"}, "tool_choice"),
        (
            {"tools": [ADD], "tool_choice": {"type": "function", "function": {"name": "x"}}},
            "tool_choice",
        ),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"functions": [{"name": "f"}], "function_call": {"name": "g"}}, "function_call"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": {"type": "nonsense"}},
                }
            },
            "response_format.json_schema.schema",
        ),
        ({"n": 9}, "n"),
    ],
)
def test_bad_tool_fields_are_named(
    gateway: Server, request_fields: dict[str, Any], param: str
) -> None:
    body = {"model": "demo-echo", "messages": [{"role": "user", "content": "x"}], **request_fields}
    response = requests.post(
        f"{gateway.url}/v1/chat/completions",
        json=body,
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=10,
    )
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


def test_functions_the_old_form(client: openai.OpenAI) -> None:
    messages: list[Any] = [{"role": "user", "content": 'call add {"a": 1, "b": 2}'}]
    functions: Any = [ADD["function"]]
    answer = client.chat.completions.create(
        model="demo-agent", messages=messages, functions=functions
    )
    choice = answer.choices[0]
    assert choice.finish_reason == "function_call"
    call = choice.message.function_call
    assert call is not None and json.loads(call.arguments) == {"a": 1, "b": 2}
    messages += [
        choice.message.model_dump(exclude_none=True),
        {"role": "function", "name": "add", "content": "3"},
    ]
    last = client.chat.completions.create(
        model="demo-agent", messages=messages, functions=functions
    )
    assert last.choices[0].message.content == "Done. 3"
    streamed = client.chat.completions.create(
        model="demo-agent", messages=messages[:1], functions=functions, stream=True
    )
    deltas = [chunk.choices[0] for chunk in streamed]
    assert deltas[-1].finish_reason == "function_call"
    assert [delta.delta.function_call.name for delta in deltas if delta.delta.function_call] == [
        "add"
    ]


@pytest.mark.parametrize("stream", [False, True])
def test_of_two_calls_the_old_form_has_the_first(client: openai.OpenAI, stream: bool) -> None:
    content = 'call add {"a": 1, "b": 2} && add {"a": 30, "b": 4}'
    functions: Any = [ADD["function"]]
    answer: Any = client.chat.completions.create(
        model="demo-agent",
        messages=[{"role": "user", "content": content}],
        functions=functions,
        stream=stream,
    )
    if stream:
        deltas = [chunk.choices[0].delta.function_call for chunk in answer]
        arguments = "".join(delta.arguments for delta in deltas if delta)
    else:
        arguments = answer.choices[0].message.function_call.arguments
    assert json.loads(arguments) == {"a": 1, "b": 2}


def test_custom_tools(client: openai.OpenAI) -> None:
    tool: Any = {"type": "custom", "custom": {"name": "run", "description": "Runs code."}}
    text = '<tool_call><name>run</name><arguments>{"input": "print(1)"}</arguments></tool_call>'
    [call] = say(client, text, tools=[tool]).choices[0].message.tool_calls
    assert call.type == "custom"
    assert (call.custom.name, call.custom.input) == ("run", "print(1)")


def test_tools_natively(
    start_gateway: Callable[..., Server], seen: Callable[[], Any], tmp_path: Any
) -> None:
    config = tmp_path / "poegate.toml"
    config.write_text('[bot]\n"script-*" = {tool_adapter = "native"}\n')
    gateway = start_gateway(POEGATE_CONFIG=str(config))
    deltas = [
        {"index": 0, "id": "c1", "type": "function", "function": {"name": "add", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"a": 1,'}},
        {"index": 0, "function": {"arguments": ' "b": 2}'}},
    ]
    events = [
        ["json", {"choices": [{"delta": {"tool_calls": [delta]}, "finish_reason": None}]}]
        for delta in deltas
    ]
    messages: Any = [{"role": "user", "content": json.dumps(events)}]
    with openai.OpenAI(base_url=gateway.url, api_key=KEY, max_retries=0) as sdk:
        whole = sdk.chat.completions.create(model="script-", messages=messages, tools=[ADD])
        with sdk.chat.completions.stream(model="script-", messages=messages, tools=[ADD]) as stream:
            streamed = stream.get_final_completion()
    sent = seen()["last"]["script-"]
    assert sent["tools"][0]["function"]["parameters"] == ADD["function"]["parameters"]
    assert [message["role"] for message in sent["query"]] == ["user"]
    for answer in (whole, streamed):
        [call] = answer.choices[0].message.tool_calls or []
        assert json.loads(call.function.arguments) == {"a": 1, "b": 2}  # type: ignore[union-attr]
        assert answer.choices[0].finish_reason == "tool_calls"


class Person(pydantic.BaseModel):
    name: str
    age: int


def test_the_sdks_parse_helper(client: openai.OpenAI) -> None:
    content = 'answer Sure! ```json {"name": "Ann", "age": 7} ``` There you are.'
    parsed = client.chat.completions.parse(
        model="demo-agent",
        messages=[{"role": "user", "content": content}],
        response_format=Person,
    )
    assert parsed.choices[0].message.parsed == Person(name="Ann", age=7)


JSON_MODE: Any = {"type": "json_object"}
STRICT: Any = {
    "type": "json_schema",
    "json_schema": {"name": "person", "strict": True, "schema": Person.model_json_schema()},
}


@pytest.mark.parametrize("stream", [False, True])
def test_a_strict_promise_is_never_broken(client: openai.OpenAI, stream: bool) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        list(
            say(
                client,
                '{"name": 1}',
                response_format=STRICT,
                tools=openai.NOT_GIVEN,
                stream=stream,
                model="count-3",
            )
        )
    assert caught.value.status_code == 502
    assert "schema" in caught.value.message


def test_an_answer_is_asked_for_once_more(client: openai.OpenAI) -> None:
    content = 'answer {"name": "Ann"}\nanswer {"name": "Ann", "age": 8}'
    messages: Any = [{"role": "user", "content": content}]
    stream = client.chat.completions.create(
        model="demo-agent", messages=messages, response_format=STRICT, stream=True
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert json.loads(text) == {"name": "Ann", "age": 8}


def test_not_strict_the_best_effort_is_given(client: openai.OpenAI) -> None:
    loose = {**STRICT, "json_schema": {**STRICT["json_schema"], "strict": False}}
    choice = say(client, '{"name": "Ann",}', response_format=loose, tools=openai.NOT_GIVEN)
    assert json.loads(choice.choices[0].message.content) == {"name": "Ann"}


def test_json_mode(client: openai.OpenAI) -> None:
    choice = say(client, "Here: {'a': 1,}", response_format=JSON_MODE, tools=openai.NOT_GIVEN)
    assert json.loads(choice.choices[0].message.content) == {"a": 1}

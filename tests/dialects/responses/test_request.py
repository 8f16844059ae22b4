"""A Responses request as a Query, and as what a response tells back of it."""

from typing import Any

import pytest

from app.core.conversation import Message, OutputFormat, Query, Text, ToolChoice
from app.dialects.responses.items import Item
from app.dialects.responses.request import Turn, begin_turn, parse
from app.dialects.responses.response import new_envelope, response_object
from app.dialects.responses.schemas import ResponsesSchema
from app.errors import ApiError, InvalidRequest, NotFound
from app.schemas.loading import load_payload
from tests.responses_stream import check_response

ID = "resp_" + "0" * 32
FUNCTION = {
    "type": "function",
    "name": "add",
    "description": "Adds.",
    "strict": True,
    "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}},
}
PATCH = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Edits.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"},
}
AGENTS = {"type": "namespace", "name": "agents", "description": "d", "tools": [FUNCTION, PATCH]}
SERVER_TOOLS = [
    {"type": "web_search", "external_web_access": True},
    {"type": "web_search_preview_2025_03_11"},
    {"type": "image_generation"},
    {"type": "file_search", "vector_store_ids": ["v"]},
    {"type": "code_interpreter", "container": "c"},
    {"type": "computer_use_preview"},
    {"type": "mcp", "server_label": "s"},
    {"type": "tool_search", "execution": "client", "parameters": {}},
    {"type": "local_shell"},
    {"type": "shell"},
    {"type": "apply_patch"},
]


class Kept:
    """Earlier responses, by id."""

    def __init__(self, **kept: list[Item]) -> None:
        self._kept = kept

    def items_until(self, response_id: str) -> list[Item] | None:
        return self._kept.get(response_id)

    def item(self, item_id: str) -> Item | None:
        items = [item for kept in self._kept.values() for item in kept]
        return next((item for item in items if item["id"] == item_id), None)


def begun(kept: Kept | None = None, **request: Any) -> tuple[dict[str, Any], Turn]:
    payload = load_payload(ResponsesSchema(), {"model": "m", "input": "hi", **request})
    return payload, begin_turn(payload, ID, kept or Kept())


def query(kept: Kept | None = None, **request: Any) -> Query:
    return parse(*begun(kept, **request), lambda model: f"bot of {model}")


def fault(**request: Any) -> ApiError:
    with pytest.raises(ApiError) as raised:
        query(**request)
    return raised.value


def test_it_works() -> None:
    asked = query(
        instructions="Be kind.",
        temperature=0.5,
        top_p=0.9,
        max_output_tokens=7,
        reasoning={"effort": "high", "summary": "auto", "context": "all_turns"},
        parallel_tool_calls=False,
        aspect="16:9",
        extra_body={"thinking_budget": 9},
    )
    assert asked == Query(
        model="m",
        bot="bot of m",
        messages=(Message("system", (Text("Be kind."),)), Message("user", (Text("hi"),))),
        parallel_tool_calls=False,
        temperature=0.5,
        max_tokens=7,
        parameters={
            "reasoning_effort": "high",
            "top_p": 0.9,
            "max_output_tokens": 7,
            "aspect": "16:9",
            "thinking_budget": 9,
        },
    )


def test_fields_that_clients_send_are_no_parameters() -> None:
    asked = query(
        include=["reasoning.encrypted_content"],
        prompt_cache_key="k",
        prompt_cache_retention="24h",
        safety_identifier="s",
        service_tier="auto",
        client_metadata={"turn_id": "t"},
        truncation="auto",
        metadata={"a": "b"},
        store=False,
        stream=True,
        stream_options={"include_obfuscation": False},
        max_tool_calls=3,
        top_logprobs=2,
        user="u",
        text={"verbosity": "low"},
        context_management=[{"type": "compaction"}],
        background=False,
        conversation=None,
        prompt=None,
    )
    assert asked.parameters == {} and asked.output_format is None


def test_tools() -> None:
    asked = query(tools=[*SERVER_TOOLS, FUNCTION, PATCH, AGENTS])
    function, patch, inner, inner_patch = asked.tools
    assert (function.name, function.description) == ("add", "Adds.")
    assert function.parameters == FUNCTION["parameters"]
    assert (patch.name, patch.custom, patch.grammar) == (
        "apply_patch",
        True,
        "lark grammar:\nstart: x",
    )
    assert (inner.name, inner.custom) == ("agents.add", False)
    assert (inner_patch.name, inner_patch.custom) == ("agents.apply_patch", True)


def test_free_text_needs_no_grammar() -> None:
    [tool] = query(tools=[{**PATCH, "format": {"type": "text"}}]).tools
    assert tool.custom and tool.grammar is None


def test_additional_tools_are_tools() -> None:
    """Codex with gpt-6 has no ``tools``: they are in an item, all of them in namespaces."""
    told = {"type": "additional_tools", "role": "developer", "tools": [AGENTS, SERVER_TOOLS[0]]}
    asked = query(input=[told, {"role": "user", "content": "hi"}], tools=[FUNCTION])
    assert [tool.name for tool in asked.tools] == ["agents.add", "agents.apply_patch", "add"]
    assert asked.messages == (Message("user", (Text("hi"),)),)


def test_of_two_tools_of_one_name_the_later_counts() -> None:
    [tool] = query(tools=[FUNCTION, {**FUNCTION, "description": "Sums."}]).tools
    assert tool.description == "Sums."


REQUIRED_ADD = ToolChoice("required", frozenset({"add"}))


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        (None, ToolChoice()),
        ("auto", ToolChoice()),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ({"type": "function", "name": "add"}, REQUIRED_ADD),
        (
            {"type": "custom", "name": "apply_patch"},
            ToolChoice("required", frozenset({"apply_patch"})),
        ),
        (
            {"type": "function", "name": "spawn"},
            ToolChoice("required", frozenset({"agents.spawn"})),
        ),
        (
            {"type": "function", "name": "spawn", "namespace": "agents"},
            ToolChoice("required", frozenset({"agents.spawn"})),
        ),
        (
            {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "add"}, {"type": "web_search"}],
            },
            ToolChoice("auto", frozenset({"add"})),
        ),
        (
            {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "add"}],
            },
            REQUIRED_ADD,
        ),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "web_search"}]},
            ToolChoice("auto", frozenset()),
        ),
        ({"type": "web_search_preview"}, ToolChoice()),
        ({"type": "mcp", "server_label": "s", "name": "n"}, ToolChoice()),
    ],
)
def test_tool_choice(choice: Any, wanted: ToolChoice) -> None:
    spawn = {
        "type": "namespace",
        "name": "agents",
        "tools": [{"type": "function", "name": "spawn"}],
    }
    tools = [FUNCTION, PATCH, spawn, *SERVER_TOOLS]
    assert query(tools=tools, tool_choice=choice).tool_choice == wanted
    payload, turn = begun(tools=tools, tool_choice=choice)
    check_response(response_object(new_envelope(ID, payload, turn.toolbox, 1), []))


def test_server_tools_cannot_be_required() -> None:
    assert query(tools=SERVER_TOOLS, tool_choice="required").tool_choice == ToolChoice()


@pytest.mark.parametrize(
    ("choice", "tools"),
    [
        ("required", []),
        ({"type": "function", "name": "none such"}, [FUNCTION]),
        ({"type": "function", "name": "add"}, []),
    ],
)
def test_a_choice_that_cannot_be_kept(choice: Any, tools: Any) -> None:
    error = fault(tools=tools, tool_choice=choice)
    assert isinstance(error, InvalidRequest) and error.param == "tool_choice"


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, OutputFormat()),
        (
            {"type": "json_schema", "name": "n", "schema": {"type": "object"}},
            OutputFormat({"type": "object"}),
        ),
        (
            {"type": "json_schema", "schema": {"type": "object"}, "strict": True},
            OutputFormat({"type": "object"}, strict=True),
        ),
    ],
)
def test_text_format(form: Any, wanted: OutputFormat | None) -> None:
    assert query(text={"format": form}).output_format == wanted
    payload, turn = begun(text={"format": form})
    check_response(response_object(new_envelope(ID, payload, turn.toolbox, 1), []))


MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "I am Ann.", "annotations": []}],
}


def test_a_previous_response_goes_before() -> None:
    asked = query(Kept(resp_1=[MESSAGE]), previous_response_id="resp_1")
    assert asked.messages == (
        Message("assistant", (Text("I am Ann."),)),
        Message("user", (Text("hi"),)),
    )
    _, turn = begun(Kept(resp_1=[MESSAGE]), previous_response_id="resp_1")
    assert [item["id"] for item in turn.conversation] == ["msg_1", f"msg_{'0' * 32}0001"]


def test_a_previous_response_alone_is_enough() -> None:
    asked = query(Kept(resp_1=[MESSAGE]), previous_response_id="resp_1", input=None)
    assert asked.messages == (Message("assistant", (Text("I am Ann."),)),)


def test_an_unknown_previous_response() -> None:
    error = fault(previous_response_id="resp_2")
    assert isinstance(error, NotFound)
    assert (error.param, error.code) == ("previous_response_id", "previous_response_not_found")
    assert "'resp_2'" in error.message


def test_a_reference_is_resolved() -> None:
    reference = {"type": "item_reference", "id": "msg_1"}
    asked = query(Kept(resp_1=[MESSAGE]), input=[reference, {"role": "user", "content": "so?"}])
    assert asked.messages[0] == Message("assistant", (Text("I am Ann."),))


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"input": []}, "input"),
        ({"input": None}, "input"),
        ({"input": 3}, "input"),
        ({"input": [{"type": "reasoning", "summary": []}]}, "input"),
        ({"model": ""}, "model"),
        ({"model": None}, "model"),
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"conversation": {"id": "conv_1"}}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "warm"}, "temperature"),
        ({"top_p": 2}, "top_p"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"store": "yes"}, "store"),
        ({"metadata": {"a": 1}}, "metadata.a.value"),
        ({"truncation": "some"}, "truncation"),
        ({"instructions": ["x"]}, "instructions"),
        ({"tools": {}}, "tools"),
        ({"tools": ["x"]}, "tools[0]"),
        ({"tools": [{"name": "x"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{"type": "function", "name": "a b"}]}, "tools[0].name"),
        ({"tools": [{"type": "namespace", "name": "n"}]}, "tools[0].tools"),
        (
            {"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "custom"}]}]},
            "tools[0].tools[0].name",
        ),
        ({"tool_choice": "maybe"}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.name"),
        ({"tool_choice": {"type": "allowed_tools", "tools": []}}, "tool_choice.mode"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
    ],
)
def test_what_cannot_be_is_named(request_: Any, param: str) -> None:
    error = fault(**request_)
    assert isinstance(error, InvalidRequest) and error.param == param


def test_what_a_response_tells_back() -> None:
    payload, turn = begun(
        instructions="i",
        metadata={"a": "b"},
        tools=[*SERVER_TOOLS, FUNCTION, AGENTS],
        reasoning={"effort": "low"},
        text={"verbosity": "low"},
        store=False,
        max_output_tokens=5,
        temperature=1,
        truncation="auto",
        user="u",
    )
    response = response_object(new_envelope(ID, payload, turn.toolbox, 1), [])
    check_response(response)
    assert response["instructions"] == "i"
    numbers = ("top_p", "presence_penalty", "frequency_penalty")
    assert [response[name] for name in numbers] == [1.0, 0.0, 0.0]
    assert response["metadata"] == {"a": "b"}
    assert [tool["name"] for tool in response["tools"]] == ["add", "agents"]
    assert response["tools"][0]["strict"] is True
    assert response["tool_choice"] == "auto"
    assert response["reasoning"] == {"effort": "low", "summary": None}
    assert response["text"] == {"format": {"type": "text"}, "verbosity": "low"}
    assert response["store"] is False and response["truncation"] == "auto"
    assert response["parallel_tool_calls"] is True
    assert (response["max_output_tokens"], response["temperature"]) == (5, 1.0)


def test_numbers_are_told_back_and_penalties_do_not_reach_the_bot() -> None:
    payload, turn = begun(top_p=0.5, presence_penalty=1, frequency_penalty=-0.5)
    response = response_object(new_envelope(ID, payload, turn.toolbox, 1), [])
    numbers = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
    assert [response[name] for name in numbers] == [1.0, 0.5, 1.0, -0.5]
    assert parse(payload, turn, str).parameters == {"top_p": 0.5}


def test_a_format_and_a_custom_tool_are_told_back_as_the_types_want_them() -> None:
    form = {"type": "json_schema", "schema": {"type": "object"}}
    payload, turn = begun(text={"format": form}, tools=[{"type": "custom", "name": "patch"}])
    response = response_object(new_envelope(ID, payload, turn.toolbox, 1), [])
    check_response(response)
    assert response["text"]["format"] == {
        "type": "json_schema",
        "name": "response",
        "description": None,
        "schema": {"type": "object"},
        "strict": False,
    }
    assert response["tools"] == [{"type": "custom", "name": "patch"}]

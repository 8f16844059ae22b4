"""Anthropic's tools, the way in: which of them a bot is offered, and which it must call."""

from typing import Any

import pytest

from app.core.conversation import Query, ToolChoice, ToolSpec
from app.dialects.messages.request import parse
from app.dialects.messages.schemas import MessagesSchema
from app.errors import InvalidRequest
from app.schemas.loading import load_payload

INPUT = {"type": "object", "properties": {"a": {"type": "integer"}}}


def tool(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "input_schema": INPUT, **more}


def query_of(tools: Any, *later: Any, **fields: Any) -> Query:
    request = {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "Hi"}, *later],
        "tools": tools,
    }
    return parse(load_payload(MessagesSchema(), {**request, **fields}), str)


def names(query: Query) -> list[str]:
    return [offered.name for offered in query.tools]


@pytest.mark.parametrize("kind", [{}, {"type": None}, {"type": "custom"}])
def test_it_works(kind: dict[str, Any]) -> None:
    query = query_of([tool("add", description="Adds.", eager_input_streaming=True, **kind)])
    assert query.tools == (ToolSpec("add", "Adds.", INPUT),)
    assert query.tool_choice == ToolChoice() and query.parallel_tool_calls


@pytest.mark.parametrize(
    "server_tool",
    [
        {"type": "web_search_20250305", "name": "web_search"},
        {"type": "bash_20250124", "name": "bash"},
        {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"},
        {"type": "computer_20250124", "name": "computer", "display_width_px": 1},
        {"type": "memory_20250818", "name": "memory"},
        {"type": "code_execution_20250825", "name": "code_execution"},
        {"type": "mcp_toolset", "mcp_server_name": "s"},
        {"type": "what_comes_next"},
    ],
)
def test_tools_of_the_vendor_are_left_out(server_tool: dict[str, Any]) -> None:
    assert names(query_of([server_tool, tool("add")])) == ["add"]
    assert names(query_of([server_tool])) == []


PLACEHOLDER = tool("DeferredToolPlaceholder", defer_loading=True)
DEFERRED = [tool("ToolSearch"), tool("cron", defer_loading=True), PLACEHOLDER]


def told(*blocks: dict[str, Any], role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": list(blocks)}


def result(*content: dict[str, Any]) -> dict[str, Any]:
    return told({"type": "tool_result", "tool_use_id": "t", "content": list(content)})


REFERENCE = {"type": "tool_reference", "tool_name": "cron"}


@pytest.mark.parametrize(
    "found",
    [
        result(REFERENCE),
        result({"type": "text", "text": "x"}, {**REFERENCE, "cache_control": {}}),
        told(REFERENCE),
        told(
            {
                "type": "tool_search_tool_result",
                "tool_use_id": "s",
                "content": {
                    "type": "tool_search_tool_search_result",
                    "tool_references": [REFERENCE],
                },
            },
            role="assistant",
        ),
        told({"type": "tool_use", "id": "t", "name": "cron", "input": {}}, role="assistant"),
        told(
            {"type": "tool_addition", "tool": {"type": "tool_reference", "name": "cron"}},
            role="system",
        ),
    ],
)
def test_a_deferred_tool_is_offered_once_it_was_found(found: dict[str, Any]) -> None:
    assert names(query_of(DEFERRED)) == ["ToolSearch"]
    assert names(query_of(DEFERRED, found)) == ["ToolSearch", "cron"]


def test_the_placeholder_is_never_offered() -> None:
    name = "DeferredToolPlaceholder"
    referred = told(
        {"type": "tool_reference", "tool_name": name},
        {"type": "tool_addition", "tool": {"type": "tool_reference", "name": name}},
    )
    assert names(query_of([PLACEHOLDER, tool(name)], referred)) == []


def test_where_anthropic_would_search_all_tools_are_offered() -> None:
    search = {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"}
    assert names(query_of([search, tool("a", defer_loading=True)])) == ["a"]


def test_a_failed_search_finds_nothing() -> None:
    failed = {"type": "tool_search_tool_result_error", "error_code": "unavailable"}
    block = {"type": "tool_search_tool_result", "tool_use_id": "s", "content": failed}
    assert names(query_of(DEFERRED, told(block, role="assistant"))) == ["ToolSearch"]


def test_tools_come_and_go_in_mid_conversation() -> None:
    define = {"type": "tool_definition", "definition": tool("new")}
    drop = {"type": "tool_reference", "name": "old"}
    changes = told(
        {"type": "tool_addition", "tool": define},
        {"type": "tool_removal", "tool": drop},
        role="system",
    )
    query = query_of([tool("old"), tool("kept")], changes)
    assert names(query) == ["kept", "new"]
    assert [message.role for message in query.messages] == ["user"]
    back = told({"type": "tool_addition", "tool": drop}, role="system")
    assert names(query_of([tool("old")], changes, back)) == ["old", "new"]
    server = {"type": "tool_definition", "definition": {"type": "bash_20250124", "name": "bash"}}
    addition = told({"type": "tool_addition", "tool": server}, role="system")
    assert names(query_of([tool("old")], addition)) == ["old"]


@pytest.mark.parametrize(
    ("choice", "meant", "parallel"),
    [
        (None, ToolChoice(), True),
        ({"type": "auto"}, ToolChoice(), True),
        ({"type": "auto", "disable_parallel_tool_use": True}, ToolChoice(), False),
        ({"type": "any"}, ToolChoice("required"), True),
        ({"type": "none"}, ToolChoice("none"), True),
        (
            {"type": "tool", "name": "b", "disable_parallel_tool_use": True},
            ToolChoice("required", frozenset({"b"})),
            False,
        ),
        ({"type": "tool", "name": "cron"}, ToolChoice("required", frozenset({"cron"})), True),
    ],
)
def test_choices(choice: Any, meant: ToolChoice, parallel: bool) -> None:
    tools = [tool("a"), tool("b"), tool("cron", defer_loading=True)]
    query = query_of(tools, tool_choice=choice)
    assert (query.tool_choice, query.parallel_tool_calls) == (meant, parallel)
    assert query.offered_tools() or meant.mode == "none"


@pytest.mark.parametrize(
    ("tools", "choice", "param"),
    [
        ([tool("a")], {"type": "tool", "name": "nobody"}, "tool_choice.name"),
        ([PLACEHOLDER], {"type": "tool", "name": PLACEHOLDER["name"]}, "tool_choice.name"),
        (None, {"type": "any"}, "tool_choice"),
        ([tool("a")], {"type": "tool"}, "tool_choice.name"),
        ([tool("a")], {"type": "some"}, "tool_choice.type"),
        ([tool("a")], "auto", "tool_choice"),
        ([{"name": "a"}], None, "tools[0].input_schema"),
        ([{"input_schema": {}}], None, "tools[0].name"),
        ([tool("a b")], None, "tools[0].name"),
        ([tool("a"), 5], None, "tools[1]"),
        ([tool("a", type=5)], None, "tools[0].type"),
        ([tool("a", defer_loading="no")], None, "tools[0].defer_loading"),
    ],
)
def test_faults(tools: Any, choice: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        query_of(tools, tool_choice=choice)
    assert caught.value.param == param and caught.value.message.startswith(f"{param}: ")


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "bash"}])
def test_a_choice_of_a_server_tool_is_dropped_with_it(choice: Any) -> None:
    query = query_of([{"type": "bash_20250124", "name": "bash"}], tool_choice=choice)
    assert query.tools == () and query.tool_choice == ToolChoice()


def test_any_tool_means_those_that_are_left() -> None:
    tools = [{"type": "bash_20250124", "name": "bash"}, tool("a")]
    assert query_of(tools, tool_choice={"type": "any"}).tool_choice == ToolChoice("required")

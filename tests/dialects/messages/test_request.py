"""Anthropic's Messages, the way in: what a payload means, and what is wrong with it."""

from typing import Any

import pytest
from anthropic.types import message_create_params
from anthropic.types.beta import message_create_params as beta_params

from app.core.conversation import Message, OutputFormat, Query, Text
from app.dialects.messages.request import parse, refuse_thread
from app.dialects.messages.schemas import CountTokensSchema, MessagesSchema
from app.errors import InvalidRequest
from app.http.envelopes import anthropic_envelope
from app.schemas.loading import load_payload


def query_of(content: Any = "Hi", **fields: Any) -> Query:
    """What a request with this user message, or these fields, asks."""
    request = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": content}]}
    return parse(
        load_payload(MessagesSchema(), {**request, **fields}), lambda model: f"bot-{model}"
    )


def messages_of(*turns: tuple[str, Any]) -> tuple[Message, ...]:
    return query_of(messages=[{"role": role, "content": said} for role, said in turns]).messages


def test_it_works() -> None:
    query = query_of(
        system="Be kind.",
        temperature=0.5,
        stop_sequences=["END", "STOP"],
        metadata={"user_id": "someone"},
        stream=True,
    )
    assert (query.model, query.bot, query.max_tokens) == ("m", "bot-m", 9)
    assert query.messages == (
        Message("system", (Text("Be kind."),)),
        Message("user", (Text("Hi"),)),
    )
    assert (query.temperature, query.stop) == (0.5, ("END", "STOP"))
    assert query.tools == () and query.output_format is None
    assert query.parameters == {"max_tokens": 9}


def test_a_turn_of_every_role() -> None:
    system = [{"type": "text", "text": "Where you are.", "cache_control": {"type": "ephemeral"}}]
    assert messages_of(("user", "a"), ("system", system), ("assistant", "b"), ("system", "c")) == (
        Message("user", (Text("a"),)),
        Message("system", (Text("Where you are."),)),
        Message("assistant", (Text("b"),)),
        Message("system", (Text("c"),)),
    )


def test_a_system_turn_may_only_set_the_effort() -> None:
    turns = [{"role": "system", "output_config": {"effort": "max"}}]
    query = query_of(messages=[{"role": "user", "content": "a"}, *turns])
    assert [message.role for message in query.messages] == ["user"]
    assert query.parameters["reasoning_effort"] == "max"


@pytest.mark.parametrize(
    ("system", "told"),
    [
        (None, []),
        ("", []),
        ([], []),
        ([{"type": "text", "text": "x-anthropic-billing-header: v=1; e=cli;"}], []),
        (
            [
                {"type": "text", "text": "x-anthropic-billing-header: v=1;"},
                {"type": "text", "text": "One."},
                {"type": "text", "text": "\nTwo."},
            ],
            ["One.", "\nTwo."],
        ),
        ("x-anthropic-billing-header: v=1;\n\nBe brief.", ["Be brief."]),
    ],
)
def test_the_billing_line_is_no_prompt(system: Any, told: list[str]) -> None:
    first = query_of(system=system).messages[0]
    assert [part.text for part in first.parts if isinstance(part, Text)] == (told or ["Hi"])
    assert first.role == ("system" if told else "user")


def test_sampling_and_thinking_become_parameters() -> None:
    query = query_of(
        top_p=0.9,
        top_k=40,
        thinking={"type": "enabled", "budget_tokens": 2048},
        output_config={"effort": "high"},
        aspect="16:9",
        extra_body={"quality": "low"},
    )
    assert query.parameters == {
        "top_p": 0.9,
        "top_k": 40,
        "max_tokens": 9,
        "thinking_budget": 2048,
        "reasoning_effort": "high",
        "aspect": "16:9",
        "quality": "low",
    }
    named = query_of(thinking={"type": "enabled", "budget_tokens": 2048}, thinking_budget=5)
    assert named.parameters["thinking_budget"] == 5
    adaptive = query_of(thinking={"type": "adaptive", "budget_tokens": 2048, "display": "updates"})
    assert adaptive.parameters == {"max_tokens": 9}


def _fields_of_the_sdk() -> set[str]:
    stable = message_create_params.MessageCreateParamsBase.__annotations__
    return {*stable, *beta_params.MessageCreateParamsBase.__annotations__, "output_format"}


@pytest.mark.parametrize("name", sorted(_fields_of_the_sdk()))
def test_no_field_of_anthropics_becomes_a_parameter(name: str) -> None:
    assert name in MessagesSchema().fields


SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}


@pytest.mark.parametrize(
    "fields",
    [
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        {"output_format": {"type": "json_schema", "schema": SCHEMA}},
        {
            "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
            "output_format": {"type": "json_schema", "schema": {}},
        },
    ],
)
def test_a_format_is_a_promise(fields: dict[str, Any]) -> None:
    assert query_of(**fields).output_format == OutputFormat(SCHEMA, strict=True)


def test_unknown_fields_are_accepted_everywhere() -> None:
    new = {"new": {"a": 1}, "cache_control": {"type": "ephemeral"}}
    query = query_of(
        messages=[{"role": "user", "content": [{"type": "text", "text": "Hi", **new}], **new}],
        system=[{"type": "text", "text": "s", **new}],
        tools=[{"name": "t", "input_schema": {"$schema": "x"}, "strict": True, **new}],
        tool_choice={"type": "auto", **new},
        thinking={"type": "future", **new},
        metadata=None,
        diagnostics={"previous_message_id": None},
    )
    assert query.messages[-1].parts == (Text("Hi"),) and query.parameters == {"max_tokens": 9}
    assert query.tools[0].parameters == {"$schema": "x"}


def test_counting_needs_no_limit() -> None:
    request = {"model": "m", "messages": [{"role": "user", "content": "foo"}], "tools": []}
    query = parse(load_payload(CountTokensSchema(), request), str)
    assert query.max_tokens is None and query.parameters == {}


@pytest.mark.parametrize("thread", [{"type": "create"}, {"type": "continue"}, "x", False])
def test_threads_are_refused_in_the_words_that_sdks_know(thread: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        refuse_thread({"thread": thread})
    details = anthropic_envelope(caught.value, "req_1")["error"]["details"]
    assert details == {
        "error_code": "thread_unsupported_request",
        "unsupported": ["message_threads"],
    }
    assert refuse_thread({"thread": None}) == {"thread": None} and refuse_thread([]) == []


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"model": ""}, "model"),
    ({"max_tokens": None}, "max_tokens"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_tokens": 1.5}, "max_tokens"),
    ({"max_tokens": True}, "max_tokens"),
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
    ({"messages": [{"role": "user"}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": [5]}]}, "messages[0].content[0]"),
    ({"system": 5}, "system"),
    ({"system": [{"type": "text"}]}, "system[0].text"),
    ({"temperature": 1.1}, "temperature"),
    ({"temperature": "0.5"}, "temperature"),
    ({"top_p": 2}, "top_p"),
    ({"top_k": -2}, "top_k"),
    ({"stop_sequences": "END"}, "stop_sequences"),
    ({"stop_sequences": ["a", ""]}, "stop_sequences[1]"),
    ({"stream": "yes"}, "stream"),
    ({"thinking": {"budget_tokens": 5}}, "thinking.type"),
    ({"thinking": {"type": "enabled", "budget_tokens": 0}}, "thinking.budget_tokens"),
    ({"output_config": {"format": {"type": "text"}}}, "output_config.format.type"),
    ({"output_format": {"type": "json_schema"}}, "output_format.schema"),
]


@pytest.mark.parametrize(("fields", "param"), FAULTS)
def test_a_fault_is_told_by_its_place(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        query_of(**fields)
    assert caught.value.param == param and caught.value.message.startswith(f"{param}: ")

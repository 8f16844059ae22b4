"""The encoder of Responses: any reply's events give a stream in the documented order."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.events import (
    Discarded,
    Event,
    Finished,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
    fold,
)
from app.dialects.responses.response import Envelope, new_envelope, render
from app.dialects.responses.schemas import ResponsesSchema
from app.dialects.responses.stream import Encoder, failure_code
from app.dialects.responses.tools import open_toolbox
from app.errors import (
    ApiError,
    BotTimeout,
    InsufficientCredits,
    InternalError,
    InvalidRequest,
    NotFound,
    Overloaded,
    PromptTooLong,
    RateLimited,
    Refused,
    RequestTooLarge,
    Unauthenticated,
    UpstreamError,
)
from app.schemas.loading import load_payload
from tests.responses_stream import check_response, checked, events_in

TOOLS: Any = [
    {"type": "function", "name": "add", "parameters": {"type": "object"}},
    {"type": "custom", "name": "patch"},
    {"type": "namespace", "name": "agents", "tools": [{"type": "function", "name": "spawn"}]},
]
USAGE = Usage(7, 5, 2)
STOP = Finished("stop", USAGE)
LENGTH = Finished("length", USAGE)
CALLS = Finished("tool_calls", USAGE)


def envelope(**request: Any) -> Envelope:
    payload = load_payload(ResponsesSchema(), {"model": "m", "input": "hi", **request})
    return new_envelope("resp_" + "0" * 32, payload, open_toolbox(payload["tools"]), 1)


def streamed(*events: Event, **request: Any) -> list[dict[str, Any]]:
    encoder = Encoder(envelope(**request))
    frames = encoder.start() + b"".join(map(encoder.step, events))
    return events_in(frames.decode())


def told(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def test_it_works() -> None:
    events = streamed(TextDelta("Hel"), TextDelta("lo"), STOP)
    assert told(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    response = checked(events)
    assert response["output"][0]["content"][0]["text"] == "Hello"
    assert response["usage"] == {
        "input_tokens": 7,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 12,
    }


def test_reasoning_comes_as_content() -> None:
    events = streamed(ReasoningDelta("well"), TextDelta("yes"), STOP)
    assert told(events)[2:8] == [
        "output_item.added",
        "content_part.added",
        "reasoning_text.delta",
        "reasoning_text.done",
        "content_part.done",
        "output_item.done",
    ]
    assert events[2]["item"]["content"] == [] and events[2]["item"]["summary"] == []
    assert events[3]["part"] == {"type": "reasoning_text", "text": ""}
    reasoning, message = checked(events)["output"]
    assert reasoning["summary"] == []
    assert reasoning["content"] == [{"type": "reasoning_text", "text": "well"}]
    assert message["type"] == "message"


@pytest.mark.parametrize(
    "asked",
    [
        {"reasoning": {"summary": "auto"}},
        {"reasoning": {"generate_summary": "detailed"}},
        {"reasoning": {"effort": "medium"}, "include": ["reasoning.encrypted_content"]},
    ],
)
def test_reasoning_comes_as_a_summary_where_one_was_asked_for(asked: dict[str, Any]) -> None:
    events = streamed(ReasoningDelta("well"), TextDelta("yes"), STOP, **asked)
    assert told(events)[2:8] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
    ]
    reasoning, message = checked(events)["output"]
    assert reasoning["summary"] == [{"type": "summary_text", "text": "well"}]
    assert "content" not in reasoning
    assert message["type"] == "message"


def test_a_call_and_a_custom_call() -> None:
    events = streamed(
        ToolCallDelta(0, '{"a":1}', "call_1", "add"),
        ToolCallDelta(1, "*** Begin", "call_2", "patch", custom=True),
        CALLS,
        tools=TOOLS,
    )
    assert told(events)[2:-1] == [
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "output_item.added",
        "custom_tool_call_input.delta",
        "custom_tool_call_input.done",
        "output_item.done",
    ]
    assert events[4]["name"] == "add"
    call, custom = checked(events)["output"]
    assert (call["call_id"], call["name"], call["arguments"]) == ("call_1", "add", '{"a":1}')
    assert (custom["type"], custom["input"]) == ("custom_tool_call", "*** Begin")
    assert "namespace" not in call


def test_a_native_bot_sends_arguments_in_pieces() -> None:
    """A call without arguments has no delta, and some bots repeat the id in each of them."""
    events = streamed(
        ToolCallDelta(0, "", "call_1", "add"),
        ToolCallDelta(1, "", "call_2", "add"),
        ToolCallDelta(1, '{"a":'),
        ToolCallDelta(1, "1}", "call_2"),
        CALLS,
        tools=TOOLS,
    )
    first, second = checked(events)["output"]
    assert (first["arguments"], second["arguments"]) == ("", '{"a":1}')


def test_arguments_that_come_too_late_are_an_error() -> None:
    encoder = Encoder(envelope(tools=TOOLS))
    encoder.step(ToolCallDelta(0, "{", "call_1", "add"))
    encoder.step(ToolCallDelta(1, "{}", "call_2", "add"))
    with pytest.raises(ValueError, match="call goes on"):
        encoder.step(ToolCallDelta(0, "}"))


def test_a_namespace_is_told_apart_from_the_name() -> None:
    """Codex answers "unsupported call" to a name with its namespace in it."""
    events = streamed(ToolCallDelta(0, "{}", "call_1", "agents.spawn"), CALLS, tools=TOOLS)
    [call] = checked(events)["output"]
    assert (call["namespace"], call["name"]) == ("agents", "spawn")
    added = events[2]["item"]
    assert (added["namespace"], added["name"], added["arguments"]) == ("agents", "spawn", "")


def test_an_answer_without_content_has_an_empty_message() -> None:
    response = checked(streamed(STOP))
    assert response["output"][0]["content"][0]["text"] == ""


def test_text_around_a_call_is_two_messages() -> None:
    events = streamed(
        TextDelta("a"), ToolCallDelta(0, "{}", "c", "add"), TextDelta("b"), CALLS, tools=TOOLS
    )
    assert [item["type"] for item in checked(events)["output"]] == [
        "message",
        "function_call",
        "message",
    ]


def test_a_cut_answer_is_incomplete() -> None:
    response = checked(streamed(ReasoningDelta("so"), TextDelta("Hel"), LENGTH))
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert [item["status"] for item in response["output"]] == ["completed", "incomplete"]


def test_each_keepalive_has_a_number_of_its_own() -> None:
    encoder = Encoder(envelope())
    frames = encoder.start() + encoder.keepalive + encoder.step(TextDelta("a"))
    frames += encoder.keepalive + encoder.keepalive + encoder.step(STOP)
    events = events_in(frames.decode())
    checked(events)
    assert told(events).count("in_progress") == 4


def test_ids_are_fixed_and_differ() -> None:
    response = checked(streamed(ReasoningDelta("a"), TextDelta("b"), STOP))
    assert [item["id"] for item in response["output"]] == [
        f"rs_{'0' * 32}0001",
        f"msg_{'0' * 32}0002",
    ]


def test_the_response_is_kept_before_its_end_is_told() -> None:
    kept: list[dict[str, Any]] = []

    def keep(response: dict[str, Any]) -> bool:
        kept.append(response)
        return True

    encoder = Encoder(envelope(), keep)
    encoder.start()
    encoder.step(TextDelta("a"))
    assert kept == []
    [*_, last] = events_in(encoder.step(STOP).decode())
    assert kept == [last["response"]]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidRequest("m"), "invalid_prompt"),
        (Unauthenticated("m"), "invalid_prompt"),
        (InsufficientCredits("m"), "insufficient_quota"),
        (Refused("m"), "invalid_prompt"),
        (NotFound("m"), "invalid_prompt"),
        (BotTimeout("m"), "server_error"),
        (RequestTooLarge("m"), "invalid_prompt"),
        (PromptTooLong("m"), "context_length_exceeded"),
        (RateLimited("m"), "rate_limit_exceeded"),
        (InternalError("m"), "server_error"),
        (ApiError("m"), "server_error"),
        (UpstreamError("m"), "server_error"),
        (Overloaded("m"), "server_error"),
    ],
)
def test_each_error_has_the_code_that_clients_act_upon(error: ApiError, code: str) -> None:
    assert failure_code(error) == code
    encoder = Encoder(envelope(tools=TOOLS))
    frames = encoder.start() + encoder.step(TextDelta("Hel")) + encoder.fail(error)
    response = checked(events_in(frames.decode()))
    assert response["error"] == {"code": code, "message": "m"}
    assert response["output"][0]["status"] == "incomplete"


@pytest.mark.parametrize(
    ("retry_after", "message"),
    [
        ("7", "Slow down. Please try again in 7s."),
        ("1.5", "Slow down. Please try again in 1.5s."),
        ("Sat, 21 Nov 2026 12:00:00 GMT", "Slow down."),
        (None, "Slow down."),
    ],
)
def test_how_long_to_wait_is_in_the_message(retry_after: str | None, message: str) -> None:
    encoder = Encoder(envelope())
    frames = encoder.start() + encoder.fail(RateLimited("Slow down.", retry_after=retry_after))
    assert checked(events_in(frames.decode()))["error"]["message"] == message


TEXTS = st.text(min_size=1, max_size=5)
PIECES = st.one_of(
    st.builds(TextDelta, TEXTS),
    st.builds(ReasoningDelta, TEXTS),
    st.builds(Discarded, TEXTS),
    st.tuples(st.sampled_from(["add", "patch", "agents.spawn"]), st.lists(TEXTS, max_size=3)),
)


def reply_of(pieces: list[Any], finished: Finished) -> list[Event]:
    events: list[Event] = []
    calls = 0
    for piece in pieces:
        if not isinstance(piece, tuple):
            events.append(piece)
            continue
        name, texts = piece
        custom = name == "patch"
        events.append(ToolCallDelta(calls, "", f"call_{calls}", name, custom))
        events += [ToolCallDelta(calls, text, custom=custom) for text in texts]
        calls += 1
    return [*events, finished]


@settings(deadline=None)
@given(st.lists(PIECES, max_size=8), st.sampled_from([STOP, LENGTH, CALLS]))
def test_a_stream_ends_in_what_the_whole_answer_is(pieces: list[Any], finished: Finished) -> None:
    events = reply_of(pieces, finished)
    whole = render(fold([events]), envelope(tools=TOOLS))
    check_response(whole)
    response = checked(streamed(*events, tools=TOOLS))
    for changing in ("created_at", "completed_at"):
        response[changing] = whole[changing]
    assert json.dumps(response) == json.dumps(whole)

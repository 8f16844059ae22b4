"""Anthropic's Messages, the way out, without a socket."""

import base64
import json
from itertools import combinations
from typing import Any

import anthropic
import pytest
from anthropic.types import Message, MessageDeltaUsage, TextBlock, ThinkingBlock, ToolUseBlock
from anthropic.types.raw_message_delta_event import Delta

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
from app.core.frames import named_frame
from app.dialects.messages.response import Encoder, Envelope, Thinking, new_envelope, render
from app.errors import PromptTooLong, RateLimited
from tests.anthropic_stream import checked, events_in, folded

ENVELOPE = Envelope("msg_1", "claude-x", "req_1")
USAGE = Usage(prompt=11, completion=7, reasoning=3)
END = Finished("stop", USAGE)
CALL = ToolCallDelta(0, '{"a": 1, "b": {"c": "d\u00e9"}}', "call_7", "add")


def streamed(*events: Event, thinking: Thinking = "shown", prompt: int = 0) -> str:
    envelope = Envelope("msg_1", "claude-x", "req_1", thinking)
    encoder = Encoder(envelope, lambda: prompt)
    return (encoder.start() + b"".join(map(encoder.step, events))).decode()


def rendered(*events: Event, thinking: Thinking = "shown") -> dict[str, Any]:
    body = render(fold([list(events)]), Envelope("msg_1", "claude-x", "req_1", thinking))
    Message.model_validate(body, strict=True)
    return body


def test_it_works() -> None:
    events = checked(streamed(TextDelta("Hel"), TextDelta("lo"), END, prompt=11))
    assert [event["type"] for event in events] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert folded(events) == [{"type": "text", "text": "Hello", "citations": None}]
    assert events[0]["message"]["usage"]["input_tokens"] == 11
    assert events[-2]["delta"] == {
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "stop_details": None,
        "container": None,
    }


def test_the_form_of_a_frame() -> None:
    assert named_frame({"type": "x", "text": "\u2603\ud83d"}) == (
        b'event: x\ndata: {"type":"x","text":"\\u2603\\ud83d"}\n\n'
    )
    assert Encoder(ENVELOPE).keepalive == b'event: ping\ndata: {"type": "ping"}\n\n'
    assert events_in(streamed(END))[1] == {"type": "ping"}


REPLIES: list[tuple[Event, ...]] = [
    (TextDelta("Hello"), END),
    (ReasoningDelta("Hm."), TextDelta("Yes."), END),
    (ReasoningDelta("Hm."), END),
    (END,),
    (TextDelta(""), END),
    (CALL, Finished("tool_calls", USAGE)),
    (CALL, ToolCallDelta(1, "{}", "call_8", "now"), Finished("tool_calls", USAGE)),
    (ToolCallDelta(0, "", "call_8", "now"), Finished("tool_calls", USAGE)),
    (ReasoningDelta("I add."), TextDelta("Adding."), CALL, Finished("tool_calls", USAGE)),
    (TextDelta("One."), CALL, TextDelta("Two."), ReasoningDelta("Then."), TextDelta("3"), END),
    (TextDelta("a"), Discarded("b"), TextDelta("c"), END),
]


@pytest.mark.parametrize("thinking", ["shown", "omitted", "none"])
@pytest.mark.parametrize("events", REPLIES)
def test_streamed_and_whole_are_alike(events: tuple[Event, ...], thinking: Thinking) -> None:
    stream = checked(streamed(*events, thinking=thinking))
    whole = rendered(*events, thinking=thinking)
    assert folded(stream) == whole["content"]
    assert stream[-2]["delta"]["stop_reason"] == whole["stop_reason"]
    shared = stream[-2]["usage"].keys()
    assert stream[-2]["usage"] == {name: whole["usage"][name] for name in shared}
    assert shared == set(MessageDeltaUsage.model_fields)


def test_no_field_of_the_sdk_is_missing() -> None:
    """The TypeScript SDK's types require them all; Python's give them a default."""
    events = (ReasoningDelta("Hm."), TextDelta("Yes."), CALL, Finished("tool_calls", USAGE))
    whole, stream = rendered(*events), checked(streamed(*events))
    thinking, text, call = whole["content"]
    for body, kind in (
        (whole, Message),
        (whole["usage"], anthropic.types.Usage),
        (thinking, ThinkingBlock),
        (text, TextBlock),
        (call, ToolUseBlock),
        (stream[0]["message"], Message),
        (stream[0]["message"]["usage"], anthropic.types.Usage),
        (stream[-2]["delta"], Delta),
    ):
        assert set(kind.model_fields) - set(body) <= {"toolset_name"}, kind


def _cut(text: str) -> list[list[str]]:
    places = range(1, len(text))
    pairs = [*((place,) for place in places), *combinations(places, 2)]
    return [
        [text[start:end] for start, end in zip((0, *pair), (*pair, None), strict=True)]
        for pair in pairs
    ]


def test_a_call_may_be_cut_anywhere() -> None:
    whole = rendered(CALL, Finished("tool_calls", USAGE))["content"]
    for pieces in _cut(CALL.arguments):
        first = ToolCallDelta(0, pieces[0], CALL.id, CALL.name)
        later = [ToolCallDelta(0, piece) for piece in pieces[1:]]
        stream = streamed(first, *later, Finished("tool_calls", USAGE))
        assert folded(checked(stream)) == whole


def test_what_comes_late_for_a_closed_call_opens_no_block() -> None:
    begin = ToolCallDelta(0, '{"a": ', "call_1", "f")
    other = ToolCallDelta(1, "{}", "call_2", "g")
    late = ToolCallDelta(0, "1}")
    events = checked(streamed(begin, other, late, TextDelta("!"), late, END))
    kinds = [event["content_block"]["type"] for event in events if "content_block" in event]
    assert kinds == ["tool_use", "tool_use", "text"]


def test_ids_do_not_grow() -> None:
    native = ToolCallDelta(0, "{}", "toolu_abc", "add")
    [block] = rendered(native, Finished("tool_calls", USAGE))["content"]
    assert block["id"] == "toolu_abc"


def test_ids_of_calls() -> None:
    [block] = rendered(CALL, Finished("tool_calls", USAGE))["content"]
    assert block["id"] == "toolu_7" and block["input"] == {"a": 1, "b": {"c": "d\u00e9"}}
    start = folded(checked(streamed(CALL, END)))[0]
    assert start["id"] == "toolu_7" and start["name"] == "add"
    [unnamed] = rendered(ToolCallDelta(0, "{}", None, "f"), END)["content"]
    assert len(unnamed["id"]) > len("toolu_")


@pytest.mark.parametrize(
    ("arguments", "given"),
    [("", {}), ("{}", {}), ("[1]", {"arguments": [1]}), ("{a", {"arguments": "{a"})],
)
def test_input_is_always_an_object(arguments: str, given: dict[str, Any]) -> None:
    call = ToolCallDelta(0, arguments, "call_1", "f")
    assert rendered(call, END)["content"][0]["input"] == given


@pytest.mark.parametrize(
    ("finished", "reason", "sequence"),
    [
        (Finished("stop", USAGE), "end_turn", None),
        (Finished("stop", USAGE, "END"), "stop_sequence", "END"),
        (Finished("length", USAGE), "max_tokens", None),
        (Finished("tool_calls", USAGE), "tool_use", None),
    ],
)
def test_stop_reasons(finished: Finished, reason: str, sequence: str | None) -> None:
    body = rendered(TextDelta("x"), finished)
    assert (body["stop_reason"], body["stop_sequence"]) == (reason, sequence)
    delta = checked(streamed(TextDelta("x"), finished))[-2]["delta"]
    assert (delta["stop_reason"], delta["stop_sequence"]) == (reason, sequence)


def test_usage_and_the_rest_of_the_message() -> None:
    body = rendered(ReasoningDelta("Hm."), TextDelta("Yes."), END)
    assert body["usage"] == {
        "input_tokens": 11,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 3},
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "server_tool_use": None,
        "service_tier": "standard",
        "inference_geo": None,
        "speed": None,
    }
    assert (body["id"], body["type"], body["role"]) == ("msg_1", "message", "assistant")
    assert body["model"] == "claude-x"


def test_thinking_is_signed_and_told_as_asked() -> None:
    events = (ReasoningDelta("H"), ReasoningDelta("m."), TextDelta("Yes."), END)
    shown, omitted, none = (
        rendered(*events, thinking=thinking)["content"] for thinking in ("shown", "omitted", "none")
    )
    assert [block["type"] for block in shown] == ["thinking", "text"]
    assert shown[0]["thinking"] == "Hm." and base64.b64decode(shown[0]["signature"], validate=True)
    assert omitted[0] == {**shown[0], "thinking": ""} and omitted[1:] == shown[1:]
    assert none == shown[1:]


@pytest.mark.parametrize(
    ("thinking", "told"),
    [
        (None, "shown"),
        ({"type": "enabled", "display": None}, "shown"),
        ({"type": "adaptive", "display": "summarized"}, "shown"),
        ({"type": "adaptive", "display": "omitted"}, "omitted"),
        ({"type": "disabled"}, "none"),
    ],
)
def test_a_new_envelope(thinking: dict[str, Any] | None, told: str) -> None:
    payload = {"model": "m", "thinking": thinking}
    one, other = new_envelope(payload, "req_1"), new_envelope(payload, "req_1")
    assert one.id.startswith("msg_") and one.id != other.id
    assert (one.model, one.request_id, one.thinking) == ("m", "req_1", told)


def test_an_error_ends_the_stream_as_it_is() -> None:
    encoder = Encoder(ENVELOPE)
    encoder.start()
    encoder.step(TextDelta("begun"))
    [error] = events_in(encoder.fail(RateLimited("Slow down.")).decode())
    assert error == {
        "type": "error",
        "error": {"type": "rate_limit_error", "message": "Slow down."},
        "request_id": "req_1",
    }
    too_long = events_in(encoder.fail(PromptTooLong("prompt is too long")).decode())
    assert too_long[0]["error"]["type"] == "invalid_request_error"


def test_the_bodies_are_json() -> None:
    body = rendered(TextDelta("\ud83d\u2603"), END)
    assert json.loads(json.dumps(body)) == body

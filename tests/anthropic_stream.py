"""What a stream of Anthropic's Messages must look like: the SDK's types, and their order."""

import json
from typing import Any

import pydantic
from anthropic.types import RawMessageStreamEvent

_EVENT: Any = pydantic.TypeAdapter(RawMessageStreamEvent)

DELTAS = {
    "text": {"text_delta"},
    "thinking": {"thinking_delta", "signature_delta"},
    "tool_use": {"input_json_delta"},
}


def events_in(body: str) -> list[dict[str, Any]]:
    """The events of a stream, each of which must be named as its data's type is."""
    events = []
    for frame in body.split("\n\n")[:-1]:
        name, data = frame.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        events.append(event)
    return events


def checked(body: str) -> list[dict[str, Any]]:
    """The events but the pings. Fails unless they are a whole message, in the documented order."""
    events = [event for event in events_in(body) if event["type"] != "ping"]
    for event in events:
        _EVENT.validate_python(event)
    start, *middle, delta, stop = events
    assert start["type"] == "message_start" and start["message"]["content"] == []
    assert delta["type"] == "message_delta" and delta["delta"]["stop_reason"]
    assert stop["type"] == "message_stop"
    _check_blocks(middle)
    return events


def _check_blocks(events: list[dict[str, Any]]) -> None:
    """One block after the other, without gaps, each begun, filled and ended."""
    open_kind, blocks = None, 0
    for event in events:
        if event["type"] == "content_block_start":
            assert open_kind is None and event["index"] == blocks
            open_kind = event["content_block"]["type"]
        elif event["type"] == "content_block_delta":
            assert open_kind is not None and event["index"] == blocks
            assert event["delta"]["type"] in DELTAS[open_kind]
        else:
            assert event["type"] == "content_block_stop"
            assert open_kind is not None and event["index"] == blocks
            open_kind, blocks = None, blocks + 1
    assert open_kind is None and blocks > 0


def folded(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks that the events add up to."""
    blocks: list[dict[str, Any]] = []
    for event in events:
        if event["type"] == "content_block_start":
            blocks.append({**event["content_block"], "json": ""})
        elif event["type"] == "content_block_delta":
            _grow(blocks[-1], event["delta"])
    return [_whole(block) for block in blocks]


def _grow(block: dict[str, Any], delta: dict[str, Any]) -> None:
    [name] = set(delta) - {"type"}
    if name == "partial_json":
        block["json"] += delta[name]
    else:
        block[name] = delta[name] if name == "signature" else block[name] + delta[name]


def _whole(block: dict[str, Any]) -> dict[str, Any]:
    written = block.pop("json")
    return {**block, "input": json.loads(written)} if block["type"] == "tool_use" else block

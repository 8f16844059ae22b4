"""The documented order of a Responses stream, as a state machine; its types are the SDK's own."""

import json
from collections.abc import Iterable
from typing import Any

import requests
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from tests.conftest import KEY
from tests.servers import Server

_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
_ENDS = ("response.completed", "response.incomplete", "response.failed")
_WITHOUT_PARTS = ("function_call", "custom_tool_call")
UNTYPED_CODES = ("context_length_exceeded", "insufficient_quota")
"""Codes that Codex acts upon, and that the SDK has no type for."""

Event = dict[str, Any]


def ask(gateway: Server, key: str = KEY, **request: Any) -> requests.Response:
    """The gateway's bare answer to a request, as no SDK has touched it."""
    return requests.post(
        f"{gateway.url}/v1/responses",
        json={"model": "demo-echo", "input": "Hello", **request},
        headers={"Authorization": f"Bearer {key}"},
        timeout=30,
    )


def streamed(gateway: Server, **request: Any) -> Event:
    """The response at the end of a stream, all of which was in order."""
    answer = ask(gateway, stream=True, **request)
    assert answer.headers["Content-Type"].startswith("text/event-stream"), answer.text
    return checked(events_in(answer.text))


def events_in(body: str) -> list[Event]:
    """The events of a stream; each has its name in an ``event:`` line too."""
    assert body.endswith("\n\n")
    events = []
    for frame in body.removesuffix("\n\n").split("\n\n"):
        name, data = frame.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        events.append(event)
    return events


def checked(events: Iterable[Event]) -> Event:
    """The response at the end of a stream that keeps the order. Fails where it does not."""
    order = _Order()
    for number, event in enumerate(events):
        assert event["sequence_number"] == number
        _check_type(event)
        order.step(event)
    assert order.response is not None, "the stream has no end"
    return order.response


def check_response(response: Event) -> Response:
    return Response.model_validate(response)


def _check_type(event: Event) -> None:
    error = event.get("response", {}).get("error") or {}
    if error.get("code") in UNTYPED_CODES:
        told = {**event["response"], "error": {**error, "code": "server_error"}}
        event = {**event, "response": told}
    _EVENT.validate_python(event)


class _Order:
    """What has been told so far, and so what may come next."""

    def __init__(self) -> None:
        self.response: Event | None = None
        self._begun: Event | None = None
        self._items: list[Event] = []
        self._open: Event | None = None
        self._part = "none"
        self._text = ""

    def step(self, event: Event) -> None:
        assert self.response is None, "an event after the end"
        kind = event["type"]
        if self._begun is None:
            assert kind == "response.created"
            self._begin(event["response"])
        elif kind in _ENDS:
            self._end(kind, event["response"])
        elif kind == "response.in_progress":
            assert event["response"] == self._begun
        elif kind == "response.output_item.added":
            self._add(event)
        else:
            self._within(kind, event)

    def _begin(self, response: Event) -> None:
        assert response["status"] == "in_progress"
        assert response["output"] == [] and response["usage"] is None
        self._begun = response

    def _add(self, event: Event) -> None:
        assert self._open is None, "an item within an item"
        assert event["output_index"] == len(self._items)
        assert event["item"]["status"] == "in_progress"
        self._open, self._text = event["item"], ""
        self._part = "none"

    def _within(self, kind: str, event: Event) -> None:
        assert self._open is not None, f"{kind} outside of an item"
        assert event["output_index"] == len(self._items)
        if kind == "response.output_item.done":
            return self._close(event["item"])
        assert event["item_id"] == self._open["id"]
        if kind.endswith("part.added"):
            self._move("none", "begun")
        elif kind.endswith("part.done"):
            self._move("told", "done")
            assert event["part"]["text"] == self._text
        elif kind.endswith(".delta"):
            assert event["delta"], "an empty delta"
            self._move("begun", "begun")
            self._text += event["delta"]
        else:
            self._move("begun", "told")
            assert event.get("text", event.get("arguments", event.get("input"))) == self._text
        return None

    def _move(self, before: str, after: str) -> None:
        """A message and reasoning have one part; the text of a call is in none."""
        assert self._open is not None
        if self._open["type"] in _WITHOUT_PARTS and self._part == "none":
            self._part = "begun"
        assert self._part == before, f"{after} follows {self._part}"
        self._part = after

    def _close(self, item: Event) -> None:
        assert self._open is not None
        assert self._part == ("told" if item["type"] in _WITHOUT_PARTS else "done")
        assert (item["id"], item["type"]) == (self._open["id"], self._open["type"])
        assert item["status"] in ("completed", "incomplete")
        assert _text_of(item) == self._text
        self._items.append(item)
        self._open = None

    def _end(self, kind: str, response: Event) -> None:
        assert kind == f"response.{response['status']}"
        if kind == "response.failed":
            assert response["error"]["message"] and response["usage"] is None
            assert response["output"][: len(self._items)] == self._items
        else:
            assert self._open is None and response["error"] is None
            assert response["output"] == self._items and response["usage"] is not None
        assert self._begun is not None
        changed = ("status", "output", "usage", "error", "completed_at", "incomplete_details")
        same = set(self._begun) - set(changed)
        assert {name: response[name] for name in same} == {name: self._begun[name] for name in same}
        self.response = response


def _text_of(item: Event) -> str:
    match item["type"]:
        case "message":
            [part] = item["content"]
        case "reasoning":
            [part] = item["summary"] + item.get("content", [])
        case "function_call":
            part = {"text": item["arguments"]}
        case _:
            part = {"text": item["input"]}
    text: str = part["text"]
    return text

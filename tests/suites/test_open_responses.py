"""Answers of Responses, strictly, by the types of Open Responses: https://www.openresponses.org."""

import json
from typing import Any

import openresponses_types as types
import pytest

from tests.servers import Server
from tests.suites.answers import ask, responses_requests, stream
from tests.suites.rules_bot import NAME, THINKING

pytestmark = pytest.mark.long

REQUESTS = responses_requests(NAME, THINKING)

DELIBERATE = {
    "response.reasoning_text.delta": "ResponseReasoningDeltaStreamingEvent",
    "response.reasoning_text.done": "ResponseReasoningDoneStreamingEvent",
}
"""Events that have OpenAI's name, by which its SDKs and the AI SDK know them; Open Responses calls
them ``response.reasoning.delta`` and ``.done``."""


def _schema_of(kind: str) -> Any:
    name = "".join(part.title() for part in kind.replace(".", "_").split("_"))
    name = name.replace("SummaryText", "Summary")
    return getattr(types, DELIBERATE.get(kind, f"{name}StreamingEvent"))


def check(value: dict[str, Any], schema: Any) -> None:
    """Strictly: no text is taken for a number. The schema of a format, which these types declare
    to be null, is left out."""
    if value["type"] in DELIBERATE if "type" in value else False:
        value = {**value, "type": value["type"].replace("reasoning_text", "reasoning")}
    schema.model_validate_json(json.dumps(_without_schema(value)), strict=True)


def _without_schema(value: dict[str, Any]) -> dict[str, Any]:
    if "response" in value:
        return {**value, "response": _without_schema(value["response"])}
    form = value.get("text", {}).get("format", {}) if isinstance(value.get("text"), dict) else {}
    return {**value, "text": {"format": {**form, "schema": None}}} if "schema" in form else value


@pytest.mark.parametrize("kind", REQUESTS)
def test_whole_answers(rules: Server, kind: str) -> None:
    check(ask(rules, "responses", json=REQUESTS[kind]), types.ResponseResource)


@pytest.mark.parametrize("kind", REQUESTS)
def test_each_event(rules: Server, kind: str) -> None:
    events = stream(rules, "responses", json=REQUESTS[kind] | {"stream": True})
    for event in events:
        check(event, _schema_of(event["type"]))


def test_a_failure(rules: Server) -> None:
    body = {"model": "cut-3", "input": "hi", "stream": True}
    for event in stream(rules, "responses", json=body):
        check(event, _schema_of(event["type"]))

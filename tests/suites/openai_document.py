"""OpenAI's OpenAPI document, which lies beside the repository: checks by its schemas."""

import gzip
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.servers import ROOT

PATH = ROOT.parent / "shared/specs/openai-openapi.json.gz"
SHA256 = "02f5ebef8cd1ca9eabf1e5c2b9c94de235d60ed120ce1f2da9b2fb0edfee9508"

_CHUNK = "CreateChatCompletionStreamResponse/properties/choices/items/properties"
NULLABLE = {
    f"{_CHUNK}/finish_reason": "every chunk of OpenAI's but the last has null, as its SDK's types",
    f"{_CHUNK}/logprobs": "OpenAI sends null where none were asked for, as its SDK's types",
    "CreateChatCompletionStreamResponse/properties/usage": "its own description: null in every "
    "chunk but the last",
    "Response/allOf/2/properties/usage": "OpenAI sends null until the response has ended",
    "OpenAIFile/properties/status_details": "OpenAI sends null; its SDK's types allow it",
    "ListFilesResponse/properties/first_id": "an empty list has no first file",
    "ListFilesResponse/properties/last_id": "an empty list has no last file",
    "CreateCompletionResponse/properties/choices/items/properties/finish_reason": "as in Chat's "
    "chunks",
    "ModelResponseProperties/properties/user": "OpenAI sends null; its SDK's types allow it",
    "TextResponseFormatJsonSchema/properties/description": "OpenAI sends null, and Open Responses "
    "requires the field",
}
"""Errors of the document: schemas, by their path, to which null is to be added; and why."""

_CALL = "ChatCompletionMessageToolCallChunk/properties/type"
ADDED_WORDS = {
    "VideoSize": ("auto", "deliberate: the bot chooses the size where the client gave none"),
    _CALL: ("custom", "custom tools exist in whole answers, and in OpenAI's streams"),
}
"""Words that are to be added to an enumeration, by its path; and why."""


@cache
def _components() -> dict[str, Any]:
    """Skips where the document is not there. CI always has it."""
    if not PATH.exists():
        pytest.skip(f"{PATH} is not there")
    data = PATH.read_bytes()
    assert hashlib.sha256(data).hexdigest() == SHA256, "this is another edition of the document"
    components: dict[str, Any] = json.loads(gzip.decompress(data))["components"]
    for path in NULLABLE:
        schema = _at(components["schemas"], path)
        original = dict(schema)
        schema.clear()
        schema["anyOf"] = [original, {"type": "null"}]
    for path, (word, _) in ADDED_WORDS.items():
        _at(components["schemas"], path)["enum"].append(word)
    return components


def _at(place: Any, path: str) -> dict[str, Any]:
    for step in path.split("/"):
        place = place[int(step) if isinstance(place, list) else step]
    found: dict[str, Any] = place
    return found


@cache
def _validator(name: str) -> Any:
    return Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": _components()}
    )


def check(value: Any, name: str) -> None:
    """Fails where the value is not valid under the schema of that name."""
    faults = [
        f"{error.json_path}: {error.message[:400]}" for error in _validator(name).iter_errors(value)
    ]
    assert not faults, f"{name}: {faults}"


@cache
def _events(name: str) -> dict[str, str]:
    """The schema of each event in a union, by the event's type."""
    schemas = _components()["schemas"]
    union = schemas[name]
    found = {}
    for form in union.get("anyOf") or union["oneOf"]:
        schema = form["$ref"].rpartition("/")[2]
        [kind] = schemas[schema]["properties"]["type"]["enum"]
        found[kind] = schema
    return found


def check_events(events: Sequence[dict[str, Any]], union: str) -> None:
    """Fails where an event is of no known type, or not valid under the schema of its type."""
    assert events
    for event in events:
        check(event, _events(union)[event["type"]])

"""The error objects of the vendors. A wire format declares which one it uses."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema

from app.errors import ApiError
from app.http.error_answers import AnthropicSchema, OpenAISchema


@dataclass(frozen=True, slots=True)
class ErrorEnvelope:
    """One vendor's error object.

    ``name`` is its prefix in the OpenAPI document. ``render`` takes the error and the request's id.
    """

    name: str
    render: Callable[[ApiError, str], dict[str, Any]]
    schema: type[Schema]


def openai_envelope(error: ApiError) -> dict[str, Any]:
    """OpenAI's error object, with facts for programs under ``metadata``."""
    facts = {"status": error.status, "retryable": error.retryable, **error.metadata}
    return {
        "error": {
            "message": error.message,
            "type": error.type,
            "param": error.param,
            "code": error.code,
            "metadata": facts,
        }
    }


_ANTHROPIC_TYPES = {
    402: "billing_error",
    403: "permission_error",
    405: "invalid_request_error",
    502: "api_error",
}


def anthropic_envelope(error: ApiError, request_id: str) -> dict[str, Any]:
    """Anthropic's error object, with ``details`` if the error's metadata has them."""
    kind = _ANTHROPIC_TYPES.get(error.status, error.type)
    body: dict[str, Any] = {"type": kind, "message": error.message}
    if "details" in error.metadata:
        body["details"] = error.metadata["details"]
    return {"type": "error", "error": body, "request_id": request_id}


OPENAI = ErrorEnvelope("", lambda error, request_id: openai_envelope(error), OpenAISchema)
ANTHROPIC = ErrorEnvelope("Anthropic", anthropic_envelope, AnthropicSchema)

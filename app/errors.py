"""Everything that can go wrong, as one tree, and how it is told.

    ApiError                      status  type
    ├── InvalidRequest            400     invalid_request_error
    ├── Unauthenticated           401     authentication_error
    ├── InsufficientCredits       402     insufficient_credits
    ├── Refused                   403     moderation_error
    ├── NotFound                  404     not_found_error
    ├── MethodNotAllowed          405     invalid_request_error
    ├── BotTimeout                408     timeout_error
    ├── RequestTooLarge           413     request_too_large
    │   └── PromptTooLong         413     (told in the words by which clients know it)
    ├── RateLimited               429     rate_limit_error
    ├── InternalError             500     api_error
    ├── UpstreamError             502     upstream_error
    └── Overloaded                529     overloaded_error

An error holds facts; the envelope that renders it is chosen by the request's path, so that an
unknown route and a wrong method speak the right dialect too.
"""

import logging
from typing import Any, ClassVar

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

log = logging.getLogger("poegate")


class ApiError(Exception):
    """An error that a client is told of. ``message`` is shown to people word for word."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "api_error"
    retryable: bool = False

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: str | None = None,
        retryable: bool | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """``param``: the field at fault. ``retry_after``: the header's value, as upstream sent it.

        ``retryable``: where it differs from what the class says. ``metadata``: facts for programs,
        such as Poe's error_id.
        """
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
        self.retry_after = retry_after
        if retryable is not None:
            self.retryable = retryable
        self.metadata = metadata or {}


class InvalidRequest(ApiError):
    status, type = 400, "invalid_request_error"


class Unauthenticated(ApiError):
    status, type = 401, "authentication_error"


class InsufficientCredits(ApiError):
    status, type = 402, "insufficient_credits"


class Refused(ApiError):
    status, type = 403, "moderation_error"


class NotFound(ApiError):
    status, type = 404, "not_found_error"


class MethodNotAllowed(ApiError):
    status, type = 405, "invalid_request_error"


class BotTimeout(ApiError):
    status, type, retryable = 408, "timeout_error", True


class RequestTooLarge(ApiError):
    status, type = 413, "request_too_large"


class PromptTooLong(RequestTooLarge):
    """The bot cannot read so long a prompt: the client should compact its conversation.

    OpenAI's clients know it by the code, Anthropic's by the words "prompt is too long"
    (Claude Code then compacts), so the message holds both vendors' phrases.
    """

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message, code="context_length_exceeded", **facts)


class RateLimited(ApiError):
    status, type, retryable = 429, "rate_limit_error", True


class InternalError(ApiError):
    retryable = True


class UpstreamError(ApiError):
    status, type, retryable = 502, "upstream_error", True


class Overloaded(ApiError):
    status, type, retryable = 529, "overloaded_error", True


def openai_envelope(error: ApiError) -> dict[str, Any]:
    """OpenAI's error object; ``metadata`` tells what a program may do about it."""
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


_SHARED = ("/files", "/models")

_ANTHROPIC_TYPES = {
    402: "billing_error",
    403: "permission_error",
    405: "invalid_request_error",
    502: "api_error",
}


def anthropic_envelope(error: ApiError, request_id: str) -> dict[str, Any]:
    """Anthropic's error object. ``details`` in an error's metadata is told under that name."""
    kind = _ANTHROPIC_TYPES.get(error.status, error.type)
    if isinstance(error, PromptTooLong):
        kind = InvalidRequest.type
    told: dict[str, Any] = {"type": kind, "message": error.message}
    if "details" in error.metadata:
        told["details"] = error.metadata["details"]
    return {"type": "error", "error": told, "request_id": request_id}


def is_anthropic(path: str) -> bool:
    """Whether a path, without its /v1, belongs to Anthropic's Messages API."""
    return path == "/messages" or path.startswith("/messages/")


def speaks_anthropic() -> bool:
    """Whether the request at hand does: some paths are both vendors', and a header tells."""
    shared = request.path.startswith(_SHARED) and "anthropic-version" in request.headers
    return shared or is_anthropic(request.path)


def error_response(error: ApiError) -> Response:
    """The error as an HTTP answer, in the dialect of the request's path."""
    if speaks_anthropic():
        response = jsonify(anthropic_envelope(error, g.record.id))
        # Claude Code compacts its conversation at a 400 with these words, and at no 413.
        prompt_too_long = isinstance(error, PromptTooLong)
        response.status_code = 400 if prompt_too_long else error.status
    else:
        response = jsonify(openai_envelope(error))
        response.status_code = error.status
    if error.retry_after is not None:
        response.headers["Retry-After"] = error.retry_after
    if error.status >= 500 and not error.retryable:
        # The vendors' SDKs would ask twice more, and each answer of the bot costs points.
        response.headers["x-should-retry"] = "false"
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def register_errors(app: Flask) -> None:
    """At app level, for blueprints never see a 404 or 405 of the router."""
    app.register_error_handler(ApiError, error_response)
    app.register_error_handler(HTTPException, _tell_http_error)
    app.register_error_handler(Exception, _tell_unexpected)


def _tell_http_error(error: HTTPException) -> Response:
    """Flask's own errors (routing, body limits, broken bodies) in our words."""
    response = error_response(_translate_http_error(error))
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _translate_http_error(error: HTTPException) -> ApiError:
    path = request.environ.get("poegate.path", request.path)
    if error.code == 404:
        return NotFound(f"Unknown route: {request.method} {path}", code="unknown_url")
    if error.code == 405:
        return MethodNotAllowed(
            f"{request.method} is not allowed on {path}", code="method_not_allowed"
        )
    if isinstance(error, RequestEntityTooLarge):
        return RequestTooLarge(
            "The request body is larger than this gateway takes (MAX_BODY_MB), or it has too many "
            "parts."
        )
    return InvalidRequest(error.description or "The request could not be read.")


def _tell_unexpected(error: Exception) -> Response:
    """A defect of ours: the log gets the trace, the client an id to quote."""
    record = g.get("record")
    log.error("unexpected error in request %s", record and record.id, exc_info=error)
    return error_response(InternalError("The gateway failed at this request. Its log says why."))

"""Errors as HTTP responses, in the envelope of the path's wire format."""

import logging
from datetime import UTC, datetime

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.http import parse_date

from app.errors import (
    ApiError,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    RequestTooLarge,
    UnsupportedEncoding,
)
from app.http.presence import GRACE_TIME, cut_short
from app.http.wire_formats import current_envelope

log = logging.getLogger("poegate")

DAY_SECONDS = 86_400


def error_response(error: ApiError) -> Response:
    """The error as an HTTP answer, and in the request's log line.

    Whatever fails once the grace time is over fails because of that.
    """
    if GRACE_TIME.is_over and error.status >= 500:
        error = cut_short()
    g.record.error = error.code or error.type
    response = jsonify(current_envelope().render(error, g.record.id))
    response.status_code = error.status
    if (wait := _retry_after(error.retry_after)) is not None:
        response.headers["Retry-After"] = wait
    if error.status >= 500 and not error.retryable:
        # The vendors' SDKs would retry twice, and each answer of the bot costs points.
        response.headers["x-should-retry"] = "false"
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _retry_after(value: str | None) -> str | None:
    """Seconds, at most a day. What is neither seconds nor a date (RFC 9110, 10.2.3) is left out."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return str(min(int(text[:9]), DAY_SECONDS))
    moment = parse_date(text)
    if moment is None:
        return None
    seconds = (moment - datetime.now(UTC)).total_seconds()
    return str(min(max(int(seconds), 0), DAY_SECONDS))


def register_errors(app: Flask) -> None:
    """Registers at app level, because blueprints never see a 404 or 405 of the router."""
    app.register_error_handler(ApiError, error_response)
    app.register_error_handler(HTTPException, _http_error_response)
    app.register_error_handler(Exception, _unexpected_error_response)


def _http_error_response(error: HTTPException) -> Response:
    """Flask's own errors: routing, body limits, broken bodies."""
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
    if error.code == 415:
        return UnsupportedEncoding(error.description or "This content encoding is not read here.")
    return InvalidRequest(error.description or "The request could not be read.")


def _unexpected_error_response(error: Exception) -> Response:
    """A defect of the gateway: the log gets the traceback, the client the request id."""
    record = g.get("record")
    if GRACE_TIME.is_over:
        return error_response(cut_short())
    log.error("unexpected error in request %s", record and record.id, exc_info=error)
    return error_response(InternalError("The gateway failed at this request. Its log says why."))

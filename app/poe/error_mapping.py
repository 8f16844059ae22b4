"""Maps Poe's errors to ours: statuses, error types, and exceptions of the libraries.

Calls of bots, uploads and the account API use these tables. A new error is one row.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, Literal, NamedTuple

import httpx
import httpx_sse
from fastapi_poe.client import BotError

from app.core import strict_json
from app.errors import (
    ApiError,
    BotTimeout,
    InsufficientCredits,
    InvalidRequest,
    KeyRefused,
    NotFound,
    Overloaded,
    PromptTooLong,
    RateLimited,
    Refused,
    RequestTooLarge,
    Unauthenticated,
    Unreachable,
    UpstreamError,
)
from app.poe.session import AnswerTooLarge, PoeStatus

MAX_SERVICE_CHARS = 300
"""How much of a service's error text is shown; it may repeat what was sent."""

MIN_SECRET_CHARS = 6
"""Shorter keys are no secrets and occur in ordinary words."""

_ERROR_ID = re.compile(r"error_id: ?([\w-]+)")


@dataclass(frozen=True, slots=True)
class Asked:
    """Who was asked, for the message and the status of an error.

    ``subject``: its name in a sentence, such as ``the bot 'GPT-5'``. ``kind``: a bot of Poe, a bot
    of BOT_URLS, a bot asked by Poe's own API, or another service of Poe. ``key``: the key that was
    used; no message shows it.
    ``pooled``: the key is one of POE_API_KEYS and not the client's.
    """

    subject: str
    kind: Literal["bot", "own_bot", "api", "service"] = "service"
    key: str = field(default="", repr=False)
    pooled: bool = False


class Failure(NamedTuple):
    """A row of a table: the error, its reason as a clause, and advice as a sentence."""

    error: type[ApiError]
    reason: str
    advice: str = ""


_LATER = "Try again later."

_STATUSES: Mapping[int, Failure] = {
    400: Failure(InvalidRequest, "{subject} does not accept this request"),
    401: Failure(
        Unauthenticated,
        "Poe refused the credential",
        "Send a Poe API key (poe.com/api_key) as the bearer token.",
    ),
    402: Failure(InsufficientCredits, "the Poe account has not enough points for this request"),
    403: Failure(Refused, "Poe does not allow this request"),
    413: Failure(RequestTooLarge, "the request is too large for {subject}"),
    422: Failure(InvalidRequest, "{subject} does not accept this request"),
    429: Failure(RateLimited, "Poe's rate limit is reached", _LATER),
    502: Failure(Unreachable, "{subject} answered with HTTP {status}"),
    503: Failure(Overloaded, "{subject} is not available at the moment", _LATER),
    529: Failure(Overloaded, "{subject} is overloaded", _LATER),
}

_POOL_STATUSES: Mapping[int, Failure] = {
    401: Failure(KeyRefused, "Poe refused a key of this gateway (POE_API_KEYS)"),
}

_BOT_STATUSES: Mapping[int, Failure] = {
    404: Failure(NotFound, "Poe does not know {subject}"),
    408: Failure(BotTimeout, "{subject} did not start in time"),
}

_TOO_LONG = Failure(
    PromptTooLong, "the conversation exceeds the maximum context length of {subject}"
)

_API_STATUSES: Mapping[int, Failure] = {**_BOT_STATUSES, 413: _TOO_LONG}

_OWN_BOT_STATUSES: Mapping[int, Failure] = {
    401: Failure(
        UpstreamError,
        "{subject} refused its access key",
        "Set the key in BOT_URLS, as http://:KEY@host/...",
    ),
    403: Failure(
        Refused,
        "{subject} refused its access key",
        "Set the key in BOT_URLS, as http://:KEY@host/...",
    ),
    404: Failure(NotFound, "the server of {subject} answered 404", "Check its URL in BOT_URLS."),
    408: _BOT_STATUSES[408],
}

_ERROR_TYPES: Mapping[str, Failure] = {
    "user_message_too_long": _TOO_LONG,
    "insufficient_fund": _STATUSES[402],
    "user_caused_error": _STATUSES[400],
    "privacy_authorization_error": Failure(
        Refused, "Poe does not authorize this request to {subject}"
    ),
}
"""Of error events: https://creator.poe.com/docs/poe-protocol-specification, "error"."""

_UNTYPED: tuple[tuple[str, Failure], ...] = (("exceeded rate limit to query bot", _STATUSES[429]),)
"""Poe sends its rate limit as an error event without a type: only the text identifies it."""


_API_TYPES: Mapping[str, int] = {
    "context_length_exceeded": 413,
    "invalid_request_error": 400,
    "invalid_prompt": 400,
    "authentication_error": 401,
    "insufficient_credits": 402,
    "insufficient_quota": 402,
    "billing_error": 402,
    "moderation_error": 403,
    "permission_error": 403,
    "not_found_error": 404,
    "timeout_error": 408,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "provider_error": 500,
    "api_error": 500,
    "server_error": 500,
    "upstream_error": 502,
    "overloaded_error": 529,
}
"""The statuses of Poe's own API, by the types and codes of its errors, for those within a stream:
https://creator.poe.com/docs/external-applications/openai-compatible-api, "Errors"."""

_LONG_PROMPT = (
    "context_length_exceeded",
    "prompt is too long",
    "maximum context length",
    "exceeds the maximum number of tokens",
)
"""How OpenAI, Anthropic and Google say it. Bots that ask them by themselves repeat the words, in
error events without a type."""


def failure_of(status: int, asked: Asked) -> Failure:
    """The row for an HTTP status other than 200, with its reason formatted."""
    rows: dict[int, Failure] = {**_STATUSES}
    if asked.kind == "bot":
        rows |= _BOT_STATUSES
    elif asked.kind == "own_bot":
        rows |= _OWN_BOT_STATUSES
    elif asked.kind == "api":
        rows |= _API_STATUSES
    if asked.pooled:
        rows |= _POOL_STATUSES
    row = rows.get(status, Failure(UpstreamError, "{subject} answered with HTTP {status}"))
    return _formatted(row, asked, status)


def _formatted(row: Failure, asked: Asked, status: int | None = None) -> Failure:
    return row._replace(reason=row.reason.format(subject=asked.subject, status=status))


def status_error(status: int, body: str, retry_after: str | None, asked: Asked) -> ApiError:
    """The error for an HTTP status other than 200, with the text of its ``body``.

    ``retry_after``: the header's value.
    """
    too_long = asked.kind != "service" and status in (400, 413, 422) and _is_long_prompt(body)
    row = _formatted(_TOO_LONG, asked) if too_long else failure_of(status, asked)
    error = _error(row, status, message_in(body, asked), retry_after)
    if asked.kind == "api" and isinstance(error, InvalidRequest):
        error.param = _param_in(body)
    return error


def _is_long_prompt(text: str) -> bool:
    return any(mark in text for mark in _LONG_PROMPT)


def _param_in(body: str) -> str | None:
    """The field of the request that an error in OpenAI's envelope names."""
    try:
        payload = strict_json.loads(body)
    except ValueError:
        return None
    error = payload.get("error") if isinstance(payload, dict) else None
    param = error.get("param") if isinstance(error, dict) else None
    return param if isinstance(param, str) else None


def _error(row: Failure, status: int, text: str, retry_after: str | None) -> ApiError:
    reason = _sentence(row.reason)
    if row.error is PromptTooLong:
        reason = f"prompt is too long: {row.reason}."
    return row.error(
        " ".join(filter(None, (reason, row.advice, text))),
        retry_after=retry_after,
        metadata={"upstream_status": status},
    )


def streamed_error(error: Mapping[str, Any], asked: Asked) -> ApiError:
    """The error for the ``error`` object of a frame of Poe's own API."""
    names = [str(error.get(name)) for name in ("code", "type")]
    status = next((_API_TYPES[name] for name in names if name in _API_TYPES), 500)
    text = without_key(str(error.get("message") or ""), asked.key)
    return _error(failure_of(status, asked), status, text, None)


def message_in(body: str, asked: Asked) -> str:
    """The text of an error body, without the key: that of OpenAI's or FastAPI's envelope, or short
    plain text. "" where there is none."""
    text = without_key(_message_in(body), asked.key)
    return text[:MAX_SERVICE_CHARS] if asked.kind == "service" else text


def _message_in(body: str) -> str:
    try:
        payload = strict_json.loads(body)
    except ValueError:
        return body.strip() if len(body) < 200 and "<" not in body else ""
    if isinstance(payload, dict):
        detail = payload.get("error", payload.get("detail", payload.get("message")))
        if isinstance(detail, dict):
            detail = detail.get("message")
        return detail if isinstance(detail, str) else ""
    return ""


def without_key(text: str, key: str) -> str:
    """The text of an upstream message, which may repeat the key that it was asked with."""
    return text.replace(key, "[key]") if len(key) >= MIN_SECRET_CHARS else text


def translate_error(error: BaseException, asked: Asked) -> ApiError:
    """Our error for a failed call of a bot. The caller chains it with ``from``."""
    if isinstance(error, ApiError):
        return error
    translated = _translate(error, asked)
    translated.message = without_key(translated.message, asked.key)
    translated.metadata = {
        name: without_key(fact, asked.key) if isinstance(fact, str) else fact
        for name, fact in translated.metadata.items()
    }
    return translated


def _translate(error: BaseException, asked: Asked) -> ApiError:
    table = (*(_OF_POE if asked.kind in ("bot", "api") else ()), *_EXCEPTIONS)
    for foreign in _chain(error):
        for kind, translate in table:
            if isinstance(foreign, kind):
                return translate(foreign, asked)
    return UpstreamError(f"The answer of {asked.subject} could not be read.")


def _chain(error: BaseException) -> list[BaseException]:
    """The cause of the library's "Error communicating with bot X" first: it is more specific."""
    cause = error.__cause__
    return [cause, error] if cause is not None else [error]


def _from_status(error: Any, asked: Asked) -> ApiError:
    return status_error(error.status, error.body, error.retry_after, asked)


def _from_bot(error: Any, asked: Asked) -> ApiError:
    """A bot's error event, whose JSON is the exception's text; or an error text of the library."""
    event = _error_event(str(error))
    text = str(event.get("text") or "").strip()
    metadata = {"error_id": found[1]} if (found := _ERROR_ID.search(text)) else {}
    error_type = event.get("error_type")
    row = _ERROR_TYPES.get(error_type) if isinstance(error_type, str) else None
    if row is not None:
        metadata["error_type"] = error_type
    elif _is_long_prompt(text):
        row = _TOO_LONG
    if row is not None:
        reason = row.reason.format(subject=asked.subject)
        message = text or _sentence(reason)
        if row.error is PromptTooLong:
            message = f"prompt is too long: {reason}. {text}".rstrip()
        return row.error(message, metadata=metadata)
    for phrase, row in _UNTYPED:
        if phrase in text:
            return row.error(text, metadata=metadata)
    message = text or _sentence(f"{asked.subject} failed without saying why")
    retryable = event.get("allow_retry") is not False
    return UpstreamError(message, retryable=retryable, metadata=metadata)


def _error_event(text: str) -> dict[str, Any]:
    try:
        event = strict_json.loads(text)
    except ValueError:
        return {"text": text}
    return event if isinstance(event, dict) else {"text": text}


def _sentence(clause: str) -> str:
    return f"{clause[:1].upper()}{clause[1:]}."


def _upstream(clause: str) -> Callable[[Any, Asked], ApiError]:
    return lambda error, asked: UpstreamError(_sentence(clause.format(subject=asked.subject)))


def _unreachable(clause: str) -> Callable[[Any, Asked], ApiError]:
    return lambda error, asked: Unreachable(_sentence(clause.format(subject=asked.subject)))


_Exceptions = tuple[tuple[type[BaseException], Callable[[Any, Asked], ApiError]], ...]

_EXCEPTIONS: _Exceptions = (
    (PoeStatus, _from_status),
    (AnswerTooLarge, _upstream("the answer of {subject} is too large (MAX_ANSWER_MB)")),
    (httpx_sse.SSEError, _upstream("the server of {subject} did not answer as a Poe bot does")),
    (httpx.ConnectError, _unreachable("the server of {subject} cannot be reached")),
    (httpx.UnsupportedProtocol, _upstream("the address of {subject} is not an HTTP address")),
    (httpx.InvalidURL, _upstream("the address of {subject} cannot be used")),
    (httpx.TransportError, _upstream("the connection to {subject} broke")),
    (httpx.HTTPError, _upstream("the server of {subject} did not answer as HTTP requires")),
    (HTTPException, _upstream("the server of {subject} did not answer as HTTP requires")),
    (OSError, _upstream("the connection to {subject} broke")),
    (KeyError, _upstream("{subject} sent an event without its fields")),
    (BotError, _from_bot),
    (ValueError, _upstream("the answer of {subject} could not be read")),
    (httpx.StreamError, _upstream("the connection to {subject} broke")),
)
"""The most specific class first: the first match counts."""

_OF_POE: _Exceptions = (
    (httpx.ConnectError, _unreachable("Poe cannot be reached to ask {subject}")),
)
"""Checked before ``_EXCEPTIONS`` for bots of Poe."""

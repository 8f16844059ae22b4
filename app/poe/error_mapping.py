"""Foreign exceptions become ours here; those of uploads, which name a part, in uploads.py."""

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from http.client import HTTPException
from typing import Any

import httpx
import httpx_sse
from fastapi_poe.client import BotError

from app.errors import (
    ApiError,
    BotTimeout,
    InsufficientCredits,
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
from app.poe.session import PoeStatus

_STATUSES: dict[int, type[ApiError]] = {
    400: InvalidRequest,
    401: Unauthenticated,
    402: InsufficientCredits,
    403: Refused,
    404: NotFound,
    408: BotTimeout,
    413: RequestTooLarge,
    429: RateLimited,
    503: Overloaded,
    529: Overloaded,
}

_STATUS_WORDS = {
    401: "Poe refused the credential. Send a Poe API key (poe.com/api_key) as the bearer token.",
    402: "The Poe account has not enough points for this bot.",
    403: "Poe does not allow this request.",
    404: "Poe knows no bot of the name {bot!r}.",
    408: "The bot {bot!r} did not start in time.",
    413: "The request is too large for the bot {bot!r}.",
    429: "Poe's rate limit is reached. Try again later.",
    503: "The bot {bot!r} is not available at the moment. Try again later.",
    529: "The bot {bot!r} is overloaded. Try again later.",
}

_OWN_WORDS = {
    **_STATUS_WORDS,
    401: "The bot {bot!r} refused its access key: put it in BOT_URLS, as http://:KEY@host/...",
    403: "The bot {bot!r} refused its access key: put it in BOT_URLS, as http://:KEY@host/...",
    404: "The server of {bot!r} answered 404: look at its URL in BOT_URLS.",
}

_ERROR_TYPES: dict[str, type[ApiError]] = {
    "user_message_too_long": PromptTooLong,
    "insufficient_fund": InsufficientCredits,
    "user_caused_error": InvalidRequest,
    "privacy_authorization_error": Refused,
}

_TYPE_WORDS = {
    "user_message_too_long": "the conversation exceeds the maximum context length of {bot!r}.",
    "insufficient_fund": _STATUS_WORDS[402],
    "user_caused_error": "The bot {bot!r} does not accept this request.",
    "privacy_authorization_error": "Poe does not authorize this request to the bot {bot!r}.",
}

KEY_CHARS = 6
"""Shorter keys are no secrets, and would be found in ordinary words."""

_ERROR_ID = re.compile(r"error_id: ?([\w-]+)")


def translate_error(error: BaseException, bot: str, *, own: bool = False) -> ApiError:
    """What a failed call of the bot is to its client. The caller chains it with ``from``.

    ``own``: the bot is one of BOT_URLS.
    """
    if isinstance(error, ApiError):
        return error
    translations = (*(_OF_OWN if own else _OF_POE), *_TRANSLATIONS)
    for foreign in _chain(error):
        for kind, translate in translations:
            if isinstance(foreign, kind):
                return translate(foreign, bot)
    return UpstreamError(f"The answer of {bot!r} could not be read.")


def _chain(error: BaseException) -> list[BaseException]:
    """The error behind "Error communicating with bot X" first, for it knows more."""
    cause = error.__cause__
    return [cause, error] if cause is not None else [error]


def _from_status(error: Any, bot: str, all_words: Mapping[int, str] = _STATUS_WORDS) -> ApiError:
    told = message_in(error.body)
    words = all_words.get(error.status, "The bot {bot!r} failed (HTTP {status}).")
    message = words.format(bot=bot, status=error.status)
    return _STATUSES.get(error.status, UpstreamError)(
        f"{message} {told}" if told else message,
        retry_after=error.retry_after,
        metadata={"upstream_status": error.status},
    )


def message_in(body: str) -> str:
    """The words in an error body: OpenAI's or FastAPI's envelope, or short plain text."""
    try:
        payload = json.loads(body)
    except ValueError:
        return body.strip() if len(body) < 200 and "<" not in body else ""
    if isinstance(payload, dict):
        detail = payload.get("error", payload.get("detail", payload.get("message")))
        if isinstance(detail, dict):
            detail = detail.get("message")
        return detail if isinstance(detail, str) else ""
    return ""


def without_key(words: str, key: str) -> str:
    """What upstream said, fit to be told: it may hold the very key that it was asked with."""
    return words.replace(key, "[key]") if len(key) >= KEY_CHARS else words


def _from_bot(error: Any, bot: str) -> ApiError:
    """A bot's own error event, whose JSON is the exception's text; or the library's own words."""
    event = _error_event(str(error))
    text = str(event.get("text") or "").strip()
    error_type = event.get("error_type")
    metadata = {"error_id": found[1]} if (found := _ERROR_ID.search(text)) else {}
    if not isinstance(error_type, str) or error_type not in _ERROR_TYPES:
        message = text or f"The bot {bot!r} failed without saying why."
        retryable = event.get("allow_retry") is not False
        return UpstreamError(message, retryable=retryable, metadata=metadata)
    message = text or _TYPE_WORDS[error_type].format(bot=bot)
    if error_type == "user_message_too_long":
        message = f"prompt is too long: {_TYPE_WORDS[error_type].format(bot=bot)} {text}".rstrip()
    return _ERROR_TYPES[error_type](message, metadata={**metadata, "error_type": error_type})


def _error_event(text: str) -> dict[str, Any]:
    try:
        event = json.loads(text)
    except ValueError:
        return {"text": text}
    return event if isinstance(event, dict) else {"text": text}


def _upstream_error(words: str) -> Callable[[Any, str], ApiError]:
    return lambda error, bot: UpstreamError(words.format(bot=bot))


_Translations = tuple[tuple[type[BaseException], Callable[[Any, str], ApiError]], ...]

_TRANSLATIONS: _Translations = (
    (PoeStatus, _from_status),
    (
        httpx_sse.SSEError,
        _upstream_error("The server of {bot!r} did not answer as a Poe bot does."),
    ),
    (httpx.ConnectError, _upstream_error("The server of the bot {bot!r} cannot be reached.")),
    (httpx.UnsupportedProtocol, _upstream_error("The address of {bot!r} is not an HTTP address.")),
    (httpx.InvalidURL, _upstream_error("The address of {bot!r} cannot be used.")),
    (httpx.TransportError, _upstream_error("The connection to {bot!r} broke.")),
    (httpx.HTTPError, _upstream_error("The server of {bot!r} did not answer as HTTP asks.")),
    (HTTPException, _upstream_error("The server of {bot!r} did not answer as HTTP asks.")),
    (OSError, _upstream_error("The connection to {bot!r} broke.")),
    (KeyError, _upstream_error("The bot {bot!r} sent an event without its fields.")),
    (BotError, _from_bot),
    (ValueError, _upstream_error("The bot {bot!r} sent what cannot be read.")),
    (httpx.StreamError, _upstream_error("The connection to {bot!r} broke.")),
)

_OF_POE: _Translations = (
    (httpx.ConnectError, _upstream_error("Poe cannot be reached to ask the bot {bot!r}.")),
)
_OF_OWN: _Translations = ((PoeStatus, partial(_from_status, all_words=_OWN_WORDS)),)
"""What comes before them where the bot is one of Poe's, and where it is one of BOT_URLS."""

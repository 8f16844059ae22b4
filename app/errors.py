"""The exceptions of the gateway, as one tree.

    ApiError                      status  type
    ├── InvalidRequest            400     invalid_request_error
    │   └── PromptTooLong         400     (in the words by which clients recognise it)
    ├── Unauthenticated           401     authentication_error
    ├── InsufficientCredits       402     insufficient_credits
    │   └── BudgetExceeded        402     (of the token, not of the Poe account)
    ├── Refused                   403     moderation_error
    ├── NotPermitted              403     permission_error
    ├── NotFound                  404     not_found_error
    ├── MethodNotAllowed          405     invalid_request_error
    ├── BotTimeout                408     timeout_error
    ├── RequestTooSlow            408     timeout_error
    ├── RequestTooLarge           413     request_too_large
    ├── UnsupportedEncoding       415     invalid_request_error
    ├── RateLimited               429     rate_limit_error
    ├── InternalError             500     api_error
    ├── UpstreamError             502     upstream_error
    │   ├── KeyRefused            502     (a key of the pool, not the client's)
    │   └── Unreachable           502     (no connection: nothing was answered)
    ├── Unavailable               503     api_error
    └── Overloaded                529     overloaded_error

``http/envelopes.py`` renders them.
"""

from enum import StrEnum
from typing import Any, ClassVar


class KeyFault(StrEnum):
    """What an error says against the key of POE_API_KEYS that Poe was asked with.

    What becomes of the key: access/resting.py.
    """

    RATE_LIMITED = "rate_limited"
    INSUFFICIENT_CREDITS = "insufficient_credits"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"


class ApiError(Exception):
    """An error that the client gets. ``message`` is shown to people as it is.

    ``key_fault``: another key may do better. ``another_bot_may_answer``: then fallbacks are asked.
    ``retryable``: the same request may succeed later.
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "api_error"
    key_fault: ClassVar[KeyFault | None] = None
    another_bot_may_answer: ClassVar[bool] = False
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
        """``param``: the field with the error. ``retry_after``: the value of the header.

        ``retryable``: overrides that of the class. ``metadata``: facts for programs, such as Poe's
        error_id.
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


class PromptTooLong(InvalidRequest):
    """The prompt is too long for the bot: the client should compact its conversation.

    OpenAI's clients know it by the code, Anthropic's by the words "prompt is too long", and all of
    them only at a 400 (Claude Code, Codex, Cline and LangChain then compact), so the message holds
    both vendors' phrases. Poe's own API answers 413.
    """

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message, code="context_length_exceeded", **facts)


class Unauthenticated(ApiError):
    status, type = 401, "authentication_error"
    key_fault = KeyFault.REFUSED


class InsufficientCredits(ApiError):
    status, type = 402, "insufficient_credits"
    key_fault: ClassVar[KeyFault | None] = KeyFault.INSUFFICIENT_CREDITS
    another_bot_may_answer = True


class BudgetExceeded(InsufficientCredits):
    """The access token has spent the points that it may spend."""

    key_fault = None
    another_bot_may_answer = False


class Refused(ApiError):
    status, type = 403, "moderation_error"


class NotPermitted(ApiError):
    """The gateway itself does not allow it: Refused is Poe's refusal."""

    status, type = 403, "permission_error"


class NotFound(ApiError):
    status, type = 404, "not_found_error"
    another_bot_may_answer = True


class MethodNotAllowed(ApiError):
    status, type = 405, "invalid_request_error"


class BotTimeout(ApiError):
    status, type, retryable = 408, "timeout_error", True


class RequestTooSlow(ApiError):
    """The client sends its body too slowly."""

    status, type, retryable = 408, "timeout_error", True


class RequestTooLarge(ApiError):
    status, type = 413, "request_too_large"


class UnsupportedEncoding(ApiError):
    status, type = 415, "invalid_request_error"


class RateLimited(ApiError):
    status, type, retryable = 429, "rate_limit_error", True
    key_fault = KeyFault.RATE_LIMITED
    another_bot_may_answer = True


class InternalError(ApiError):
    retryable = True


class UpstreamError(ApiError):
    status, type, retryable = 502, "upstream_error", True
    another_bot_may_answer = True


class KeyRefused(UpstreamError):
    """Poe refuses a key of POE_API_KEYS: the client's own credential is good."""

    key_fault = KeyFault.REFUSED


class Unreachable(UpstreamError):
    """No connection was made, or a proxy says so (502): nothing was answered or paid for."""

    key_fault = KeyFault.UNAVAILABLE


class Unavailable(ApiError):
    """State that the route needs cannot be reached, or the gateway is being stopped."""

    status, type, retryable = 503, "api_error", True


class Overloaded(ApiError):
    status, type, retryable = 529, "overloaded_error", True
    key_fault = KeyFault.UNAVAILABLE
    another_bot_may_answer = True

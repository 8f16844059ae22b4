"""The credential of a request -> the client that sends it."""

import hashlib
import hmac
import re
import time
from collections.abc import Callable

from flask import Request

from app.access.client import Client
from app.access.tokens import TokenBook
from app.config import Settings, is_credential
from app.errors import Unauthenticated, Unavailable

SESSION_HEADERS = ("x-claude-code-session-id", "session-id")
"""By which Claude Code and Codex name a conversation."""

MAX_SESSION_CHARS = 200
NAME_DIGITS = 12
"""Of the digest of a client's own Poe key: its name in the log and the ledger."""


_TRACEPARENT = re.compile(r"[0-9a-f]{2}(?:-[0-9a-f]+){3,8}\Z", re.ASCII)
"""https://www.w3.org/TR/trace-context/#traceparent-header, and what later versions may add."""


class Gatekeeper:
    """In token mode a client sends one of the gateway's tokens, else its own Poe key.

    The mode is read once: where all tokens are deleted, nobody can ask.
    """

    def __init__(
        self, settings: Settings, tokens: TokenBook, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.is_token_mode = settings.is_token_mode
        self.tokens = tokens
        self._admin_token = settings.admin_token
        self._clock = clock

    def authenticate(self, request: Request) -> Client:
        """Raises Unauthenticated for no credential, a malformed one, or one that is not known.

        Unavailable where it may be a stored token, and these could not be read yet.
        """
        credential = _credential(request)
        client = self._client_with(credential)
        client.visit.session = _session_of(request)
        client.visit.address = request.remote_addr or "local"
        trace = request.headers.get("traceparent", "")
        client.visit.traceparent = trace if _TRACEPARENT.match(trace) else None
        return client

    def is_admin(self, request: Request) -> bool:
        """Whether it is the operator of the gateway. Raises Unauthenticated for no credential."""
        credential = _credential(request)
        if self._admin_token is None:
            return False
        return hmac.compare_digest(credential.encode(), self._admin_token.encode())

    def _client_with(self, credential: str) -> Client:
        if not self.is_token_mode:
            digest = _digest(credential)
            return Client(f"client-{digest[:NAME_DIGITS]}", digest, key=credential)
        token = self.tokens.find(credential)
        if token is None and self.tokens.stored_are_missing:
            message = "The gateway cannot read its stored access tokens at the moment."
            raise Unavailable(message, retry_after="5")
        if token is None:
            raise Unauthenticated("The access token is not known to this gateway.")
        status = token.rules.status(self._clock())
        if status != "active":
            words = "is blocked" if status == "blocked" else "has expired"
            raise Unauthenticated(
                f"The access token {token.name!r} {words}.", code=f"token_{status}"
            )
        return Client(token.name, token.owner, token.rules, has_token=True)


def _session_of(request: Request) -> str:
    sessions = (request.headers.get(name, "") for name in SESSION_HEADERS)
    return next(filter(None, sessions), "")[:MAX_SESSION_CHARS]


def _digest(credential: str) -> str:
    return hashlib.sha256(credential.encode()).hexdigest()


def _credential(request: Request) -> str:
    """``Authorization: Bearer`` or ``x-api-key``, on every endpoint."""
    scheme, _, credential = request.headers.get("Authorization", "").partition(" ")
    if scheme and scheme.lower() != "bearer":
        # What stands there is not repeated: without a scheme it is the key itself.
        raise Unauthenticated(
            "Authorization: Send the key as 'Bearer KEY'; no other scheme is known."
        )
    credential = credential.strip() or request.headers.get("x-api-key", "").strip()
    if not credential:
        raise Unauthenticated(
            "No API key in the request, or an empty one. "
            "Send it as 'Authorization: Bearer KEY' or 'x-api-key: KEY'."
        )
    if not is_credential(credential):
        raise Unauthenticated("The API key is malformed: it holds blanks or is not plain ASCII.")
    return credential

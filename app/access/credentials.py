"""Checks a client's credential and gives the Poe key for its request."""

import hashlib
import hmac
import itertools
from dataclasses import dataclass, field

from flask import Request

from app.config import Settings, is_credential
from app.errors import Unauthenticated


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to ask one question. ``key`` is empty where no Poe key is to be had.

    ``owner`` stands for the client's credential where things are kept for it: a digest.
    """

    key: str = field(repr=False)
    owner: str


class Gatekeeper:
    """Two ways: the client's credential is its Poe key; or it is one of ACCESS_TOKENS, and the
    keys of POE_API_KEYS are used in turn."""

    def __init__(self, settings: Settings) -> None:
        self._tokens = [token.encode() for token in settings.access_tokens]
        self._keys = itertools.cycle(settings.poe_api_keys or ("",))

    def lease(self, request: Request) -> Lease:
        """Raises Unauthenticated for no credential, a malformed one, or one that is not known."""
        credential = _credential(request)
        if not self._tokens:
            return Lease(credential, _digest(credential))
        # Every token is compared, so that the time tells nothing of which one came close.
        known = [hmac.compare_digest(credential.encode(), token) for token in self._tokens]
        if not any(known):
            raise Unauthenticated("The access token is not known to this gateway.")
        return Lease(next(self._keys), _digest(credential))


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

"""The first steps of a POST route: authenticate, read the body, load it, log its model."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import request

from app.access.credentials import Lease
from app.errors import NotPermitted
from app.http.json_bodies import read_json
from app.http.request_log import current_record
from app.http.services import services
from app.schemas.loading import BaseSchema, load_payload


def read_request(
    schema: BaseSchema, read: Callable[[], Any] = read_json, *, default_model: str | None = None
) -> tuple[Lease, dict[str, Any]]:
    """The client's lease, and the payload of the request at hand. Raises ApiError.

    ``read`` reads the body, after authentication. ``default_model`` is logged if the payload has no
    model.
    """
    lease = services().gatekeeper.lease(request)
    return lease, load_request(schema, read(), default_model=default_model)


def load_request(
    schema: BaseSchema, body: Any, *, default_model: str | None = None
) -> dict[str, Any]:
    """The payload as the schema loads it. Its model is noted for the log. Raises InvalidRequest."""
    payload = load_payload(schema, body)
    model = payload["model"] or default_model
    current_record().model = model
    _check_origin(model or "")
    return payload


def _check_origin(model: str) -> None:
    """Raises NotPermitted where a page of another site asks a bot of BOT_URLS that needs no token.

    Such a page can know neither a Poe key nor a token, but where any text is taken for one it
    could use the bots of whoever visits it. CORS alone would not do: a browser sends a plain POST
    without asking first.
    """
    origin, settings = request.headers.get("Origin"), services().settings
    if origin is None or not settings.is_open or settings.cors_origins:
        return
    if urlsplit(origin).netloc != request.host and settings.url_of(settings.bot_named(model)):
        raise NotPermitted(
            f"The web page {origin[:200]} may not ask bots of BOT_URLS. Set ACCESS_TOKENS, or name "
            "the page in CORS_ORIGINS."
        )

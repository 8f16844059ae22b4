"""The first steps of a POST route: authenticate, read the body, load it, log its model."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from flask import request

from app.access.client import Client
from app.access.credentials import MAX_SESSION_CHARS
from app.errors import NotPermitted
from app.http.json_bodies import read_json
from app.http.request_log import current_record
from app.http.services import authenticate, services
from app.schemas.loading import BaseSchema, load_payload


def read_request(
    schema: BaseSchema, read: Callable[[], Any] = read_json, *, default_model: str | None = None
) -> tuple[Client, dict[str, Any]]:
    """The client, and the payload of the request at hand. Raises ApiError.

    ``read`` reads the body, after authentication. ``default_model`` is logged if the payload has no
    model.
    """
    client = authenticate()
    return client, load_request(schema, read(), default_model=default_model)


def load_request(
    schema: BaseSchema, body: Any, *, default_model: str | None = None
) -> dict[str, Any]:
    """The payload as the schema loads it. Its model is noted for the log. Raises InvalidRequest."""
    payload = load_payload(schema, body)
    model = payload.get("model") or default_model
    note_request(model, payload.get("prompt_cache_key"))
    for name in (model or "", *fallbacks_in(payload)):
        _check_origin(name)
    return payload


def note_request(model: str | None, session: Any) -> None:
    """For the log: the model as the client names it. ``session``: its name of the conversation."""
    current_record().model = model
    _note_session(session if isinstance(session, str) else None)


def fallbacks_in(payload: Mapping[str, Any]) -> list[str]:
    """The models that the client names to answer in the model's place, in any format."""
    others = payload.get("models") or payload.get("fallbacks")
    if not isinstance(others, list):
        return []
    names = [other.get("model") if isinstance(other, dict) else other for other in others]
    return [name for name in names if isinstance(name, str)]


def _check_origin(model: str) -> None:
    """Raises NotPermitted where a page of another site asks a bot of BOT_URLS that needs no token.

    Such a page can know neither a Poe key nor a token, but where any text is taken for one it
    could use the bots of whoever visits it. CORS alone would not do: a browser sends a plain POST
    without asking first.
    """
    origin, settings = request.headers.get("Origin"), services().settings
    if origin is None or not settings.is_open or settings.cors_origins:
        return
    if urlsplit(origin).netloc != request.host and settings.url_of(services().bot_named(model)):
        raise NotPermitted(
            f"The web page {origin[:200]} may not ask bots of BOT_URLS. Set ACCESS_TOKENS, or name "
            "the page in CORS_ORIGINS."
        )


def _note_session(name: str | None) -> None:
    """OpenAI's clients name a conversation by ``prompt_cache_key``."""
    client = current_record().client
    if client is not None and name and not client.visit.session:
        client.visit.session = name[:MAX_SESSION_CHARS]

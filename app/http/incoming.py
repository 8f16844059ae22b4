"""What a POST route does before it parses: authenticate, read, load, note the model."""

from collections.abc import Callable
from typing import Any

from app.access.client import Client
from app.access.credentials import MAX_SESSION_CHARS
from app.http.json_bodies import read_json
from app.http.request_log import current_record
from app.http.services import authenticate
from app.schemas.loading import BaseSchema, load_payload


def read_request(
    schema: BaseSchema, read: Callable[[], Any] = read_json, *, default_model: str | None = None
) -> tuple[Client, dict[str, Any]]:
    """The client, and the payload of the request at hand. Raises ApiError.

    ``read`` reads the body, once the client is known. ``default_model``: who is asked where the
    payload names nobody.
    """
    client = authenticate()
    return client, load_request(schema, read(), default_model=default_model)


def load_request(
    schema: BaseSchema, body: Any, *, default_model: str | None = None
) -> dict[str, Any]:
    """The payload as the schema loads it, its model noted for the log. Raises InvalidRequest."""
    payload = load_payload(schema, body)
    current_record().model = payload["model"] or default_model
    _note_session(payload.get("prompt_cache_key"))
    return payload


def _note_session(name: str | None) -> None:
    """OpenAI's clients name a conversation by ``prompt_cache_key``."""
    client = current_record().client
    if client is not None and name and not client.visit.session:
        client.visit.session = name[:MAX_SESSION_CHARS]

"""What a POST route does before it parses: authenticate, read, load, note the model."""

from collections.abc import Callable
from typing import Any

from app.access.client import Client
from app.http.request_log import current_record
from app.http.services import authenticate, read_json
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
    return payload

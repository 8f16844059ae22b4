"""The first steps of a POST route: authenticate, read the body, load it, log its model."""

from collections.abc import Callable
from typing import Any

from flask import request

from app.access.credentials import Lease
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
    current_record().model = payload["model"] or default_model
    return payload

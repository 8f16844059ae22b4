"""What the views share: the parts that create_app built, and the request's JSON."""

from dataclasses import dataclass
from typing import Any

from flask import current_app, request

from app.access.credentials import Gatekeeper
from app.config import Settings
from app.core import strict_json
from app.errors import InvalidRequest
from app.poe.account import Account
from app.poe.catalog import Catalog
from app.poe.pooled_history import PooledHistory
from app.poe.uploads import Uploader
from app.relay.jobs import Jobs
from app.relay.reply import Relay
from app.state.store import Store


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of the running gateway, made once in create_app."""

    settings: Settings
    gatekeeper: Gatekeeper
    relay: Relay
    catalog: Catalog
    store: Store
    account: Account
    history: PooledHistory
    uploader: Uploader
    jobs: Jobs


def services() -> Services:
    """The parts of the gateway that serves this request."""
    parts: Services = current_app.extensions["poegate"]
    return parts


def read_json() -> Any:
    """The request's body. Raises InvalidRequest where it is not JSON."""
    try:
        return strict_json.loads(request.get_data(cache=False))
    except ValueError as error:
        raise InvalidRequest(f"The request body is not valid JSON: {error}") from error

"""The services that views use."""

from dataclasses import dataclass

from flask import current_app

from app.access.credentials import Gatekeeper
from app.config import Settings
from app.poe.account import Account
from app.poe.catalog import Catalog
from app.poe.pooled_history import PooledHistory
from app.poe.uploads import Uploader
from app.relay.jobs import Jobs
from app.relay.reply import Relay
from app.state.store import Store


@dataclass(frozen=True, slots=True)
class Services:
    """The services of the running gateway, made once in create_app."""

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
    """The services of the application that serves this request."""
    parts: Services = current_app.extensions["poegate"]
    return parts

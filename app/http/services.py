"""The services that views use."""

from dataclasses import dataclass
from typing import Any, Protocol

from flask import Flask, current_app, request

from app.access.client import Client
from app.access.parts import Access
from app.config import Settings
from app.http.request_log import InProgress, RequestRecord, current_record
from app.poe.account import Account
from app.poe.bot_names import BotNames
from app.poe.catalog import Catalog
from app.poe.pooled_history import PooledHistory
from app.poe.uploads import Uploader
from app.relay.background import Background
from app.relay.config_file import ConfigFile
from app.relay.jobs import Jobs
from app.relay.passing import PassingRelay
from app.relay.probes import KeyProbes
from app.relay.reply import Relay
from app.state.store import Store


class RequestCounts(Protocol):
    """The numbers of /metrics (http/metrics.py)."""

    def register(self, app: Flask) -> None: ...

    def observe(self, record: RequestRecord) -> None: ...

    def observe_usage(self, client: Client) -> None: ...


@dataclass(frozen=True, slots=True)
class Services:
    """The services of the running gateway, made once in create_app."""

    settings: Settings
    access: Access
    relay: Relay
    passing: PassingRelay
    catalog: Catalog
    store: Store
    account: Account
    history: PooledHistory
    uploader: Uploader
    jobs: Jobs
    probes: KeyProbes
    config_file: ConfigFile
    names: BotNames
    in_progress: InProgress
    metrics: RequestCounts | None
    background: Background

    def bot_named(self, model: str) -> str:
        """The bot that a client means by a model's name."""
        return self.names.bot_named(model)

    def count_request(self, record: RequestRecord) -> None:
        """For /metrics, where these are on."""
        if self.metrics is not None:
            self.metrics.observe(record)

    def settle_job(self, client: Client, *, started_at: float, dialect: str) -> None:
        """For a job that has ended. Raises nothing."""
        self.access.accounting.settle_job(client, started_at=started_at, dialect=dialect)
        if self.metrics is not None:
            self.metrics.observe_usage(client)

    def settle_request(self, record: RequestRecord) -> None:
        """For a request that has ended. Raises nothing."""
        self.access.accounting.settle(
            record.client,
            started_at=record.started_at,
            dialect=record.dialect,
            status=record.status,
            error=record.error,
            first_token_ms=record.first_token_ms,
            facts=_listed_facts(record),
        )


_NOT_LISTED = ("upstream_request_id", "traceparent")


def _listed_facts(record: RequestRecord) -> dict[str, Any]:
    """For the list of the last requests."""
    facts = record.facts()
    listed = {name: fact for name, fact in facts.items() if name not in _NOT_LISTED}
    return {"time": round(record.started_at, 3), **listed, "points_estimated": True}


def authenticate() -> Client:
    """The client that sends the request at hand. Raises Unauthenticated, Unavailable."""
    client = services().access.gatekeeper.authenticate(request)
    record = current_record()
    record.client = client
    client.visit.request_id = record.id
    return client


def services() -> Services:
    """The services of the application that serves this request."""
    parts: Services = current_app.extensions["poegate"]
    return parts

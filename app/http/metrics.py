"""GET /metrics: what Prometheus scrapes, summed over the workers of this machine.

The workers share files in PROMETHEUS_MULTIPROC_DIR, which gunicorn.conf.py makes; without it (one
process, as in tests) the numbers are that process's own.
"""

import hmac
import os
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Flask, Response, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import GaugeMetricFamily

from app import __version__
from app.access.client import Client
from app.access.ledger import OTHER
from app.access.pool import Pool
from app.access.prices import PriceList
from app.access.resting import KEY_STATES
from app.errors import Unauthenticated
from app.http.request_log import RequestRecord

DURATIONS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class Metrics:
    """One for the worker. ``observe`` is told of each request that has ended."""

    def __init__(self, token: str, pool: Pool, prices: PriceList) -> None:
        self._token = token
        self._prices = prices
        self._own = CollectorRegistry()
        self._keys = _KeyStates(pool)
        registry = self._own
        self._requests = Counter(
            "poegate_requests",
            "Requests that have ended.",
            ("route", "model", "status"),
            registry=registry,
        )
        self._duration = Histogram(
            "poegate_request_duration_seconds",
            "From the request's arrival to its last byte.",
            ("route",),
            buckets=DURATIONS,
            registry=registry,
        )
        self._first_token = Histogram(
            "poegate_time_to_first_token_seconds",
            "From the request's arrival to the first event of an answer.",
            ("model",),
            buckets=DURATIONS,
            registry=registry,
        )
        self._tokens = Counter(
            "poegate_tokens", "Tokens of bots' answers.", ("type", "model"), registry=registry
        )
        self._points = Counter(
            "poegate_points", "Estimated points by access token.", ("token",), registry=registry
        )
        self._in_progress = Gauge(
            "poegate_requests_in_progress",
            "Requests that are being served.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._fallbacks = Counter(
            "poegate_fallbacks", "Tries beyond the first of their request.", registry=registry
        )

    def register(self, app: Flask) -> None:
        blueprint = Blueprint("metrics", __name__)
        blueprint.add_url_rule("/metrics", view_func=self._show, methods=["GET"])
        app.before_request(self._begin)
        app.register_blueprint(blueprint)

    def _begin(self) -> None:
        self._in_progress.inc()

    def _show(self) -> Response:
        if not self._is_allowed():
            raise Unauthenticated("Send METRICS_TOKEN as the bearer token.")
        return Response(self._render(), content_type=CONTENT_TYPE_LATEST)

    def observe(self, record: RequestRecord) -> None:
        self._in_progress.dec()
        client = record.client
        model = self._model(client.visit.bot if client else None)
        route = record.route or "unknown"
        self._requests.labels(route, model, str(record.status)).inc()
        self._duration.labels(route).observe(record.total_ms / 1000)
        if record.first_token_ms is not None:
            self._first_token.labels(model).observe(record.first_token_ms / 1000)
        if client is None:
            return
        self.observe_usage(client)
        if client.visit.attempts > 1:
            self._fallbacks.inc(client.visit.attempts - 1)

    def observe_usage(self, client: Client) -> None:
        """Of a request, or of a job such as a video, which costs after its request ended."""
        visit = client.visit
        model = self._model(visit.bot)
        if visit.usage is not None:
            self._tokens.labels("prompt", model).inc(visit.usage.prompt)
            self._tokens.labels("completion", model).inc(visit.usage.completion)
        if visit.points and client.has_token:
            self._points.labels(client.name).inc(visit.points)

    def _model(self, bot: str | None) -> str:
        """Only names of the catalog: clients may invent others."""
        if not bot:
            return ""
        return bot if self._prices.knows(bot) else OTHER

    def _render(self) -> bytes:
        registry = CollectorRegistry()
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        else:
            registry.register(self._own)
        registry.register(self._keys)
        return generate_latest(registry)

    def _is_allowed(self) -> bool:
        """Whether the request at hand carries METRICS_TOKEN."""
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(sent.encode(errors="replace"), self._token.encode())


class _KeyStates:
    """``poegate_key_state`` and ``poegate_build_info``: as they are when it is asked for them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def collect(self) -> Iterator[Any]:
        info = GaugeMetricFamily("poegate_build_info", "The version.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        states = GaugeMetricFamily(
            "poegate_key_state", "1 for the state that a key is in.", labels=["key", "state"]
        )
        now = self._pool.clock()
        for key in self._pool.keys:
            current = self._pool.state_of(key).name_at(now)
            for state in KEY_STATES:
                states.add_metric([str(key.number), state], float(state == current))
        yield states

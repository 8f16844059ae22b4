"""Builds the Flask application: settings, services, routes."""

import logging

from flask import Flask, Response
from flask_cors import CORS
from werkzeug.middleware.proxy_fix import ProxyFix

from app.access.parts import Access, open_access
from app.config import Settings, load_settings
from app.core import tokens, turns
from app.dialects.admin import routes as admin
from app.dialects.audio import routes as audio
from app.dialects.chat import routes as chat
from app.dialects.completions import routes as completions
from app.dialects.files import routes as files
from app.dialects.health import routes as health
from app.dialects.images import routes as images
from app.dialects.key import routes as key
from app.dialects.messages import routes as messages
from app.dialects.models import routes as models
from app.dialects.openapi import routes as openapi
from app.dialects.points import routes as points
from app.dialects.responses import routes as responses
from app.dialects.videos import routes as videos
from app.errors import Unavailable
from app.http import unsupported
from app.http.access_headers import RATE_LIMIT_HEADERS, register_access_headers
from app.http.error_responses import register_errors
from app.http.paths import ForgivingPaths
from app.http.presence import ClientGone
from app.http.request_bodies import BodyBudget, BoundedRequest, release_at_the_end
from app.http.request_log import InProgress, register_records
from app.http.services import RequestCounts, Services
from app.http.turn_queue import TurnQueue
from app.http.wire_formats import register_formats
from app.poe import resolver
from app.poe.account import Account
from app.poe.bot_names import BotNames
from app.poe.catalog import Catalog
from app.poe.client import PoeClient
from app.poe.native import NativeApi
from app.poe.pooled_history import pooled_history
from app.relay.asking import Asker
from app.relay.config_file import ConfigFile
from app.relay.jobs import Jobs
from app.relay.passing import PassingRelay
from app.relay.probes import KeyProbes
from app.relay.reply import Relay
from app.relay.tasks import background_of
from app.state.store import Store
from app.web import routes as web

FORMATS = (
    chat.FORMAT,
    completions.FORMAT,
    messages.FORMAT,
    responses.FORMAT,
    images.FORMAT,
    audio.FORMAT,
    videos.FORMAT,
    models.FORMAT,
    files.FORMAT,
    points.FORMAT,
    key.FORMAT,
    admin.FORMAT,
    health.FORMAT,
    openapi.FORMAT,
)
log = logging.getLogger("poegate")

CLIENT_CLOSED_REQUEST = 499
EXPOSED_HEADERS = [
    "x-request-id",
    "request-id",
    "openai-processing-ms",
    "openai-version",
    "openai-poll-after-ms",
    "x-poegate-warning",
    "x-poegate-upstream",
    "Retry-After",
    "x-poegate-key",
    "x-poegate-attempts",
    "x-poegate-fallbacks",
    *RATE_LIMIT_HEADERS,
]


def _load_vocabulary() -> None:
    """Before the first request needs it. Where it is missing /readyz says so, and each request."""
    try:
        tokens.encoding()
    except Unavailable as error:
        log.error(error.message)


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application. Raises ConfigError for settings that cannot be used."""
    settings = settings or load_settings()
    _load_vocabulary()
    app = Flask(__name__, static_folder=None)
    app.request_class = BoundedRequest
    app.extensions["poegate.bodies"] = BodyBudget(int(settings.max_bodies_mb * 1_000_000))
    app.config["MAX_CONTENT_LENGTH"] = int(settings.max_body_mb * 1_000_000)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    services = app.extensions["poegate"] = _build_services(settings)
    register_records(app, services.in_progress, services.settle_request, services.count_request)
    register_access_headers(app)
    app.after_request(release_at_the_end)
    resolver.install()
    turns.install(TurnQueue().give_way)
    register_errors(app)
    app.register_error_handler(ClientGone, lambda gone: Response(status=CLIENT_CLOSED_REQUEST))
    register_formats(app, FORMATS)
    app.register_blueprint(unsupported.blueprint)
    if services.metrics is not None:
        services.metrics.register(app)
    if settings.page:
        app.register_blueprint(web.blueprint)
    CORS(
        app,
        origins=list(settings.cors_origins) or "*",
        expose_headers=EXPOSED_HEADERS,
        max_age=86_400,
        allow_private_network=True,
        always_send=False,  # only browsers send an Origin, and only they read these headers
    )
    app.wsgi_app = ForgivingPaths(app.wsgi_app)  # type: ignore[method-assign]
    if settings.proxy_hops:
        hops = settings.proxy_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    return app


def _metrics(settings: Settings, access: Access) -> RequestCounts | None:
    if settings.metrics_token is None:
        return None
    from app.http.metrics import Metrics  # costs every worker memory, and few need it

    return Metrics(settings.metrics_token, access.pool, access.prices)


def _build_services(settings: Settings) -> Services:
    """Raises ConfigError."""
    catalog, store, account = Catalog(settings), Store(settings), Account(settings)
    access = open_access(settings, store, catalog.known)
    client = PoeClient(settings)
    asker = Asker(settings, client, access.pool, store.accept)
    names = BotNames(settings, catalog.facts)
    relay = Relay(settings, asker, access.admission, access.prices, names, catalog.facts)
    api = NativeApi(settings, client.wire)
    passing = PassingRelay(settings, api, asker, access.admission, access.prices, names)
    probes = KeyProbes(access.pool, account, access.store, access.prices)
    config_file = ConfigFile(settings, access.tokens, relay.adapters.load)
    in_progress = InProgress()
    return Services(
        settings=settings,
        access=access,
        relay=relay,
        passing=passing,
        catalog=catalog,
        store=store,
        account=account,
        history=pooled_history(settings, account),
        uploader=client.uploader,
        jobs=Jobs(),
        probes=probes,
        config_file=config_file,
        names=names,
        in_progress=in_progress,
        metrics=_metrics(settings, access),
        background=background_of(
            access, catalog, probes, config_file, settings, lambda: in_progress.count
        ),
    )

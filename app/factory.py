"""Builds the Flask application: settings, services, routes."""

import gevent
from flask import Flask, Response
from flask_cors import CORS

from app.access.credentials import Gatekeeper
from app.config import Settings, load_settings
from app.core import tokens, turns
from app.dialects.audio import routes as audio
from app.dialects.chat import routes as chat
from app.dialects.completions import routes as completions
from app.dialects.files import routes as files
from app.dialects.health import routes as health
from app.dialects.images import routes as images
from app.dialects.messages import routes as messages
from app.dialects.models import routes as models
from app.dialects.openapi import routes as openapi
from app.dialects.points import routes as points
from app.dialects.responses import routes as responses
from app.dialects.videos import routes as videos
from app.http import unsupported
from app.http.error_responses import register_errors
from app.http.paths import ForgivingPaths
from app.http.presence import ClientGone
from app.http.request_bodies import BodyBudget, BoundedRequest, release_body
from app.http.request_log import register_records
from app.http.services import Services
from app.http.wire_formats import register_formats
from app.poe import resolver
from app.poe.account import Account
from app.poe.catalog import Catalog
from app.poe.client import PoeClient
from app.poe.pooled_history import pooled_history
from app.relay.jobs import Jobs
from app.relay.reply import Relay
from app.state.store import Store

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
    health.FORMAT,
    openapi.FORMAT,
)
CLIENT_CLOSED_REQUEST = 499
EXPOSED_HEADERS = [
    "x-request-id",
    "request-id",
    "openai-processing-ms",
    "openai-version",
    "openai-poll-after-ms",
    "x-poegate-warning",
    "Retry-After",
]


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application. Raises ConfigError for settings that cannot be used."""
    settings = settings or load_settings()
    tokens.encoding()
    app = Flask(__name__, static_folder=None)
    app.request_class = BoundedRequest
    app.extensions["poegate.bodies"] = BodyBudget(int(settings.max_bodies_mb * 1_000_000))
    app.config["MAX_CONTENT_LENGTH"] = int(settings.max_body_mb * 1_000_000)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    account, client = Account(settings), PoeClient(settings)
    app.extensions["poegate"] = Services(
        settings,
        Gatekeeper(settings),
        Relay(settings, client),
        Catalog(settings),
        Store(settings),
        account,
        pooled_history(settings, account),
        client.uploader,
        Jobs(),
    )
    register_records(app)
    app.teardown_request(release_body)
    resolver.install()
    turns.install(lambda: gevent.sleep(0))
    register_errors(app)
    app.register_error_handler(ClientGone, lambda gone: Response(status=CLIENT_CLOSED_REQUEST))
    register_formats(app, FORMATS)
    app.register_blueprint(unsupported.blueprint)
    CORS(
        app,
        origins=list(settings.cors_origins) or "*",
        expose_headers=EXPOSED_HEADERS,
        max_age=86_400,
        allow_private_network=True,
        always_send=False,  # only browsers send an Origin, and only they read these headers
    )
    app.wsgi_app = ForgivingPaths(app.wsgi_app)  # type: ignore[method-assign]
    return app

"""Poegate: every bot of Poe behind the APIs that applications already speak."""

from flask import Flask, Response
from flask_cors import CORS

from app.api import (
    audio,
    chat,
    completions,
    files,
    health,
    images,
    messages,
    models,
    openapi,
    responses,
    unsupported,
    usage,
    videos,
)
from app.api.house import House
from app.api.paths import ForgivingPaths
from app.api.presence import ClientGone
from app.api.request_record import register_records
from app.auth import Gatekeeper
from app.config import Settings, load_settings
from app.core import tokens
from app.errors import register_errors
from app.jobs import Jobs
from app.poe.account import Account, Catalog
from app.relay import Relay
from app.state.store import Store

BLUEPRINTS = (
    chat.blueprint,
    completions.blueprint,
    messages.blueprint,
    responses.blueprint,
    images.blueprint,
    audio.blueprint,
    videos.blueprint,
    models.blueprint,
    files.blueprint,
    usage.blueprint,
    unsupported.blueprint,
    health.blueprint,
    openapi.blueprint,
)
CLIENT_CLOSED_REQUEST = 499
EXPOSED_HEADERS = [
    "x-request-id",
    "request-id",
    "openai-processing-ms",
    "openai-version",
    "openai-poll-after-ms",
    "Retry-After",
]


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application. Raises ConfigError for settings that cannot be used."""
    settings = settings or load_settings()
    tokens.encoding()
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = int(settings.max_body_mb * 1_000_000)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    account = Account(settings)
    app.extensions["poegate"] = House(
        settings,
        Gatekeeper(settings),
        Relay(settings),
        Catalog(settings),
        Store(settings),
        account,
        usage.pooled_history(settings, account),
        Jobs(),
    )
    register_records(app)
    register_errors(app)
    app.register_error_handler(ClientGone, lambda gone: Response(status=CLIENT_CLOSED_REQUEST))
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    CORS(app, expose_headers=EXPOSED_HEADERS, max_age=86400)
    app.wsgi_app = ForgivingPaths(app.wsgi_app)  # type: ignore[method-assign]
    return app

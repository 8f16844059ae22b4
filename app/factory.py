"""Poegate: every bot of Poe behind the APIs that applications already speak."""

from flask import Flask, Response
from flask_cors import CORS

from app.access.credentials import Gatekeeper
from app.config import Settings, load_settings
from app.core import tokens
from app.dialects.audio import routes as audio
from app.dialects.chat import routes as chat
from app.dialects.completions import routes as completions
from app.dialects.files import routes as files
from app.dialects.health import routes as health
from app.dialects.images import routes as images
from app.dialects.messages import routes as messages
from app.dialects.models import routes as models
from app.dialects.openapi import routes as openapi
from app.dialects.points import routes as usage
from app.dialects.responses import routes as responses
from app.dialects.videos import routes as videos
from app.errors import register_errors
from app.http import unsupported
from app.http.paths import ForgivingPaths
from app.http.presence import ClientGone
from app.http.request_log import register_records
from app.http.services import Services
from app.poe.account import Account, Catalog
from app.relay.jobs import Jobs
from app.relay.reply import Relay
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
    app.extensions["poegate"] = Services(
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

"""GET /: the page for browsers, an index of the routes for programs; GET /static/…: its files."""

import json
from collections.abc import Iterator
from html import escape
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request
from flask.blueprints import BlueprintSetupState

from app import __version__
from app.config import Settings
from app.errors import NotFound
from app.http.operations import operation, operation_of
from app.http.services import services
from app.web.answers import IndexSchema
from app.web.assets import Asset, compressed, load_assets

blueprint = Blueprint("web", __name__)

MEDIA = "'self' data: blob: https: http:"
"""Pictures, sound and films of bots lie anywhere; the page loads one only when asked to."""

HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'self'; img-src {MEDIA}; media-src {MEDIA}; object-src 'none'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
YEAR = 31_536_000
ASSETS = ("text/javascript", "text/css", "image/svg+xml", "text/plain")


@blueprint.record_once
def load_at_start(_: BlueprintSetupState) -> None:
    """So that no visitor waits while all is compressed."""
    load_assets()


@blueprint.get("/")
@operation(
    "The page for browsers, these routes for programs", IndexSchema, "text/html", guarded=False
)
def show_index() -> Response:
    """HTML where the client prefers it, as browsers do; JSON for all others."""
    accepted = request.accept_mimetypes
    if accepted["text/html"] > accepted["application/json"]:
        page = compressed(render_page(services().settings).encode(), "text/html; charset=utf-8")
        response = _send(page)
        response.headers["Cache-Control"] = "no-cache"
    else:
        response = jsonify(
            {
                "name": "poegate",
                "version": __version__,
                "openapi": "/openapi.json",
                "routes": list(described_routes()),
            }
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
    response.vary.add("Accept")
    return response


@blueprint.get("/static/<digest>/<path:name>")
@operation("A file of the page", *ASSETS, guarded=False, errors=(404,))
def send_asset(digest: str, name: str) -> Response:
    """A file of the page. One that another version of the page asks for must not be kept."""
    assets = load_assets()
    asset = assets.files.get(name)
    if asset is None:
        raise NotFound(f"Unknown route: GET {request.path}", code="unknown_url")
    response = _send(asset)
    if digest == assets.digest:
        response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
    else:
        response.headers["Cache-Control"] = "no-cache"
    return response


def render_page(settings: Settings) -> str:
    """The page with the address of its files, and what it must know before it has a key."""
    assets = load_assets()
    demo_bots = [name for name, _ in settings.bot_urls if name.startswith("demo-")]
    facts = {
        "version": __version__,
        "mode": "token" if settings.is_token_mode else "pass-through",
        "admin": settings.admin_token is not None,
        "demo_bots": demo_bots,
    }
    return assets.index.replace("{{static}}", f"static/{assets.digest}").replace(
        "{{facts}}", escape(json.dumps(facts))
    )


def described_routes() -> Iterator[dict[str, Any]]:
    """Each route that the OpenAPI document knows: path, methods and summary."""
    for rule in sorted(current_app.url_map.iter_rules(), key=lambda rule: rule.rule):
        described = operation_of(current_app.view_functions[rule.endpoint])
        if described is not None:
            methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
            yield {"path": rule.rule, "methods": methods, "summary": described.summary}


def _send(asset: Asset) -> Response:
    """The asset in the best encoding that the client takes."""
    accepted = request.accept_encodings
    encoding = next((name for name in ("br", "gzip") if accepted[name] > 0), "")
    response = Response(asset.bodies[encoding], content_type=asset.content_type, headers=HEADERS)
    if encoding:
        response.headers["Content-Encoding"] = encoding
    response.vary.add("Accept-Encoding")
    response.set_etag(f"{asset.etag}-{encoding}" if encoding else asset.etag)
    response.make_conditional(request)
    return response

"""GET /healthz: the process lives. GET /readyz: it can do its work."""

from flask import Blueprint, Response, jsonify

from app.api.house import house
from app.core.tokens import encoding
from app.poe.account import poe_is_reachable

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def tell_alive() -> Response:
    return jsonify({"status": "ok"})


@blueprint.get("/readyz")
def tell_ready() -> Response:
    """Poe's absence is told but is no fault of the gateway: one's own bots still answer."""
    encoding()
    poe = "reachable" if poe_is_reachable(house().settings) else "unreachable"
    return jsonify({"status": "ready", "vocabulary": "loaded", "poe": poe})

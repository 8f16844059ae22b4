"""GET /healthz: the process lives. GET /readyz: it can do its work."""

from flask import Blueprint, Response, jsonify

from app.api.described import operation
from app.api.house import house
from app.core.tokens import encoding
from app.poe.account import poe_is_reachable
from app.schemas.answers.account import AliveSchema, ReadySchema

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@operation("The process lives", AliveSchema, guarded=False)
def tell_alive() -> Response:
    return jsonify({"status": "ok"})


@blueprint.get("/readyz")
@operation("The gateway can do its work", ReadySchema, guarded=False)
def tell_ready() -> Response:
    """What is missing is told, but it answers all the same: without Poe one's own bots can be
    asked, and without its store all that needs nothing of an earlier request."""
    encoding()
    poe = "reachable" if poe_is_reachable(house().settings) else "unreachable"
    store = "usable" if house().store.is_usable() else "unusable"
    return jsonify({"status": "ready", "vocabulary": "loaded", "poe": poe, "store": store})

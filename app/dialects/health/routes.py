"""GET /healthz: the process lives. GET /readyz: it can do its work."""

from flask import Blueprint, Response, jsonify

from app.core.tokens import encoding
from app.dialects.health.answers import AliveSchema, ReadySchema
from app.http.operations import operation
from app.http.services import services
from app.http.wire_formats import WireFormat
from app.poe.account import poe_is_reachable

blueprint = Blueprint("health", __name__)
FORMAT = WireFormat(blueprint)


@blueprint.get("/healthz")
@operation("The process lives", AliveSchema, guarded=False)
def report_alive() -> Response:
    return jsonify({"status": "ok"})


@blueprint.get("/readyz")
@operation("The gateway can do its work", ReadySchema, guarded=False)
def report_ready() -> Response:
    """Ready also without Poe, when the bots of BOT_URLS can be asked, and without the store, which
    only some requests need. The answer says what is missing."""
    encoding()
    poe = "reachable" if poe_is_reachable(services().settings) else "unreachable"
    store = "usable" if services().store.is_usable() else "unusable"
    return jsonify({"status": "ready", "vocabulary": "loaded", "poe": poe, "store": store})

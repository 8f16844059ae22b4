"""GET /healthz: the process lives. GET /readyz: it can do its work. GET /version."""

from flask import Blueprint, Response, jsonify

from app import __version__
from app.core.tokens import encoding
from app.dialects.health.answers import AliveSchema, ReadySchema, VersionSchema
from app.http.operations import operation
from app.http.services import services
from app.http.wire_formats import WireFormat
from app.poe.account import poe_is_reachable

blueprint = Blueprint("health", __name__)
FORMAT = WireFormat(blueprint)


@blueprint.get("/healthz")
@operation("The process lives", AliveSchema, guarded=False)
def tell_alive() -> Response:
    return jsonify({"status": "ok"})


@blueprint.get("/version")
@operation("The gateway's version", VersionSchema, guarded=False)
def tell_version() -> Response:
    return jsonify({"name": "poegate", "version": __version__})


@blueprint.get("/readyz")
@operation("The gateway can do its work", ReadySchema, guarded=False)
def tell_ready() -> Response:
    """What is missing is told, but it answers all the same: without Poe one's own bots can be
    asked, and without its store all that needs nothing of an earlier request."""
    encoding()
    poe = "reachable" if poe_is_reachable(services().settings) else "unreachable"
    store = "usable" if services().store.is_usable() else "unusable"
    return jsonify({"status": "ready", "vocabulary": "loaded", "poe": poe, "store": store})

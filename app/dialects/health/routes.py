"""GET /healthz: the process lives. GET /readyz: it can do its work. GET /version."""

from flask import Blueprint, Response, jsonify

from app import __version__
from app.core.tokens import encoding
from app.dialects.health.answers import AliveSchema, ReadySchema, VersionSchema
from app.errors import Unavailable
from app.http.checks import Checks
from app.http.operations import operation
from app.http.services import services
from app.http.wire_formats import WireFormat
from app.poe.account import poe_is_reachable

blueprint = Blueprint("health", __name__)
FORMAT = WireFormat(blueprint)

_checks = Checks()

RETRY_AFTER = "60"
_ALL_REFUSED = "Poe refuses all keys of POE_API_KEYS"

_POE = {
    False: "Poe cannot be reached: only bots of BOT_URLS can be asked.",
    None: "Poe does not answer in time.",
}
_STORE = {
    False: "The state cannot be kept: what needs an earlier response, video or file fails.",
    None: "The state does not answer in time.",
}


@blueprint.get("/healthz")
@operation("The process lives", AliveSchema, guarded=False)
def report_alive() -> Response:
    return jsonify({"status": "ok"})


@blueprint.get("/version")
@operation("The gateway's version", VersionSchema, guarded=False)
def tell_version() -> Response:
    return jsonify({"name": "poegate", "version": __version__})


@blueprint.get("/readyz")
@operation("The gateway can do its work", ReadySchema, guarded=False, errors=(503,))
def report_ready() -> Response:
    """503 only where nothing can be served. ``reasons`` say what is amiss otherwise: without Poe
    one's own bots can be asked, and without its state all that needs nothing of an earlier request.
    """
    encoding()  # without it no answer can be counted, nor begun
    parts = services()
    refused = parts.access.pool.all_refused()
    if refused and not parts.settings.bot_urls:
        message = f"{_ALL_REFUSED}, and BOT_URLS names no bots: nothing can be served."
        raise Unavailable(message, code="no_key", retry_after=RETRY_AFTER)
    found = _checks.outcomes(
        {"poe": lambda: poe_is_reachable(parts.settings), "store": parts.store.is_usable}
    )
    reasons = [f"{_ALL_REFUSED}: only bots of BOT_URLS can be asked."] if refused else []
    reasons += [_POE[found["poe"]]] if not found["poe"] else []
    reasons += [_STORE[found["store"]]] if not found["store"] else []
    return jsonify(
        {
            "status": "degraded" if reasons else "ready",
            "vocabulary": "loaded",
            "poe": "reachable" if found["poe"] else "unreachable",
            "store": "usable" if found["store"] else "unusable",
            "reasons": reasons,
        }
    )

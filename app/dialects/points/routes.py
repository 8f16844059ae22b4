"""GET /usage/current_balance and /usage/points_history, as Poe's own API has them."""

from functools import partial

from flask import Blueprint, Response, jsonify, request

from app.dialects.points.answers import BalanceSchema, HistorySchema
from app.http.operations import ACCOUNT_ERRORS, operation
from app.http.services import services
from app.http.wire_formats import WireFormat
from app.schemas.loading import load_payload
from app.schemas.paging import HistoryQuerySchema

blueprint = Blueprint("usage", __name__, url_prefix="/usage")
FORMAT = WireFormat(blueprint)
_QUERY_SCHEMA = HistoryQuerySchema()


@blueprint.get("/current_balance")
@operation("The points that are left", BalanceSchema, errors=ACCOUNT_ERRORS)
def current_balance() -> Response:
    """The balance of the client's key, or the sum over the gateway's keys."""
    lease = services().gatekeeper.lease(request)
    keys = tuple(dict.fromkeys(services().settings.poe_api_keys))
    if not keys:
        return jsonify(services().account.balance(lease.key))
    return jsonify({"current_point_balance": services().account.total_balance(keys)})


@blueprint.get("/points_history")
@operation(
    "What the points were spent on",
    HistorySchema,
    query=(HistoryQuerySchema,),
    errors=ACCOUNT_ERRORS,
)
def list_points_history() -> Response:
    """The history of the client's key, or that of the gateway's keys, merged."""
    lease = services().gatekeeper.lease(request)
    query = load_payload(_QUERY_SCHEMA, request.args.to_dict())
    pooled = services().settings.poe_api_keys
    ask = services().history.page if pooled else partial(services().account.history, lease.key)
    return jsonify(ask(query["limit"], query["starting_after"]))

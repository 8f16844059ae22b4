"""GET /usage: what a client used; and under it what Poe's own API tells of points.

A client with its own Poe key gets Poe's answers. A token of the gateway gets what the ledger has
of it: the points of the pool's keys are the operator's (POOL_HISTORY).
"""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from flask import Blueprint, Response, jsonify, request

from app.access.client import Client
from app.access.store import DAY, HOUR
from app.access.usage_report import Question
from app.core.paging import Place
from app.dialects.points.answers import BalanceSchema, HistorySchema
from app.errors import InvalidRequest, NotPermitted
from app.http.operations import ACCOUNT_ERRORS, operation
from app.http.services import authenticate, services
from app.http.usage_reports import UsageQuerySchema, UsageSchema, read_report, usage_response
from app.http.wire_formats import WireFormat
from app.schemas.loading import load_payload
from app.schemas.paging import HistoryQuerySchema

HISTORY_DAYS = 30
"""As far as Poe's own history goes back."""

blueprint = Blueprint("usage", __name__, url_prefix="/usage")
FORMAT = WireFormat(blueprint)
_HISTORY_SCHEMA = HistoryQuerySchema()
_USAGE_SCHEMA = UsageQuerySchema()


@blueprint.get("")
@operation("What the asking token used", UsageSchema, "text/csv", query=(UsageQuerySchema,))
def tell_usage() -> Response:
    client = authenticate()
    if "key" in request.args.get("by", "").split(",") or "key" in request.args:
        raise InvalidRequest("by: The keys of the gateway are its operator's.", param="by")
    return usage_response(_USAGE_SCHEMA, token=client.name)


@blueprint.get("/current_balance")
@operation("The points that are left", BalanceSchema, errors=ACCOUNT_ERRORS)
def current_balance() -> Response:
    """The client's own; for the operator the sum over the gateway's keys."""
    client = _client_or_operator()
    if client is None:
        keys = tuple(key.secret for key in services().access.pool.keys)
        return jsonify({"current_point_balance": services().account.total_balance(keys)})
    if client.has_token:
        return jsonify({"current_point_balance": _rest_of_budget(client)})
    return jsonify(services().account.balance(client.key))


@blueprint.get("/points_history")
@operation(
    "What the points were spent on",
    HistorySchema,
    query=(HistoryQuerySchema,),
    errors=ACCOUNT_ERRORS,
)
def list_points_history() -> Response:
    """The client's own; for the operator that of the gateway's keys, merged."""
    client = _client_or_operator()
    query = load_payload(_HISTORY_SCHEMA, request.args.to_dict())
    ask: Callable[[int, str | None], Mapping[str, Any]]
    if client is None:
        ask = services().history.page
    elif client.has_token:
        ask = partial(_own_history, client)
    else:
        ask = partial(services().account.history, client.key)
    return jsonify(ask(query["limit"], query["starting_after"]))


def _client_or_operator() -> Client | None:
    """None for whoever may see the points of the pool."""
    if not services().access.pool.keys:
        return authenticate()
    if services().access.gatekeeper.is_admin(request):
        return None
    client = authenticate()
    return None if services().settings.pool_history == "all" else client


def _rest_of_budget(client: Client) -> float:
    """The least of what its budgets leave. Raises NotPermitted where it has none."""
    budgets = services().access.admission.budgets(client).values()
    left = [max(0.0, budget.limit - budget.used) for budget in budgets]
    if not left:
        raise NotPermitted(
            "The balance of this gateway's keys is its operator's, and this token has no budget."
        )
    return round(min(left), 4)


def _own_history(client: Client, limit: int, starting_after: str | None) -> dict[str, Any]:
    """In Poe's form, an entry an hour and model, the newest first."""
    until = int(time.time()) // HOUR * HOUR + HOUR
    question = Question(
        until - HISTORY_DAYS * DAY, until, ("hour", "model"), {"token": client.name}
    )
    entries = [_entry(row) for row in reversed(read_report(question).rows)]
    place = Place(starting_after, names=("starting_after", ""))
    page = place.page(place.beyond(entries, lambda entry: entry["query_id"]), limit)
    return {"has_more": page.has_more, "length": len(page.entries), "data": page.entries}


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    """``creation_time`` is in microseconds."""
    return {
        "query_id": f"{row['hour']}/{row['model']}",
        "creation_time": int(datetime.fromisoformat(row["hour"]).timestamp()) * 1_000_000,
        "bot_name": row["model"],
        "cost_points": row["points"],
        "usage_type": "API",
        "requests": row["requests"],
        "points_estimated": row["points_estimated"],
    }

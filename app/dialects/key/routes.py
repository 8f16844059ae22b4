"""GET /key: what the asking token is, its limits, and what it used."""

import math
import time
from typing import Any

from flask import Blueprint, Response, jsonify

from app.access.client import Budget, Client, Parallel, Window
from app.access.ledger import day_of, month_of, week_of
from app.access.store import HOUR
from app.access.usage_report import Question
from app.core.dates import rfc3339
from app.dialects.key.answers import OwnKeySchema
from app.http.operations import operation
from app.http.services import authenticate, services
from app.http.usage_reports import read_report
from app.http.wire_formats import WireFormat

blueprint = Blueprint("key", __name__)
FORMAT = WireFormat(blueprint)

Object = dict[str, Any]


@blueprint.get("/key")
@operation("The asking token, its limits and its usage", OwnKeySchema)
def tell_key() -> Response:
    client, now = authenticate(), time.time()
    rules = client.rules
    return jsonify(
        {
            "object": "key",
            "name": client.name,
            "mode": "token" if client.has_token else "pass-through",
            "status": rules.status(now),
            "expires": None if rules.expires is None else rfc3339(rules.expires),
            "models": None if rules.models is None else list(rules.models),
            "note": rules.note,
            "limits": _limits(client, now),
            "usage": {
                "day": _totals(client, day_of(now), now),
                "week": _totals(client, week_of(now), now),
                "month": _totals(client, month_of(now), now),
            },
        }
    )


def _limits(client: Client, now: float) -> Object:
    limits = services().access.admission.limits_of(client)
    return {name: limit and _limit(limit, now) for name, limit in limits.items()}


def _limit(limit: Window | Parallel | Budget, now: float) -> Object:
    match limit:
        case Window(most, remaining, reset_at):
            seconds = max(0, math.ceil(reset_at - now))
            return {"limit": most, "remaining": remaining, "reset_seconds": seconds}
        case Parallel(most, in_use):
            return {"limit": most, "in_use": in_use}
        case Budget(most, used, _, resets_at):
            left = round(max(0.0, most - used), 4)
            used = round(used, 4)
            return {"limit": most, "used": used, "remaining": left, "resets_at": resets_at}


def _totals(client: Client, since: int, now: float) -> Object:
    until = int(now) // HOUR * HOUR + HOUR
    return read_report(Question(since, until, (), {"token": client.name})).totals

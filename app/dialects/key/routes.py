"""GET /key: what the asking token is, its limits, and what it used."""

import math
import time
from typing import Any

from flask import Blueprint, Response, jsonify

from app.access.client import Client, Window
from app.access.ledger import day_of, month_of, next_month_of, week_of
from app.access.store import DAY, HOUR
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
    access, rules = services().access, client.rules
    of_day, of_month = access.ledger.points_of(client.name) if rules.has_budget() else (0.0, 0.0)
    parallel = rules.max_parallel
    return {
        "requests_per_minute": _window(access.admission.requests_window(client), now),
        "tokens_per_minute": _window(access.limits.tokens_window(client), now),
        "max_parallel": None
        if parallel is None
        else {"limit": parallel, "in_use": access.limits.in_use(client)},
        "points_per_day": _budget(rules.points_per_day, of_day, day_of(now) + DAY),
        "points_per_month": _budget(rules.points_per_month, of_month, next_month_of(now)),
    }


def _window(window: Window | None, now: float) -> Object | None:
    if window is None:
        return None
    seconds = max(0, math.ceil(window.reset_at - now))
    return {"limit": window.limit, "remaining": window.remaining, "reset_seconds": seconds}


def _budget(limit: float | None, used: float, resets_at: int) -> Object | None:
    if limit is None:
        return None
    remaining = round(max(0.0, limit - used), 4)
    return {"limit": limit, "used": round(used, 4), "remaining": remaining, "resets_at": resets_at}


def _totals(client: Client, since: int, now: float) -> Object:
    until = int(now) // HOUR * HOUR + HOUR
    return read_report(Question(since, until, (), {"token": client.name})).totals

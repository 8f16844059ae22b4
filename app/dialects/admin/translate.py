"""The parts of access as the operator's JSON."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.access.pool import PoolKey
from app.access.resting import KeyState
from app.access.rules import LIMITS
from app.access.store import HOUR, Facts, RowKey, Sums
from app.access.tokens import Token
from app.core.dates import rfc3339

Object = dict[str, Any]

_BALANCES = (
    "current_point_balance",
    "plan_points_balance",
    "addon_point_balance",
    "total_balance_usd",
)
_MICROSECONDS = 1_000_000


def render_token(
    token: Token, points: tuple[float, float], last_used: int | None, now: float
) -> Object:
    """``points``: today's and this month's."""
    rules = token.rules
    return {
        "object": "token",
        "name": token.name,
        "source": token.source,
        "editable": token.source == "stored",
        "status": rules.status(now),
        "note": rules.note,
        "blocked": rules.blocked,
        "expires": None if rules.expires is None else rfc3339(rules.expires),
        "models": None if rules.models is None else list(rules.models),
        **{name: getattr(rules, name) for name in LIMITS},
        "created_at": token.created_at,
        "last_used_at": last_used,
        "points_today": round(points[0], 4),
        "points_this_month": round(points[1], 4),
    }


def render_key(
    key: PoolKey,
    state: KeyState,
    last_hour: Sums,
    balance: Mapping[str, Any] | None,
    rate_limit: Mapping[str, Any] | None,
    now: float,
) -> Object:
    """``balance`` is Poe's own object with ``at``, when it was read."""
    rest = state.rest_at(now)
    return {
        "object": "key",
        "number": key.number,
        "state": state.name_at(now),
        "reason": rest and rest.reason.value,
        "until": rest and int(rest.until),
        "bots": [
            {"bot": bot, "reason": known.rest.reason.value, "until": int(known.rest.until)}
            for bot, known in state.bots.items()
            if known.rest and known.rest.until > now
        ],
        "requests_last_hour": last_hour.requests,
        "errors_last_hour": last_hour.errors,
        "points_last_hour": round(last_hour.points, 4),
        "rate_limit": rate_limit,
        "balance": balance and render_balance(balance),
    }


def render_balance(balance: Mapping[str, Any]) -> Object:
    grant = balance.get("next_daily_grant_time")
    is_time = isinstance(grant, int) and not isinstance(grant, bool)
    return {
        **{name: balance.get(name) for name in _BALANCES},
        "next_grant_at": grant // _MICROSECONDS if is_time and grant else None,
        "at": balance.get("at"),
    }


def select_requests(rows: Sequence[Facts], query: Mapping[str, Any]) -> Object:
    """Those that the query asks for, of rows whose newest is the first.

    ``latest``: the newest of all. One below what a client has seen tells that ``seq`` began anew.
    """
    found = [row for row in rows if _is_wanted(row, query)]
    limit = query["limit"]
    return {
        "object": "list",
        "has_more": len(found) > limit,
        "latest": rows[0]["seq"] if rows else 0,
        "data": found[:limit],
    }


def _is_wanted(row: Facts, query: Mapping[str, Any]) -> bool:
    after, before = query["after"], query["before"]
    if (after is not None and row["seq"] <= after) or (before is not None and row["seq"] >= before):
        return False
    if query["errors"] and row["status"] < 400 and not row["error"]:
        return False
    if query["status"] and not _has_status(row["status"], query["status"]):
        return False
    if query["key"] is not None and row.get("key") != query["key"]:
        return False
    return all(
        query[name].lower() in (row.get(name) or "").lower()
        for name in ("model", "token")
        if query[name]
    )


def _has_status(status: int, wanted: str) -> bool:
    return str(status)[0] == wanted[0] if wanted.endswith("xx") else str(status) == wanted


def last_hour_of(rows: Iterable[tuple[RowKey, Sums]], now: float) -> dict[int, Sums]:
    """By key, of rows of this hour and the one before it, which counts as far as it overlaps."""
    begun = int(now) // HOUR * HOUR
    overlap = 1 - (now - begun) / HOUR
    totals: dict[int, Sums] = {}
    for key, sums in rows:
        share = 1.0 if key.hour == begun else overlap
        total = totals.setdefault(key.key, Sums())
        total.requests += round(sums.requests * share)
        total.errors += round(sums.errors * share)
        total.points += sums.points * share
    return totals

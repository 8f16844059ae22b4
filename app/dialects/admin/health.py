"""How the gateway stands, and what its operator should know."""

import time
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from app import __version__
from app.access.pool import Pool
from app.access.resting import KEY_STATES, REASONS
from app.http.services import Services
from app.poe.account import poe_is_reachable
from app.state.files import MAX_BYTES

NEARLY_FULL = 0.9
_UNREACHABLE = (
    "poe_unreachable",
    "Poe cannot be reached from here: only bots of BOT_URLS can be asked.",
)
_STARTED_AT = int(time.time())

Object = dict[str, Any]


def render_health(services: Services, scheme: str, host: str) -> Object:
    """``scheme`` and ``host`` of the request that asks."""
    access, settings, now = services.access, services.settings, time.time()
    in_progress = [services.in_progress.count]
    with suppress(OSError):
        in_progress = access.store.workers(now) or in_progress
    state, ledger = _state(services), access.ledger
    keys = count_keys(access.pool)
    is_reachable = poe_is_reachable(settings)
    return {
        "object": "health",
        "version": __version__,
        "mode": "token" if access.gatekeeper.is_token_mode else "pass-through",
        "started_at": _STARTED_AT,
        "uptime_seconds": int(now) - _STARTED_AT,
        "workers": len(in_progress),
        "requests_in_progress": sum(in_progress),
        "state": state,
        "ledger": {
            "medium": ledger.medium,
            "usable": ledger.is_usable,
            "pending": ledger.pending,
            "lost": ledger.lost,
        },
        "poe": "reachable" if is_reachable else "unreachable",
        "keys": keys,
        "tokens": access.tokens.count_by_source(),
        "warnings": [
            {"code": code, "message": message}
            for code, message in [
                *([] if is_reachable else [_UNREACHABLE]),
                *_warnings_of_access(services, keys),
                *_warnings_of_state(services, state),
                *_warnings_of_address(services, scheme, host),
            ]
        ],
    }


def count_keys(pool: Pool) -> Object:
    """By their state as a whole."""
    now = pool.clock()
    states = [pool.state_of(key).name_at(now) for key in pool.keys]
    counts = {name: states.count(name) for name in KEY_STATES}
    return {"total": len(states), **counts}


def _state(services: Services) -> Object:
    medium, limit = ("redis", None) if services.settings.state_url else ("files", MAX_BYTES)
    used = services.store.used_bytes()
    usable = services.store.is_usable()
    return {"medium": medium, "usable": usable, "used_bytes": used, "limit_bytes": limit}


def _warnings_of_access(services: Services, keys: Object) -> Iterator[tuple[str, str]]:
    access = services.access
    if access.gatekeeper.is_token_mode and not access.pool.keys:
        yield "no_keys", "There is no POE_API_KEYS: only bots of BOT_URLS can be asked."
    now = access.pool.clock()
    for key in access.pool.keys:
        refused = access.pool.state_of(key).refused
        if refused and refused.until > now:
            message = f"Poe refuses key {key.number}: test it or take it out of POE_API_KEYS."
            yield "key_refused", message
    if keys["total"] and not keys["ready"] and keys["resting"]:
        rests = [access.pool.state_of(key).rest_at(now) for key in access.pool.keys]
        reasons = dict.fromkeys(REASONS[rest.reason].words for rest in rests if rest)
        yield "keys_resting", f"All keys rest: {' and '.join(reasons)}."


def _warnings_of_state(services: Services, state: Object) -> Iterator[tuple[str, str]]:
    if not state["usable"]:
        yield "state_unusable", "What the gateway keeps cannot be written at the moment."
    used, limit = state["used_bytes"], state["limit_bytes"]
    if used is not None and limit and used > NEARLY_FULL * limit:
        yield "state_nearly_full", "The state folder is nearly full; the oldest records will go."
    if not services.access.ledger.is_usable:
        yield "ledger_unusable", "The ledger cannot be written; it goes on in memory."
    if services.config_file.error is not None:
        yield "config_unreadable", f"The old settings hold: {services.config_file.error}"


def _warnings_of_address(services: Services, scheme: str, host: str) -> Iterator[tuple[str, str]]:
    listens_on = services.settings.host
    if services.settings.is_exposed:
        yield (
            "open_without_tokens",
            f"The gateway listens on {listens_on} without ACCESS_TOKENS: "
            "whoever reaches it may ask the bots of BOT_URLS.",
        )
    if scheme == "http" and _is_public(host):
        yield "plain_http", "Tokens travel unencrypted: put TLS before the gateway."


def _is_public(host: str) -> bool:
    """Whether a Host header is an address or a name of the public internet."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ip_address(name).is_global
    except ValueError:
        return "." in name and not name.endswith((".local", ".lan", ".home.arpa", ".internal"))

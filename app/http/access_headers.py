"""Headers that say which key was asked, and how much of a limit is left."""

import math
import time
from collections.abc import Mapping

from flask import Flask, Response

from app.access.client import Visit, Window
from app.core.dates import rfc3339
from app.http.request_log import current_record
from app.http.wire_formats import wants_anthropic

_KINDS = ("requests", "tokens")
_NAMES = ("limit", "remaining", "reset")

RATE_LIMIT_HEADERS = [
    *(f"x-ratelimit-{name}-{kind}" for kind in _KINDS for name in _NAMES),
    *(f"anthropic-ratelimit-{kind}-{name}" for kind in _KINDS for name in _NAMES),
]


def register_access_headers(app: Flask) -> None:
    app.after_request(_add_headers)


def _add_headers(response: Response) -> Response:
    client = current_record().client
    if client is not None and client.visit.attempts:
        response.headers["x-poegate-attempts"] = str(client.visit.attempts)
        if client.visit.key:
            response.headers["x-poegate-key"] = str(client.visit.key)
        if client.visit.fallbacks:
            response.headers["x-poegate-fallbacks"] = str(client.visit.fallbacks)
    if client is not None:
        response.headers.extend(_limits_of(client.visit))
    return response


def _limits_of(visit: Visit) -> dict[str, str]:
    """Ours where the client has limits, else Poe's where they came."""
    windows = visit.windows or _poe_windows(visit.poe_headers)
    if wants_anthropic():
        return {
            f"anthropic-ratelimit-{kind}-{name}": value
            for kind, window in windows.items()
            for name, value in zip(_NAMES, _values(window, rfc3339(_whole(window))), strict=True)
        }
    if not visit.windows:
        names = [name for name in RATE_LIMIT_HEADERS if name in visit.poe_headers]
        return {name: visit.poe_headers[name] for name in names}
    now = time.time()
    return {
        f"x-ratelimit-{name}-{kind}": value
        for kind, window in windows.items()
        for name, value in zip(
            _NAMES, _values(window, f"{max(0, _whole(window) - int(now))}s"), strict=True
        )
    }


def _values(window: Window, reset: str) -> tuple[str, str, str]:
    return str(window.limit), str(window.remaining), reset


def _whole(window: Window) -> int:
    return math.ceil(window.reset_at)


def _poe_windows(headers: Mapping[str, str]) -> dict[str, Window]:
    """Poe tells the limit of requests in seconds until its reset."""
    values = [headers.get(f"x-ratelimit-{name}-requests", "") for name in _NAMES]
    if not all(value.isdecimal() and len(value) < 10 for value in values):
        return {}
    limit, remaining, reset = map(int, values)
    return {"requests": Window(limit, remaining, time.time() + reset)}

"""Poe's account API, by ``requests``: the list of its models."""

import logging
import time
from threading import Lock
from typing import Any

import requests

from app.config import Settings

log = logging.getLogger("poegate.poe")

LIST_SECONDS = 600.0
"""How long a list of models is good."""

RETRY_SECONDS = 30.0
"""How long Poe is left alone after it could not be reached."""

TIMEOUT_SECONDS = (3.05, 15.0)


class Catalog:
    """Poe's models, asked for at most once in LIST_SECONDS."""

    def __init__(self, settings: Settings) -> None:
        self._url = f"{settings.poe_api_url}/v1/models"
        self._session = requests.Session()
        self._session.proxies = _proxies(settings)
        self._lock = Lock()
        self._models: list[dict[str, Any]] = []
        self._ask_again_at = 0.0

    def models(self) -> list[dict[str, Any]]:
        """Poe's own objects; the last good list where Poe fails, and none where there was none."""
        with self._lock:
            if time.monotonic() >= self._ask_again_at:
                self._refresh()
        return self._models

    def _refresh(self) -> None:
        try:
            self._models = self._fetch()
        except (requests.RequestException, ValueError) as error:
            log.warning("the list of models cannot be had from Poe: %s", type(error).__name__)
            self._ask_again_at = time.monotonic() + RETRY_SECONDS
        else:
            self._ask_again_at = time.monotonic() + LIST_SECONDS

    def _fetch(self) -> list[dict[str, Any]]:
        """Raises requests' exceptions, or ValueError for an answer of another form."""
        answer = self._session.get(self._url, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        models = answer.json().get("data") if isinstance(answer.json(), dict) else None
        if not isinstance(models, list):
            raise ValueError("no list under 'data'")
        return [model for model in models if isinstance(model, dict) and model.get("id")]


def poe_is_reachable(settings: Settings) -> bool:
    """Whether Poe's address answers at all, whatever it answers."""
    try:
        requests.head(settings.poe_api_url, timeout=TIMEOUT_SECONDS[0], proxies=_proxies(settings))
    except requests.RequestException:
        return False
    return True


def _proxies(settings: Settings) -> dict[str, str]:
    proxy = settings.poe_proxy
    return {"http": proxy, "https": proxy} if proxy else {}

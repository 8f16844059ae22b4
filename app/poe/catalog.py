"""Poe's list of models, by ``requests``: https://creator.poe.com/api-reference/listModels"""

import logging
import time
from threading import Lock
from typing import Any

import requests

from app.config import Settings
from app.core import strict_json
from app.poe.account import TIMEOUT_SECONDS, account_session

log = logging.getLogger("poegate.poe")

LIST_SECONDS = 600.0
"""How long a list of models is good."""

RETRY_SECONDS = 30.0
"""How long Poe is left alone after it could not be reached."""


class Catalog:
    """Poe's models, asked for at most once in LIST_SECONDS. ``was_read``: ever, successfully."""

    def __init__(self, settings: Settings) -> None:
        self._url = f"{settings.poe_api_url}/v1/models"
        self._session = account_session(settings)
        self._lock = Lock()
        self._models: list[dict[str, Any]] = []
        self._ask_again_at = 0.0
        self.was_read = False

    def models(self) -> list[dict[str, Any]]:
        """Poe's own objects; the last good list where Poe fails, and none where there was none.

        One request renews the list; the others that come meanwhile take the old one, if any.
        """
        if self._lock.acquire(blocking=not self._models):
            try:
                if time.monotonic() >= self._ask_again_at:
                    self._refresh()
            finally:
                self._lock.release()
        return self._models

    def refresh_if_due(self) -> None:
        """So that a request that needs it finds it there."""
        self.models()

    def known(self) -> list[dict[str, Any]]:
        """The list as it is known now: nothing is asked, so nothing waits."""
        return self._models

    def _refresh(self) -> None:
        try:
            self._models = self._fetch()
            self.was_read = True
        except (requests.RequestException, ValueError) as error:
            log.warning("the list of models cannot be had from Poe: %s", type(error).__name__)
            self._ask_again_at = time.monotonic() + RETRY_SECONDS
        else:
            self._ask_again_at = time.monotonic() + LIST_SECONDS

    def _fetch(self) -> list[dict[str, Any]]:
        """Raises requests' exceptions, or ValueError for an answer of another form."""
        answer = self._session.get(self._url, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        payload = strict_json.loads(answer.content)
        models = payload.get("data") if isinstance(payload, dict) else None
        if not isinstance(models, list):
            raise ValueError("no list under 'data'")
        return [model for model in models if _is_model(model)]


def _is_model(model: Any) -> bool:
    return isinstance(model, dict) and isinstance(model.get("id"), str) and model["id"] != ""

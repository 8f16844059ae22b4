"""Poe's list of models, by ``requests``: https://creator.poe.com/api-reference/listModels"""

import logging
import time
from threading import Lock
from typing import Any, Required, TypedDict, TypeGuard

import requests

from app.config import Settings
from app.core import strict_json
from app.core.bot_facts import BotFacts, Parameter
from app.poe.account import MAX_ANSWER_BYTES, TIMEOUT_SECONDS, account_session, read_body

log = logging.getLogger("poegate.poe")

LIST_SECONDS = 600.0
"""How long a list of models is used."""

RETRY_SECONDS = 30.0
"""How long Poe is not asked again after a failure."""


class CatalogModel(TypedDict, total=False):
    """A model as Poe lists it. Only ``id`` is checked; other fields may be absent or odd.

    ``created`` is in milliseconds; ``context_window`` is ``{"context_length",
    "max_output_tokens"}``; ``pricing`` holds dollars a token, as texts; ``architecture`` holds
    ``input_modalities`` and ``output_modalities``; ``metadata`` the ``display_name``.
    """

    id: Required[str]
    created: Any
    owned_by: Any
    metadata: Any
    architecture: Any
    context_window: Any
    context_length: Any
    max_output_tokens: Any
    pricing: Any
    parameters: Any
    supported_features: Any
    supported_endpoints: Any


def facts_of(model: CatalogModel) -> BotFacts:
    """What the list says of a model, whatever is odd in it left out."""
    architecture, window = _table(model.get("architecture")), _table(model.get("context_window"))
    return BotFacts(
        name=model["id"],
        parameters=_parameters(model.get("parameters")),
        features=_words(model.get("supported_features")),
        endpoints=_words(model.get("supported_endpoints")),
        inputs=_words(architecture.get("input_modalities")),
        outputs=_words(architecture.get("output_modalities")),
        context_length=_whole(window.get("context_length")) or _whole(model.get("context_length")),
        max_output_tokens=_whole(window.get("max_output_tokens")),
    )


def _parameters(listed: Any) -> dict[str, Parameter] | None:
    """By their names. Each has a JSON Schema of its own."""
    if not isinstance(listed, list):
        return None
    found = {}
    for entry in listed:
        name, schema = _table(entry).get("name"), _table(_table(entry).get("schema"))
        if isinstance(name, str):
            choices = schema.get("enum")
            found[name] = Parameter(
                name,
                tuple(map(str, choices)) if isinstance(choices, list) else (),
                _number(schema.get("minimum")),
                _number(schema.get("maximum")),
            )
    return found


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _words(value: Any) -> frozenset[str] | None:
    return frozenset(map(str, value)) if isinstance(value, list) else None


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


class Catalog:
    """Poe's models, asked for at most once in LIST_SECONDS.

    ``was_read``: whether they were ever read successfully.
    """

    def __init__(self, settings: Settings) -> None:
        self._url = f"{settings.poe_api_url}/v1/models"
        self._session = account_session(settings)
        self._lock = Lock()
        self._models: list[CatalogModel] = []
        self._facts: dict[str, BotFacts] = {}
        self._ask_again_at = 0.0
        self.was_read = False
        self._has_failed = False

    def models(self) -> list[CatalogModel]:
        """Poe's own objects; the last good list if Poe fails, and an empty one if there was none.

        One request renews the list; concurrent requests get the old one, if there is one.
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

    def known(self) -> list[CatalogModel]:
        """The list as it is known now: nothing is asked, so nothing waits."""
        return self._models

    def facts(self, bot: str) -> BotFacts | None:
        """What is known now of the bot of that name, whatever its case; nothing is asked."""
        return self._facts.get(bot.casefold())

    def _refresh(self) -> None:
        try:
            self._models = self._fetch()
            self._facts = {model["id"].casefold(): facts_of(model) for model in self._models}
            self.was_read, self._has_failed = True, False
        except (requests.RequestException, ValueError) as error:
            if not self._has_failed:  # a gateway for bots of one's own may never reach Poe
                log.warning("Poe's list of models cannot be fetched: %s", type(error).__name__)
            self._has_failed = True
            self._ask_again_at = time.monotonic() + RETRY_SECONDS
        else:
            self._ask_again_at = time.monotonic() + LIST_SECONDS

    def _fetch(self) -> list[CatalogModel]:
        """Raises requests' exceptions, or ValueError for an answer in another format."""
        answer = self._session.get(self._url, timeout=TIMEOUT_SECONDS, stream=True)
        body = read_body(answer, MAX_ANSWER_BYTES)
        answer.raise_for_status()
        payload = strict_json.loads(body)
        models = payload.get("data") if isinstance(payload, dict) else None
        if not isinstance(models, list):
            raise ValueError("no list under 'data'")
        return [model for model in models if _is_model(model)]


def _is_model(model: Any) -> TypeGuard[CatalogModel]:
    return isinstance(model, dict) and isinstance(model.get("id"), str) and model["id"] != ""

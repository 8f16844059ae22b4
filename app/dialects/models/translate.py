"""The list of models: Poe's models, the bots of BOT_URLS and the aliases, in one format.

One object serves the clients of both vendors, and those that read limits and prices as LiteLLM and
OpenRouter write them. The sources: OpenAI's and Anthropic's SDKs (``types/model.py``,
``types/model_info.py``), https://creator.poe.com/api-reference/listModels and LiteLLM's
``model_prices_and_context_window.json``.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from app.config import Settings
from app.core.dates import rfc3339
from app.poe.catalog import CatalogModel

Model = dict[str, Any]
"""As clients get it: Poe's own fields, and those of ``ModelSchema`` in answers.py."""

_LAST_SECOND = 253_402_300_799
"""The end of the year 9999, the last date of RFC 3339."""
_MILLISECONDS_FROM = 10**11
"""Larger numbers are milliseconds, which Poe sends."""

_ANTHROPIC = dict.fromkeys(
    ("capabilities", "deprecated_at", "line", "max_input_tokens", "max_tokens", "retires_at")
)


def render_models(poe_models: Iterable[CatalogModel], settings: Settings) -> list[Model]:
    """One object for each model name, the configured ones first. Globs are left out."""
    known = _by_name(poe_models)
    names = dict.fromkeys([*_configured_names(settings), *known])
    return [_describe(name, settings.bot_named(name), known, settings) for name in names]


def find_model(
    name: str, bot: str, poe_models: Iterable[CatalogModel], settings: Settings
) -> Model | None:
    """The model of that name; ``bot``: whom a request with that name asks."""
    known = _by_name(poe_models)
    if bot in known or settings.bot_named(name) != name or settings.url_of(bot):
        return _describe(name, bot, known, settings)
    return None


def for_anthropic(model: Model) -> Model:
    """The model with the fields that Anthropic's models always have; null if unknown."""
    return {**_ANTHROPIC, **model}


def render_model(model: CatalogModel) -> Model:
    """Poe's object with the fields of all clients; its other fields are kept."""
    created = _seconds(model.get("created"))
    ours = {
        "id": model["id"],
        "object": "model",
        "created": created,
        "owned_by": str(model.get("owned_by") or "poe"),
        "type": "model",
        "display_name": _display_name(model),
        "created_at": rfc3339(created),
        "lifecycle": "active",
        **_limits(model),
        **_modalities(model),
        **_costs(model),
    }
    rest = {name: value for name, value in model.items() if name != "context_window"}
    return {**ours, **rest, **ours}


def _by_name(poe_models: Iterable[CatalogModel]) -> dict[str, CatalogModel]:
    return {model["id"]: model for model in poe_models}


def _configured_names(settings: Settings) -> list[str]:
    globs = [glob for glob, _ in (*settings.model_aliases, *settings.bot_urls)]
    return [glob for glob in globs if not any(mark in glob for mark in "*?[")]


def _describe(name: str, bot: str, known: Mapping[str, CatalogModel], settings: Settings) -> Model:
    """The model that a request with that name asks, after aliases and BOT_URLS."""
    if settings.url_of(bot):
        model = render_model({"id": bot, "owned_by": "poegate"})
    else:
        model = render_model(known.get(bot, {"id": bot}))
    if bot == name:
        return model
    return {**model, "id": name, "display_name": name, "alias_of": bot}


def _display_name(model: CatalogModel) -> str:
    return str(_table(model.get("metadata")).get("display_name") or model["id"])


def _limits(model: CatalogModel) -> dict[str, int]:
    """Poe has them in an object ``context_window``; clients expect a number of that name."""
    window = _table(model.get("context_window"))
    context = _whole(
        window.get("context_length"), model.get("context_length"), model.get("context_window")
    )
    output = _whole(window.get("max_output_tokens"), model.get("max_output_tokens"))
    limits = dict.fromkeys(("context_window", "context_length", "max_input_tokens"), context)
    limits |= dict.fromkeys(("max_output_tokens", "max_tokens"), output)
    return {name: limit for name, limit in limits.items() if limit is not None}


def _modalities(model: CatalogModel) -> dict[str, dict[str, Any]]:
    """As https://models.dev writes them; Poe's own are kept under ``architecture``."""
    architecture = _table(model.get("architecture"))
    given = {way: architecture.get(f"{way}_modalities") for way in ("input", "output")}
    modalities = {way: kinds for way, kinds in given.items() if isinstance(kinds, list)}
    return {"modalities": modalities} if modalities else {}


def _costs(model: CatalogModel) -> dict[str, float]:
    """Dollars a token, as numbers; Poe's own texts are kept under ``pricing``."""
    pricing = _table(model.get("pricing"))
    given = {
        "input_cost_per_token": _number(pricing.get("prompt")),
        "output_cost_per_token": _number(pricing.get("completion")),
    }
    return {name: cost for name, cost in given.items() if cost is not None}


def _seconds(created: Any) -> int:
    """0 if Poe has no time, which Anthropic also uses for "not known"."""
    if isinstance(created, bool) or not isinstance(created, int):
        return 0
    seconds = created // 1000 if created > _MILLISECONDS_FROM else created
    return seconds if 0 <= seconds <= _LAST_SECOND else 0


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _whole(*candidates: Any) -> int | None:
    for value in candidates:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0 <= number < float("inf") else None

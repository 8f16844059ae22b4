"""The list of models: Poe's, one's own bots and the aliases, in one form."""

from collections.abc import Iterable
from typing import Any

from app.config import Settings


def render_models(poe_models: Iterable[dict[str, Any]], settings: Settings) -> list[dict[str, Any]]:
    """One object for each model name, the configured ones first. Globs are no names."""
    own = [_own_model(name) for name, _ in settings.bot_urls if _is_name(name)]
    poe = {model["id"]: render_model(model) for model in poe_models}
    aliases = [
        {**poe.get(bot, _own_model(bot)), "id": alias, "alias_of": bot}
        for alias, bot in settings.model_aliases
        if _is_name(alias)
    ]
    models = {model["id"]: model for model in [*poe.values(), *aliases, *own]}
    return list(models.values())


def render_model(model: dict[str, Any]) -> dict[str, Any]:
    """Poe's object, its fields kept; ``created`` in seconds, where Poe gives milliseconds."""
    created = model.get("created")
    seconds = created // 1000 if isinstance(created, int) and created > 10**11 else created
    return {**model, "object": "model", "created": seconds if seconds is not None else 0}


def find_model(
    name: str, poe_models: Iterable[dict[str, Any]], settings: Settings
) -> dict[str, Any] | None:
    """The model of that name; names that only a glob of the settings knows count too."""
    for model in render_models(poe_models, settings):
        if model["id"] == name:
            return model
    bot = settings.bot_named(name)
    if bot != name:
        return {**_own_model(name), "alias_of": bot}
    return _own_model(name) if settings.url_of(name) else None


def _own_model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "poegate"}


def _is_name(glob: str) -> bool:
    return not any(mark in glob for mark in "*?[")

"""Which bot a client means by a model's name.

In this order: an alias, a bot of BOT_URLS, a bot of Poe's list in whatever case; and the same of
the name without a vendor's prefix (``anthropic/``) and without an effort at its end (``:high``).
"""

from collections.abc import Callable
from typing import NamedTuple

from app.config import Settings
from app.core.bot_facts import BotFacts
from app.core.fitting import EFFORTS

PREFIXES = ("anthropic/", "openai/", "poe/")


class Named(NamedTuple):
    """``effort``: what the name's end says, None where it says nothing."""

    bot: str
    effort: str | None = None


class BotNames:
    """One for the worker. ``facts``: what Poe's list says of a bot now; nothing is waited for."""

    def __init__(self, settings: Settings, facts: Callable[[str], BotFacts | None]) -> None:
        self._settings = settings
        self._facts = facts

    def bot_named(self, model: str) -> str:
        return self.read(model).bot

    def read(self, model: str) -> Named:
        if (bot := self._known(model)) is not None:
            return Named(bot)
        bare = model
        for prefix in PREFIXES:
            if model.lower().startswith(prefix) and len(model) > len(prefix):
                bare = model[len(prefix) :]
                break
        if (bot := self._known(bare)) is not None:
            return Named(bot)
        name, colon, effort = bare.rpartition(":")
        if colon and name and effort.lower() in EFFORTS:
            return Named(self._known(name) or name, effort.lower())
        return Named(bare)

    def _known(self, name: str) -> str | None:
        """The bot of that very name, by the settings or by Poe's list."""
        bot = self._settings.bot_named(name)
        if bot != name or self._settings.url_of(name) is not None:
            return bot
        facts = self._facts(name)
        return facts.name if facts else None

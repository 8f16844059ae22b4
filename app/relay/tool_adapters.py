"""Which tool adapter a query has: by the settings, or by what is known of its bot."""

import time
from collections.abc import Callable

from app.config import ConfigError, Settings
from app.core.bot_facts import BotFacts
from app.core.conversation import Query
from app.core.tools.adapters import AUTO, BUILT_IN, adapter_named
from app.core.tools.base import ToolAdapter

REMEMBERED_SECONDS = 3600.0
"""For so long a bot that refused native tools gets prompted ones."""

MAX_REMEMBERED = 1_000


class Adapters:
    """One for the worker. ``facts``: what is known of a bot now."""

    def __init__(self, settings: Settings, facts: Callable[[str], BotFacts | None]) -> None:
        """Raises ConfigError for an unknown tool adapter."""
        self._settings = settings
        self._facts = facts
        self._adapters = {name: kind() for name, kind in BUILT_IN.items()}
        self._refused: dict[str, float] = {}
        self.load(settings)

    def load(self, settings: Settings) -> None:
        """Those that settings name. Raises ConfigError, and then nothing is changed."""
        names = settings.tool_adapter_names() - set(self._adapters) - {AUTO}
        self._adapters.update({name: _adapter(name) for name in names})

    def of(self, query: Query) -> list[ToolAdapter]:
        """The adapter of a query; a second one for a bot that refuses tools by the first."""
        return [self._adapters[name] for name in self._names(query)]

    def note_refusal(self, bot: str) -> None:
        """The bot takes no native tools."""
        if len(self._refused) >= MAX_REMEMBERED:
            self._refused.clear()
        self._refused[bot] = time.monotonic()

    def _names(self, query: Query) -> list[str]:
        facts, name = self._facts(query.bot), self._settings.tool_adapter_of(query.bot)
        is_default = not self._settings.has_own_tool_adapter(query.bot)
        if facts and not facts.writes_text and query.tool_choice.mode == "auto" and is_default:
            return ["none"]
        if name != AUTO:
            return [name]
        refused_at = self._refused.get(query.bot)
        was_refused = refused_at is not None and (
            time.monotonic() - refused_at < REMEMBERED_SECONDS
        )
        if facts and facts.calls_tools and not was_refused and query.tools:
            return ["native", "prompted"]
        return ["prompted"]


def _adapter(name: str) -> ToolAdapter:
    try:
        return adapter_named(name)
    except ValueError as error:
        raise ConfigError(f"TOOL_ADAPTER: {error}") from error

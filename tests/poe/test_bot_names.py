"""Which bot is meant by a name."""

import pytest

from app.config import Settings
from app.core.bot_facts import BotFacts
from app.poe.bot_names import BotNames, Named

LISTED = ("Claude-Sonnet-4.5", "GPT-5", "Bilder/Größe:v1.5", "odd:high")
SETTINGS = Settings(
    bot_urls=(("mine", "http://bots.test/"), ("lab/*", "http://bots.test/{bot}")),
    model_aliases=(("gpt-4", "GPT-5"), ("openai/fast", "GPT-5-mini")),
)


def facts(bot: str) -> BotFacts | None:
    return next((BotFacts(name) for name in LISTED if name.casefold() == bot.casefold()), None)


@pytest.mark.parametrize(
    ("model", "named"),
    [
        ("GPT-5", Named("GPT-5")),
        ("gpt-5", Named("GPT-5")),
        ("bilder/GRÖSSE:v1.5", Named("Bilder/Größe:v1.5")),
        ("anthropic/claude-sonnet-4.5", Named("Claude-Sonnet-4.5")),
        ("OpenAI/GPT-5", Named("GPT-5")),
        ("openai/fast", Named("GPT-5-mini")),
        ("poe/Unknown", Named("Unknown")),
        ("google/Unknown", Named("google/Unknown")),
        ("gpt-4", Named("GPT-5")),
        ("gpt-4:high", Named("GPT-5", "high")),
        ("poe/gpt-5:Low", Named("GPT-5", "low")),
        ("Unknown:xhigh", Named("Unknown", "xhigh")),
        ("Unknown:latest", Named("Unknown:latest")),
        ("odd:high", Named("odd:high")),
        ("mine", Named("mine")),
        ("poe/mine", Named("mine")),
        ("lab/a:high", Named("lab/a:high")),
        (":high", Named(":high")),
        ("poe/", Named("poe/")),
    ],
)
def test_a_name(model: str, named: Named) -> None:
    names = BotNames(SETTINGS, facts)
    assert names.read(model) == named
    assert names.bot_named(model) == named.bot

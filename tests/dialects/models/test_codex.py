"""The catalog for Codex, in literal entries. tests/clients/test_codex.py has Codex read it."""

from typing import Any

import requests

from app.core.bot_facts import BotFacts, Parameter
from app.dialects.models.codex import render_catalog
from tests.conftest import KEY
from tests.servers import Server

FACTS = {
    "Seer": BotFacts(
        "Seer",
        parameters={"thinking_level": Parameter("thinking_level", ("low", "high"))},
        inputs=frozenset({"text", "image", "video"}),
        outputs=frozenset({"text"}),
    ),
    "Painter": BotFacts("Painter", inputs=frozenset({"text"}), outputs=frozenset({"image"})),
}


def entry(**model: Any) -> dict[str, Any]:
    [rendered] = render_catalog([{"display_name": "A bot", **model}], FACTS.get)
    return rendered


def test_what_poes_list_says_of_a_bot() -> None:
    seer = entry(id="Seer", context_window=200_000)
    assert (seer["slug"], seer["display_name"]) == ("Seer", "A bot")
    assert (seer["context_window"], seer["input_modalities"]) == (200_000, ["text", "image"])
    assert [level["effort"] for level in seer["supported_reasoning_levels"]] == ["low", "high"]
    assert seer["visibility"] == "list"


def test_an_alias_is_the_bot_that_it_names() -> None:
    alias = entry(id="smart", alias_of="Seer")
    assert alias["slug"] == "smart"
    assert len(alias["supported_reasoning_levels"]) == 2


def test_bots_that_write_no_text_are_not_offered() -> None:
    painter = entry(id="Painter")
    assert (painter["visibility"], painter["input_modalities"]) == ("hide", ["text"])


def test_a_bot_of_which_nothing_is_known() -> None:
    own = entry(id="mine")
    assert (own["context_window"], own["supported_reasoning_levels"]) == (None, [])
    assert (own["visibility"], own["input_modalities"]) == ("list", ["text", "image"])


def test_it_is_there_for_who_asks_for_it(gateway: Server) -> None:
    def ask(query: str) -> dict[str, Any]:
        url, headers = f"{gateway.url}/v1/models{query}", {"x-api-key": KEY}
        answer: dict[str, Any] = requests.get(url, headers=headers, timeout=10).json()
        return answer

    asked = ask("?client_version=0.169.0")
    assert [one["slug"] for one in asked["models"]] == [one["id"] for one in asked["data"]]
    assert [one["priority"] for one in asked["models"]] == list(range(len(asked["data"])))
    assert "models" not in ask("")

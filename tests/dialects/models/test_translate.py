"""One object for each model name, for the clients of both vendors."""

from datetime import UTC, datetime
from typing import Any

import pytest
from anthropic.types import ModelInfo
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types import Model

from app.config import Settings
from app.core.paging import Page, Place, cut_page
from app.dialects.models.translate import find_model, render_model, render_models
from app.errors import InvalidRequest

SONNET: Any = {
    "id": "Claude-Sonnet-4.5",
    "object": "model",
    "created": 1_759_000_000_000,
    "owned_by": "Anthropic",
    "description": "Writes code.",
    "root": "Claude-Sonnet-4.5",
    "pricing": {"prompt": "0.000003", "completion": "0.000015", "request": None},
    "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]},
    "context_window": {"context_length": 200_000, "max_output_tokens": 64_000},
    "context_length": 200_000,
    "metadata": {"display_name": "Claude Sonnet 4.5", "image": None},
    "parameters": [{"name": "thinking_budget"}],
}


def models(**settings: Any) -> dict[str, dict[str, Any]]:
    own = Settings(**settings)
    return {model["id"]: model for model in render_models([SONNET], own)}


def test_it_works() -> None:
    model = models()["Claude-Sonnet-4.5"]
    openai_model = Model.model_validate(model, strict=True)
    assert openai_model.created == 1_759_000_000 and openai_model.owned_by == "Anthropic"
    anthropic_model = ModelInfo.model_validate(model)
    assert anthropic_model.display_name == "Claude Sonnet 4.5"
    assert anthropic_model.created_at == datetime.fromtimestamp(1_759_000_000, UTC)
    assert (anthropic_model.max_input_tokens, anthropic_model.max_tokens) == (200_000, 64_000)


def test_limits_modalities_and_prices() -> None:
    model = models()["Claude-Sonnet-4.5"]
    assert model["context_window"] == model["context_length"] == 200_000
    assert model["max_output_tokens"] == 64_000
    assert model["modalities"] == {"input": ["text", "image"], "output": ["text"]}
    assert model["input_cost_per_token"] == 0.000003
    assert model["output_cost_per_token"] == 0.000015


def test_poes_own_fields_are_kept() -> None:
    model = models()["Claude-Sonnet-4.5"]
    changed = {"created", "context_window"}
    assert {name: model[name] for name in SONNET if name not in changed} == {
        name: value for name, value in SONNET.items() if name not in changed
    }


def test_nothing_is_made_up() -> None:
    assert render_model({"id": "bare"}) == {
        "id": "bare",
        "object": "model",
        "created": 0,
        "owned_by": "poe",
        "type": "model",
        "display_name": "bare",
        "created_at": "1970-01-01T00:00:00Z",
        "lifecycle": "active",
    }


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {"id": st.text(min_size=1)},
        optional=dict.fromkeys(
            [*SONNET.keys() - {"id"}],
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*SONNET]), inner),
                max_leaves=5,
            ),
        ),
    )
)
def test_whatever_poe_sends_is_a_model_for_both(model: Any) -> None:
    rendered = render_model(model)
    Model.model_validate(rendered, strict=True)
    ModelInfo.model_validate(rendered)
    assert isinstance(rendered.get("context_window", 0), int)


@pytest.mark.parametrize(
    ("created", "seconds"),
    [(1_759_000_000_123, 1_759_000_000), (1_759_000_000, 1_759_000_000), (10**20, 0), (-5, 0)],
)
def test_times(created: int, seconds: int) -> None:
    assert render_model({"id": "m", "created": created})["created"] == seconds


def test_a_price_that_no_float_can_hold() -> None:
    rendered = render_model({"id": "m", "pricing": {"prompt": 10**400, "completion": "1"}})
    assert "input_cost_per_token" not in rendered and rendered["output_cost_per_token"] == 1


def test_an_alias_carries_its_bots_fields() -> None:
    alias = models(model_aliases=(("gpt-4", "Claude-Sonnet-4.5"),))["gpt-4"]
    assert alias["alias_of"] == "Claude-Sonnet-4.5" == alias["root"]
    assert alias["display_name"] == "gpt-4"
    assert alias["context_window"] == 200_000 and alias["pricing"] == SONNET["pricing"]


def test_a_glob_is_no_name_but_counts_for_names() -> None:
    settings: Any = {"model_aliases": (("claude-*", "Claude-Sonnet-4.5"),)}
    assert list(models(**settings)) == ["Claude-Sonnet-4.5"]
    found = find_model("claude-3-haiku", "Claude-Sonnet-4.5", [SONNET], Settings(**settings))
    assert found is not None
    assert (found["id"], found["alias_of"]) == ("claude-3-haiku", "Claude-Sonnet-4.5")
    assert found["context_window"] == 200_000


def test_ones_own_bots() -> None:
    listed = models(
        bot_urls=(("mine", "http://bots.test/"), ("Claude-*", "http://bots.test/")),
        model_aliases=(("gpt-4", "mine"), ("gpt-5", "GPT-5")),
    )
    assert list(listed) == ["gpt-4", "gpt-5", "mine", "Claude-Sonnet-4.5"]
    assert listed["mine"]["owned_by"] == listed["gpt-4"]["owned_by"] == "poegate"
    assert listed["gpt-5"]["owned_by"] == "poe"
    assert "pricing" not in listed["Claude-Sonnet-4.5"], "it is another bot, which Poe never sees"


def test_an_alias_is_stronger_than_a_bot_of_its_name() -> None:
    listed = models(
        bot_urls=(("mine", "http://bots.test/"),), model_aliases=(("mine", "Claude-Sonnet-4.5"),)
    )
    assert listed["mine"]["alias_of"] == "Claude-Sonnet-4.5"


@pytest.mark.parametrize(
    ("name", "known"),
    [("Claude-Sonnet-4.5", True), ("mine", True), ("lab/a:b", True), ("nobody", False)],
)
def test_finding(name: str, known: bool) -> None:
    own = Settings(bot_urls=(("mine", "http://b.test/"), ("lab/*", "http://b.test/{bot}")))
    found = find_model(name, name, [SONNET], own)
    assert (found is not None) == known
    assert found is None or found["id"] == name


@settings(deadline=None)
@given(count=st.integers(0, 30), limit=st.integers(1, 12), backwards=st.booleans(), data=st.data())
def test_pages_give_each_entry_once(
    count: int, limit: int, backwards: bool, data: st.DataObject
) -> None:
    entries = [{"id": f"m{number}"} for number in range(count)]
    got: list[dict[str, Any]] = []
    cursor: str | None = None
    if backwards and entries:
        start = data.draw(st.integers(0, count - 1))
        cursor, entries_due = f"m{start}", entries[:start]
    else:
        backwards, entries_due = False, entries
    while True:
        way: dict[str, Any] = {"before": cursor} if backwards else {"after": cursor}
        page = cut_page(entries, limit, Place(**way))
        got = page.entries + got if backwards else got + page.entries
        if not page.has_more:
            break
        assert len(page.entries) == limit
        cursor = page.render()["first_id" if backwards else "last_id"]
    assert got == entries_due


def test_a_cursor_that_is_not_listed() -> None:
    with pytest.raises(InvalidRequest) as caught:
        cut_page([{"id": "a"}], 5, Place(before="b"))
    assert caught.value.param == "before_id"


def test_an_empty_list() -> None:
    assert Page([], has_more=False).render() == {
        "object": "list",
        "data": [],
        "has_more": False,
        "first_id": None,
        "last_id": None,
    }

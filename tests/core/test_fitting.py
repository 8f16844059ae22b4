"""A query as its bot takes it: effort, web search, and what the bot lacks."""

from typing import Any

import pytest

from app.core.bot_facts import BotFacts, Parameter
from app.core.conversation import Query
from app.core.fitting import efforts_of, fit

EFFORT = Parameter("reasoning_effort", ("low", "medium", "high"))
LEVEL = Parameter("thinking_level", ("low", "high"))
BUDGET = Parameter("thinking_budget", least=1_024, most=16_000)


def bot(*parameters: Parameter) -> BotFacts:
    return BotFacts("Bot", {parameter.name: parameter for parameter in parameters})


def asked(web_search: bool = False, **parameters: Any) -> Query:
    return Query("bot", "Bot", (), web_search=web_search, parameters=parameters)


def fitted(facts: BotFacts | None, **parameters: Any) -> dict[str, Any]:
    return dict(fit(asked(**parameters), facts).query.parameters)


@pytest.mark.parametrize(
    ("parameter", "sent", "given"),
    [
        (EFFORT, {"reasoning_effort": "high"}, {"reasoning_effort": "high"}),
        (EFFORT, {"reasoning_effort": "xhigh"}, {"reasoning_effort": "high"}),
        (EFFORT, {"reasoning_effort": "minimal"}, {"reasoning_effort": "low"}),
        (EFFORT, {"thinking_budget": 8_192}, {"reasoning_effort": "medium"}),
        (EFFORT, {"thinking_budget": 9_000}, {"reasoning_effort": "high"}),
        (LEVEL, {"reasoning_effort": "high"}, {"thinking_level": "high"}),
        (LEVEL, {"reasoning_effort": "medium"}, {"thinking_level": "low"}),
        (LEVEL, {"thinking_budget": 100_000}, {"thinking_level": "high"}),
        (BUDGET, {"reasoning_effort": "low"}, {"thinking_budget": 2_048}),
        (BUDGET, {"reasoning_effort": "high"}, {"thinking_budget": 16_000}),
        (BUDGET, {"reasoning_effort": "none"}, {"thinking_budget": 1_024}),
        (BUDGET, {"thinking_budget": 5_000}, {"thinking_budget": 5_000}),
    ],
)
def test_the_effort_has_the_name_that_the_bot_has_for_it(
    parameter: Parameter, sent: dict[str, Any], given: dict[str, Any]
) -> None:
    found = fit(asked(**sent), bot(parameter))
    assert (dict(found.query.parameters), found.warnings) == (given, ())


def test_a_parameter_that_the_client_names_itself_wins() -> None:
    sent = {"reasoning_effort": "low", "thinking_level": "high"}
    assert fitted(bot(LEVEL), **sent) == {"thinking_level": "high"}


def test_a_bot_that_has_both_gets_both() -> None:
    sent = {"reasoning_effort": "high", "thinking_budget": 2_048}
    assert fitted(bot(EFFORT, BUDGET), **sent) == sent


def test_what_the_bot_lacks_is_left_out_and_said() -> None:
    found = fit(asked(mood="dark", top_p=0.5, reasoning_effort="low"), bot())
    assert found.query.parameters == {"top_p": 0.5}
    assert found.warnings == (
        "mood is left out: Bot has no such parameter",
        "reasoning_effort is left out: Bot has no such parameter",
    )


@pytest.mark.parametrize("facts", [None, BotFacts("Bot")])
def test_a_bot_of_which_nothing_is_known_gets_all(facts: BotFacts | None) -> None:
    query = asked(mood="dark", reasoning_effort="xhigh", thinking_budget=3)
    assert fit(query, facts) == (query, ())


def test_web_search() -> None:
    searching = bot(Parameter("web_search"))
    assert fitted(searching, web_search=True) == {"web_search": True}
    assert fitted(searching) == {}
    with_own = Query("bot", "Bot", (), web_search=True, parameters={"web_search": False})
    assert fit(with_own, searching).query.parameters == {"web_search": False}
    for facts in (None, bot()):
        assert fit(asked(True), facts).warnings == (
            "web search is left out: Bot is not known to have it",
        )
        elsewhere = fit(asked(True, mood="dark"), facts, "Searcher")
        assert (elsewhere.query.bot, elsewhere.warnings) == ("Searcher", ())
        assert elsewhere.query.model == "bot"


@pytest.mark.parametrize(
    ("parameters", "efforts"),
    [
        ((), ()),
        ((Parameter("style"),), ()),
        ((EFFORT, LEVEL), ("low", "medium", "high")),
        ((Parameter("reasoning_effort", ("High", "none", "odd")),), ("none", "high")),
        ((Parameter("reasoning_effort"),), ("low", "medium", "high")),
        ((LEVEL, BUDGET), ("low", "high")),
        ((BUDGET,), ("low", "medium", "high")),
    ],
)
def test_the_efforts_of_a_bot(parameters: tuple[Parameter, ...], efforts: tuple[str, ...]) -> None:
    assert efforts_of(bot(*parameters)) == efforts


def test_no_effort_is_known_where_no_parameter_is() -> None:
    assert efforts_of(BotFacts("Bot")) == ()

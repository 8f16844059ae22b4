"""Fits a query to what its bot takes: the effort of its thinking, web search, its parameters.

Clients have one name for the effort, bots have three. What a bot lacks is left out, and said so:
Poe refuses some requests with parameters that it does not know.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from app.core.bot_facts import BotFacts, Parameter
from app.core.conversation import Query

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""From the least to the greatest, as both vendors name them."""

BUDGETS = {
    "none": 0,
    "minimal": 1_024,
    "low": 2_048,
    "medium": 8_192,
    "high": 32_768,
    "xhigh": 65_536,
    "max": 131_072,
}
"""Tokens of thinking for bots that have only a budget."""

EFFORT, LEVEL, BUDGET = "reasoning_effort", "thinking_level", "thinking_budget"
SEARCH = "web_search"


class Fitted(NamedTuple):
    query: Query
    warnings: tuple[str, ...] = ()


def fit(query: Query, facts: BotFacts | None, search_bot: str | None = None) -> Fitted:
    """The query as its bot takes it, and what the client should know of it.

    Without facts only web search is looked at. ``search_bot`` is asked instead of a bot that cannot
    search the web.
    """
    known = facts.parameters if facts else None
    parameters, warnings = dict(query.parameters), []
    if query.web_search and SEARCH not in parameters:
        if known is not None and SEARCH in known:
            parameters[SEARCH] = True
        elif search_bot and search_bot != query.bot:
            return Fitted(replace(query, bot=search_bot, web_search=False))
        else:
            warnings.append(f"web search is left out: {query.bot} is not known to have it")
    if known is not None:
        parameters = _with_effort(parameters, known)
        for name in [name for name in parameters if name not in known and name not in _OURS]:
            del parameters[name]
            warnings.append(f"{name[:64]} is left out: {query.bot} has no such parameter")
    if parameters == query.parameters:
        return Fitted(query, tuple(warnings))
    return Fitted(replace(query, parameters=parameters), tuple(warnings))


_OURS = ("max_tokens", "max_completion_tokens", "top_p")
"""Passed on whatever the list says: every language model takes them, and no list names them."""


def _with_effort(parameters: dict[str, Any], known: Mapping[str, Parameter]) -> dict[str, Any]:
    """The effort, or the budget that stands for one, under the name that the bot has for it."""
    effort, budget = parameters.get(EFFORT), parameters.get(BUDGET)
    if effort is None:
        effort = _effort_of(budget)
    if effort not in EFFORTS:
        return parameters
    names = [name for name in (EFFORT, BUDGET) if name not in known]
    rest = {name: value for name, value in parameters.items() if name not in names}
    if EFFORT in known:
        return {**rest, EFFORT: _nearest(effort, known[EFFORT])}
    if LEVEL in known:
        return {LEVEL: _nearest(effort, known[LEVEL]), **rest}
    if BUDGET in known:
        tokens = BUDGETS[effort] if budget is None else budget
        return {**rest, BUDGET: _within(tokens, known[BUDGET])}
    return parameters


def efforts_of(facts: BotFacts) -> tuple[str, ...]:
    """Those that differ for the bot, from the least to the greatest; none where it has no effort,
    or nobody knows."""
    known = facts.parameters or {}
    for name in (EFFORT, LEVEL):
        if name in known:
            choices = {choice.lower() for choice in known[name].choices}
            return tuple(effort for effort in EFFORTS if effort in choices) or _USUAL
    return _USUAL if BUDGET in known else ()


_USUAL = ("low", "medium", "high")


def _effort_of(budget: Any) -> str | None:
    """The least effort that has so large a budget."""
    if isinstance(budget, bool) or not isinstance(budget, int | float):
        return None
    return next((effort for effort in EFFORTS if BUDGETS[effort] >= budget), EFFORTS[-1])


def _nearest(effort: str, parameter: Parameter) -> str:
    """The choice that is nearest, the lesser of two; without choices the effort itself."""
    ranks = {choice: EFFORTS.index(choice.lower()) for choice in parameter.choices
             if choice.lower() in EFFORTS}  # fmt: skip
    if not ranks or effort not in EFFORTS:
        return effort
    rank = EFFORTS.index(effort)
    return min(ranks, key=lambda choice: (abs(ranks[choice] - rank), ranks[choice]))


def _within(tokens: float, parameter: Parameter) -> int:
    if parameter.most is not None:
        tokens = min(tokens, parameter.most)
    if parameter.least is not None:
        tokens = max(tokens, parameter.least)
    return int(tokens)

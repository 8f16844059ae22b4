"""What an answer costs in points, by the prices of Poe's catalog: an estimate."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from app.core.events import Usage

POINTS_PER_USD = 33_333.0
"""Until the history says better: Poe sells 1,000,000 points for 30 USD."""

Model = Mapping[str, Any]


class Price(NamedTuple):
    """USD a token; ``request``: points an answer. ``cached`` and ``written``: of tokens of a prompt
    that are read from the model's cache, and that go there; else they cost as the others."""

    prompt: float
    completion: float
    request: float
    cached: float
    written: float

    def points(self, usage: Usage, points_per_usd: float) -> float:
        new = max(0, usage.prompt - usage.cached - usage.written)
        prompt = self.prompt * new + self.cached * usage.cached + self.written * usage.written
        return (prompt + self.completion * usage.completion) * points_per_usd + self.request


def price_of(model: Model) -> Price | None:
    """None for a model whose price the catalog does not tell."""
    pricing = model.get("pricing")
    if not isinstance(pricing, Mapping):
        return None
    amounts = [_amount(pricing.get(name)) for name in ("prompt", "completion", "request")]
    if not any(amounts):
        return None
    of_cache = [
        amounts[0] if pricing.get(name) is None else _amount(pricing[name])
        for name in ("input_cache_read", "input_cache_write")
    ]
    return Price(*amounts, *of_cache)


def _amount(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return number if math.isfinite(number) and number >= 0 else 0.0


class PriceList:
    """The prices of the catalog as it stands, by the bot's name."""

    def __init__(self, models: Callable[[], Sequence[Model]]) -> None:
        """``models``: the list as far as it is known now; nothing is waited for."""
        self._models = models
        self._read: Sequence[Model] | None = None
        self._prices: dict[str, Price | None] = {}
        self.points_per_usd = POINTS_PER_USD

    def estimate(self, bot: str, usage: Usage) -> float | None:
        """Points, or None where the price is not known."""
        price = self._known().get(bot)
        return price and price.points(usage, self.points_per_usd)

    def knows(self, bot: str) -> bool:
        """Whether the catalog has a bot of that name, whatever it costs."""
        return bot in self._known()

    def _known(self) -> dict[str, Price | None]:
        models = self._models()
        if models is not self._read:
            self._prices = {str(model.get("id")): price_of(model) for model in models}
            self._read = models
        return self._prices

"""What an answer costs in points, by the prices of Poe's catalog: an estimate."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

POINTS_PER_USD = 33_333.0
"""Until the history says better: Poe sells 1,000,000 points for 30 USD."""

Model = Mapping[str, Any]


class Price(NamedTuple):
    """``prompt`` and ``completion``: USD a token. ``request``: points an answer."""

    prompt: float
    completion: float
    request: float

    def points(self, prompt_tokens: int, completion_tokens: int, points_per_usd: float) -> float:
        usd = self.prompt * prompt_tokens + self.completion * completion_tokens
        return usd * points_per_usd + self.request


def price_of(model: Model) -> Price | None:
    """None for a model whose price the catalog does not tell."""
    pricing = model.get("pricing")
    if not isinstance(pricing, Mapping):
        return None
    amounts = [_amount(pricing.get(name)) for name in ("prompt", "completion", "request")]
    return None if not any(amounts) else Price(*amounts)


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

    def estimate(self, bot: str, prompt_tokens: int, completion_tokens: int) -> float | None:
        """Points, or None where the price is not known."""
        price = self._known().get(bot)
        return price and price.points(prompt_tokens, completion_tokens, self.points_per_usd)

    def knows(self, bot: str) -> bool:
        """Whether the catalog has a bot of that name, whatever it costs."""
        return bot in self._known()

    def _known(self) -> dict[str, Price | None]:
        models = self._models()
        if models is not self._read:
            self._prices = {str(model.get("id")): price_of(model) for model in models}
            self._read = models
        return self._prices

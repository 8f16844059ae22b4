"""Whether a client may ask a bot now: its rules, its limits, its budget."""

import math
import time
from collections.abc import Callable
from typing import Protocol

from limits import RateLimitItem

from app.access.client import Budget, Client, Parallel, Window
from app.access.ledger import day_of, next_month_of
from app.access.limits import Limits, read_limit
from app.access.rules import BUDGETS, LIMITS
from app.access.store import DAY
from app.config import Settings
from app.errors import BudgetExceeded, NotPermitted


class Spending(Protocol):
    """What the ledger says of a token's points: today's and this month's."""

    def points_of(self, token: str) -> tuple[float, float]: ...


class Admission:
    """One for the worker."""

    def __init__(
        self,
        limits: Limits,
        spending: Spending,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """RATE_LIMIT of ``settings`` holds for clients without a token, by address or by key."""
        self.limits = limits
        self._spending = spending
        self._settings = settings
        self._clock = clock

    def admit(self, client: Client, bot: str) -> None:
        """Before a bot is asked. A request is counted once, however many bots it asks.

        Raises NotPermitted, BudgetExceeded, RateLimited.
        """
        client.visit.bot = bot
        if not client.rules.allows(bot):
            raise NotPermitted(
                f"This token may not ask {bot!r}.", param="model", code="model_not_allowed"
            )
        self.admit_request(client)

    def admit_request(self, client: Client) -> None:
        """The same for what asks no bot, such as an upload."""
        if client.visit.is_admitted:
            return
        if client.has_token:
            self._check_budget(client)
            self.limits.check_tokens(client)
            self.limits.check_requests(client)
            self.limits.begin(client)
        elif self._settings.rate_limit is not None:
            client.visit.windows["requests"] = self.limits.check_client(
                *self._rate_limit_of(client, self._settings.rate_limit)
            )
        client.visit.is_admitted = True

    def requests_window(self, client: Client) -> Window | None:
        """How the client's requests stand; nothing is counted."""
        if client.has_token:
            return self.limits.requests_window(client)
        if self._settings.rate_limit is None:
            return None
        return self.limits.client_window(*self._rate_limit_of(client, self._settings.rate_limit))

    def limits_of(self, client: Client) -> dict[str, Window | Parallel | Budget | None]:
        """How each of LIMITS stands, None where it is not set; nothing is counted."""
        return {
            **dict.fromkeys(LIMITS),
            "requests_per_minute": self.requests_window(client),
            "tokens_per_minute": self.limits.tokens_window(client),
            "max_parallel": self.limits.parallel(client),
            **self.budgets(client),
        }

    def budgets(self, client: Client) -> dict[str, Budget]:
        """Those that the token has, by the name of the limit."""
        rules = client.rules
        if not rules.has_budget():
            return {}
        now = self._clock()
        of_day, of_month = self._spending.points_of(client.name)
        periods = {
            "points_per_day": (of_day, "today", day_of(now) + DAY),
            "points_per_month": (of_month, "this month", next_month_of(now)),
        }
        return {
            name: Budget(limit, *periods[name])
            for name in BUDGETS
            if (limit := getattr(rules, name)) is not None
        }

    def settle(self, client: Client, tokens: int) -> None:
        """Once the request has ended. ``tokens``: of prompt and answer. Raises nothing."""
        if client.visit.is_admitted and client.has_token:
            self.limits.end(client)
            self.limits.charge_tokens(client, tokens)

    def _rate_limit_of(self, client: Client, text: str) -> tuple[RateLimitItem, str]:
        by_key = self._settings.rate_limit_by == "key"
        return read_limit(text), client.owner if by_key else client.visit.address

    def _check_budget(self, client: Client) -> None:
        for limit, used, period, ends in self.budgets(client).values():
            if used >= limit:
                raise BudgetExceeded(
                    f"The budget of this token is used up: {used:g} of {limit:g} points {period}.",
                    code="token_budget_exceeded",
                    retry_after=str(math.ceil(ends - self._clock())),
                )

"""Asks Poe's account API for the gateway itself: refused keys anew, and what was really spent."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.access.pool import Pool, PoolKey
from app.access.prices import PriceList
from app.access.reconciling import Histories, accounts_of, hour_of, points_per_usd, spent_in
from app.access.store import DAY, HOUR, AccessStore
from app.access.usage_report import RECONCILED
from app.errors import ApiError, KeyFault
from app.poe.account import Account
from app.relay.asking import ACCOUNT

log = logging.getLogger("poegate.access.probes")

PROBE_SECONDS = 60.0
"""How often it is looked for keys whose hour is over."""

RECONCILE_SECONDS = 300.0
FIRST_DAYS = 1
"""How far back the history is read when it is read for the first time."""

AGAIN_SECONDS = 2 * HOUR
"""How far back it is read anew each time: entries may come late."""

PAGE_ENTRIES = 100
MAX_PAGES = 100
"""A key's history is read no further at one time."""

FACT_RATE = "points-per-usd"
FACT_BALANCES = "balances"


@dataclass(frozen=True, slots=True)
class KeyTest:
    """What Poe said to one key. ``error`` is None where it serves."""

    milliseconds: int
    balance: Mapping[str, Any] | None = None
    error: ApiError | None = None


class KeyProbes:
    """One for the worker."""

    def __init__(
        self,
        pool: Pool,
        account: Account,
        store: AccessStore,
        prices: PriceList,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._pool = pool
        self._account = account
        self._store = store
        self._prices = prices
        self._clock = clock

    def test(self, key: PoolKey) -> KeyTest:
        """Asks for the key's balance, which costs nothing, and reports how it went to the pool."""
        asked_at, begun = self._clock(), time.monotonic()
        balance, failure = None, None
        try:
            balance = {**self._account.balance(key.secret), "at": int(asked_at)}
        except ApiError as error:
            failure = error
        milliseconds = round((time.monotonic() - begun) * 1000)
        if failure is not None and failure.key_fault is KeyFault.REFUSED:
            self._pool.report(key, ACCOUNT, KeyFault.REFUSED, asked_at=asked_at)
        elif balance is not None:
            self._pool.admit_again(key, asked_at)
            self._keep_balance(key, balance)
        return KeyTest(milliseconds, balance, failure)

    def try_refused(self) -> None:
        """Keys whose hour is over, one of all workers each."""
        now = self._clock()
        for key in self._pool.keys:
            refused = self._pool.state_of(key).refused
            if refused and refused.until <= now + PROBE_SECONDS:
                if self._claims(f"probe:{key.digest}", PROBE_SECONDS / 2):
                    result = self.test(key)
                    words = "serves again" if result.error is None else "is still refused"
                    log.warning("key %d of POE_API_KEYS %s", key.number, words)

    def reconcile(self) -> None:
        """Takes what was spent from Poe's history. One of all workers does it. Raises nothing."""
        self._learn_rate()
        if not self._pool.keys or not self._claims("reconcile", RECONCILE_SECONDS * 0.9):
            return
        try:
            self._reconcile()
        except (ApiError, OSError) as error:
            log.warning("points cannot be reconciled at the moment: %s", error)

    def _reconcile(self) -> None:
        now = self._clock()
        known = self._store.fact(RECONCILED) or {}
        since = int(known.get("to", now - FIRST_DAYS * DAY) - AGAIN_SECONDS) // HOUR * HOUR
        histories = self._histories_since(since)
        accounts = {int(key): value for key, value in known.get("accounts", {}).items()}
        accounts.update(accounts_of(histories))
        self._store.replace_spent(since, spent_in(histories, accounts, since))
        served = {str(number): accounts[number] for number in histories}
        self._store.put_fact(RECONCILED, {"to": now, "accounts": served})
        rate = points_per_usd([entry for entries in histories.values() for entry in entries])
        if rate is not None:
            self._store.put_fact(FACT_RATE, rate)
            self._prices.points_per_usd = rate
        for key in self._pool.keys:
            if key.number in histories:
                at = int(self._clock())
                self._keep_balance(key, {**self._account.balance(key.secret), "at": at})

    def _histories_since(self, since: int) -> Histories:
        """Of the keys that Poe takes; of one that it refuses the pool hears. Raises ApiError."""
        histories: dict[int, list[Mapping[str, Any]]] = {}
        for key in self._pool.keys:
            asked_at = self._clock()
            if self._pool.state_of(key).refused is not None:
                continue
            try:
                histories[key.number] = self._entries_since(key, since)
            except ApiError as error:
                if error.key_fault is not KeyFault.REFUSED:
                    raise
                log.warning("Poe refuses key %d of POE_API_KEYS", key.number)
                self._pool.report(key, ACCOUNT, KeyFault.REFUSED, asked_at=asked_at)
        return histories

    def _entries_since(self, key: PoolKey, since: int) -> list[Mapping[str, Any]]:
        """The key's entries of the hours from ``since`` on. Raises ApiError."""
        entries: list[Mapping[str, Any]] = []
        after: str | None = None
        for _ in range(MAX_PAGES):
            page = self._account.history(key.secret, PAGE_ENTRIES, after)
            found = [entry for entry in page.get("data") or [] if isinstance(entry, dict)]
            entries += [entry for entry in found if hour_of(entry) >= since]
            if not found or not page.get("has_more") or hour_of(found[-1]) < since:
                break
            after = str(found[-1].get("query_id"))
        return entries

    def _learn_rate(self) -> None:
        try:
            rate = self._store.fact(FACT_RATE)
        except OSError:
            return
        if isinstance(rate, int | float) and rate > 0:
            self._prices.points_per_usd = float(rate)

    def _keep_balance(self, key: PoolKey, balance: Mapping[str, Any]) -> None:
        """``at`` in it is when Poe was asked."""
        try:
            kept = self._store.fact(FACT_BALANCES) or {}
            self._store.put_fact(FACT_BALANCES, {**kept, key.digest: balance})
        except OSError as error:
            log.warning("a key's balance cannot be kept: %s", error)

    def _claims(self, name: str, seconds: float) -> bool:
        try:
            return self._store.claim(name, self._clock(), seconds)
        except OSError:
            return False

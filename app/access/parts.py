"""The parts of access, made of settings: what the factory hands to the relay and the routes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.access.accounting import Accounting
from app.access.admission import Admission
from app.access.credentials import Gatekeeper
from app.access.key_states import SharedKeyStates, StateStore
from app.access.ledger import Ledger, NoLedger
from app.access.limits import Limits
from app.access.pool import Pool
from app.access.prices import PriceList
from app.access.sources import check_ledger, open_store, token_book
from app.access.store import AccessStore
from app.access.stored_tokens import StoredTokens
from app.access.tokens import TokenBook
from app.config import Settings

Models = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Access:
    """Made once for a worker. ``stored_tokens`` is None where STORED_TOKENS is off."""

    store: AccessStore
    tokens: TokenBook
    stored_tokens: StoredTokens | None
    gatekeeper: Gatekeeper
    pool: Pool
    key_states: SharedKeyStates
    limits: Limits
    ledger: Ledger | NoLedger
    prices: PriceList
    admission: Admission
    accounting: Accounting


def open_access(settings: Settings, states: StateStore, models: Callable[[], Models]) -> Access:
    """``states`` keeps the states of keys; ``models`` is the catalog as far as it is known.

    Raises ConfigError.
    """
    store, tokens = open_store(settings), token_book(settings)
    check_ledger(settings, tokens)
    ledger = Ledger(store) if settings.ledger else NoLedger()
    limits, prices = Limits(store), PriceList(models)
    admission = Admission(limits, ledger, settings)
    pool = Pool(settings.poe_api_keys)
    return Access(
        store,
        tokens,
        StoredTokens(store, tokens) if settings.stored_tokens else None,
        Gatekeeper(settings, tokens),
        pool,
        SharedKeyStates(pool, states),
        limits,
        ledger,
        prices,
        admission,
        Accounting(admission, ledger, lambda bot: prices.knows(bot) or _is_named(bot, settings)),
    )


def _is_named(bot: str, settings: Settings) -> bool:
    """Whether the settings name it: a bot of BOT_URLS, or what an alias stands for."""
    aliases = [target for _, target in settings.model_aliases]
    return bot in aliases or bot in (name for name, _ in settings.bot_urls)

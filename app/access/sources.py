"""The store and the tokens that settings name; without Flask, for the operator's commands too."""

from pathlib import Path

from app.access.redis_store import RedisStore
from app.access.sqlite_store import SqliteStore
from app.access.store import AccessStore
from app.access.tokens import TokenBook, environment_tokens, file_tokens
from app.config import ConfigError, Settings


def open_store(settings: Settings) -> AccessStore:
    """Nothing is read or written yet."""
    if settings.state_url:
        return RedisStore(settings.state_url, settings.ledger_days)
    return SqliteStore(Path(settings.state_dir))


def token_book(settings: Settings) -> TokenBook:
    """Raises ConfigError for tokens that cannot be used."""
    return TokenBook(
        environment_tokens(settings.access_tokens),
        file_tokens(settings.tokens),
        awaits_stored=settings.stored_tokens,
    )


def check_ledger(settings: Settings, tokens: TokenBook) -> None:
    """Raises ConfigError where a budget could not be kept."""
    for token in tokens.all():
        if token.rules.has_budget() and not settings.ledger:
            raise ConfigError(f"token.{token.name}: a budget in points needs LEDGER=on")

"""Tokens that are made at run time: by the command line or the admin API."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from app.access.rules import RuleError, read_rules
from app.access.store import AccessStore
from app.access.tokens import (
    MAX_STORED,
    Token,
    TokenBook,
    digest_of,
    new_secret,
    new_token,
    stored_token,
    token_to_json,
)

log = logging.getLogger("poegate.access.tokens")

RELOAD_SECONDS = 2.0
"""How long another worker goes by what it has read. A block acts within 5 s everywhere."""

Table = Mapping[str, Any]


class TokenExists(Exception):
    """A token of that name, of whatever source."""


class UnknownToken(Exception):
    """There is no token of that name."""


class TokenNotStored(Exception):
    """The token is one of the environment or the file: it is changed there. ``source`` says."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.source = source


class StoredTokens:
    """Changes them, and keeps a worker's book up to date. What cannot be reached raises OSError."""

    def __init__(self, store: AccessStore, book: TokenBook) -> None:
        self._store = store
        self._book = book
        self._is_lost = False

    def reload(self) -> None:
        """Raises nothing: while the store cannot be read, what was read last holds."""
        try:
            self.read()
        except OSError as error:
            if not self._is_lost:
                log.error("stored tokens cannot be read; those read last hold: %s", error)
            self._is_lost = True
        else:
            self._is_lost = False

    def add(self, name: str, rules: Table) -> tuple[Token, str]:
        """The token and its secret, which is shown this once. Raises RuleError, TokenExists."""
        token, secret = new_token(name, read_rules(rules))
        self.read()
        if self._book.named(name) is not None:
            raise TokenExists
        if self._book.count_by_source()["stored"] >= MAX_STORED:
            raise RuleError("name", f"there are {MAX_STORED} stored tokens already")

        def add(now: Table | None) -> Table:
            if now is not None:
                raise TokenExists
            return token_to_json(token)

        self._store.change_token(name, add)
        self.read()
        return token, secret

    def change(self, name: str, rules: Table) -> Token:
        """Raises RuleError, UnknownToken, TokenNotStored."""
        return self._change(name, lambda token: token_to_json(_with_rules(token, rules)))

    def rotate(self, name: str) -> tuple[Token, str]:
        """With a new secret; the old one is unknown from then on."""
        secret = new_secret()
        digest = digest_of(secret)
        token = self._change(name, lambda token: token_to_json(token) | {"digest": digest})
        return token, secret

    def remove(self, name: str) -> None:
        self._check(name)
        self._store.change_token(name, lambda now: None)
        self.read()

    def _change(self, name: str, change: Callable[[Token], Table]) -> Token:
        self._check(name)

        def changed(now: Table | None) -> Table:
            if now is None:
                raise UnknownToken
            return change(stored_token(now))

        kept = self._store.change_token(name, changed)
        self.read()
        return stored_token(kept or {})

    def _check(self, name: str) -> None:
        """Raises UnknownToken, TokenNotStored."""
        self.read()
        token = self._book.named(name)
        if token is None:
            raise UnknownToken
        if token.source != "stored":
            raise TokenNotStored(token.source)

    def read(self) -> None:
        """Brings the book up to date."""
        tokens = []
        for value in self._store.tokens():
            try:
                tokens.append(stored_token(value))
            except (KeyError, TypeError, ValueError):
                log.error("the stored token %r cannot be read", value.get("name"))
        self._book.replace_stored(tokens)


def _with_rules(token: Token, rules: Table) -> Token:
    return replace(token, rules=read_rules(rules, token.rules))

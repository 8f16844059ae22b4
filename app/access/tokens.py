"""Access tokens: where they come from, and which one a credential is.

Three sources: ACCESS_TOKENS (texts, or ``name:text``), the TOML file's ``[token.NAME]`` tables, and
the state (``python -m app tokens``, the admin API). Only digests of the texts are kept.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from app.access.rules import RuleError, Rules, read_rules
from app.config import ConfigError

Source = Literal["environment", "file", "stored"]

MAX_STORED = 1_000
SECRET_PREFIX = "pg-"

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}\Z", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Token:
    """``digest``: the sha256 of its text in hexadecimal digits. ``owner``: for what is kept.

    ``entry_digest``: of the whole entry ``name:text`` of ACCESS_TOKENS. Such an entry was itself
    the token before entries had names, and what was kept for it is still found by it.
    """

    name: str
    digest: str = field(repr=False)
    owner: str
    source: Source
    rules: Rules = Rules()
    created_at: int | None = None
    entry_digest: str | None = field(default=None, repr=False)


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def new_secret() -> str:
    """256 random bits as text."""
    return SECRET_PREFIX + secrets.token_urlsafe(32)


def checked_name(name: Any) -> str:
    """Raises RuleError."""
    if not isinstance(name, str) or not _NAME.match(name):
        raise RuleError("name", "expected 1 to 64 letters, digits, dots, hyphens or underscores")
    return name


# --- The three sources


def environment_tokens(entries: Sequence[str]) -> list[Token]:
    """ACCESS_TOKENS: ``text`` or ``name:text``. Unnamed tokens are called by their place."""
    return [_environment_token(number, entry) for number, entry in enumerate(entries, 1)]


def _environment_token(number: int, entry: str) -> Token:
    name, colon, text = entry.partition(":")
    whole = digest_of(entry)
    if colon and text and _NAME.match(name):
        digest = digest_of(text)
        return Token(name, digest, f"token:{name}", "environment", entry_digest=whole)
    return Token(f"token-{number}", whole, whole, "environment")


def file_tokens(tables: Mapping[str, Any]) -> list[Token]:
    """The ``[token.NAME]`` tables. Raises ConfigError, which names the table and the field."""
    return [_file_token(name, table) for name, table in tables.items()]


def _file_token(name: str, table: Any) -> Token:
    try:
        checked_name(name)
        if not isinstance(table, dict):
            raise RuleError("sha256", "expected a table with the digest of the token's text")
        digest = table.get("sha256")
        if not isinstance(digest, str) or not _SHA256.match(digest.lower()):
            raise RuleError("sha256", "expected the 64 hexadecimal digits of the text's SHA-256")
        rules = read_rules({key: value for key, value in table.items() if key != "sha256"})
    except RuleError as error:
        raise ConfigError(f"token.{name}.{error}") from error
    return Token(name, digest.lower(), f"token:{name}", "file", rules)


def stored_token(value: Mapping[str, Any]) -> Token:
    """What ``token_to_json`` made. Raises KeyError, TypeError or ValueError."""
    name, digest, created_at = value["name"], value["digest"], value["created_at"]
    rules = read_rules(value["rules"])
    return Token(name, digest, f"token:{name}", "stored", rules, created_at)


def new_token(name: str, rules: Rules) -> tuple[Token, str]:
    """A token for the state, and its secret, which nobody keeps. Raises RuleError."""
    secret = new_secret()
    owner = f"token:{checked_name(name)}"
    return Token(name, digest_of(secret), owner, "stored", rules, int(time.time())), secret


def token_to_json(token: Token) -> dict[str, Any]:
    """For the state."""
    rules = {name: value for name, value in asdict(token.rules).items() if value is not None}
    created_at = token.created_at
    return {"name": token.name, "digest": token.digest, "created_at": created_at, "rules": rules}


class TokenBook:
    """All tokens of this gateway. Whole lists are replaced, so that a reader never sees half."""

    def __init__(
        self,
        environment: Sequence[Token] = (),
        file: Sequence[Token] = (),
        *,
        awaits_stored: bool = False,
    ) -> None:
        """``awaits_stored``: there are stored tokens, which will be read later.

        Raises ConfigError where two tokens have one name or one text.
        """
        check_unique([*environment, *file])
        self.stored_are_missing = awaits_stored
        self._environment = tuple(environment)
        self._file = tuple(file)
        self._stored: tuple[Token, ...] = ()

    def all(self) -> tuple[Token, ...]:
        return (*self._environment, *self._file, *self._stored)

    def named(self, name: str) -> Token | None:
        return next((token for token in self.all() if token.name == name), None)

    def find(self, credential: str) -> Token | None:
        """Every token is compared, whatever was sent and whichever it is."""
        digest = digest_of(credential)
        found = None
        for token in self.all():
            if hmac.compare_digest(token.digest, digest):
                found = token
            if hmac.compare_digest(token.entry_digest or "", digest):
                found = replace(token, owner=digest)
        return found

    def replace_file(self, tokens: Sequence[Token]) -> None:
        """Raises ConfigError, and then nothing is changed."""
        check_unique([*self._environment, *tokens, *self._stored])
        self._file = tuple(tokens)

    def replace_stored(self, tokens: Iterable[Token]) -> None:
        """A name of the environment or the file is theirs."""
        self.stored_are_missing = False
        taken = {token.name for token in (*self._environment, *self._file)}
        self._stored = tuple(token for token in tokens if token.name not in taken)

    def count_by_source(self) -> dict[str, int]:
        sources = [token.source for token in self.all()]
        return {source: sources.count(source) for source in ("environment", "file", "stored")}


def check_unique(tokens: Iterable[Token]) -> None:
    """Raises ConfigError where two tokens share a name or a text."""
    by_digest: dict[str, str] = {}
    names: set[str] = set()
    for token in tokens:
        if token.name in names:
            raise ConfigError(f"two tokens are called {token.name!r}; names must differ")
        names.add(token.name)
        for digest in filter(None, (token.digest, token.entry_digest)):
            if (other := by_digest.setdefault(digest, token.name)) != token.name:
                raise ConfigError(f"the tokens {other!r} and {token.name!r} are the same text")

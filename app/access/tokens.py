"""Access tokens: their rules, where they come from, and which one a credential is.

Three sources: ACCESS_TOKENS (texts, or ``name:text``), the TOML file's ``[token.NAME]`` tables, and
the state (``python -m app tokens``, the admin API). Only digests of the texts are kept.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from fnmatch import fnmatchcase
from typing import Any, Literal

from app.config import ConfigError
from app.core.encodable import is_encodable

Source = Literal["environment", "file", "stored"]

MAX_STORED = 1_000
MAX_NOTE_CHARS = 1_000
MAX_AMOUNT = 10**15
"""Above what a rule may say: every reader of JSON has smaller whole numbers exactly."""

MAX_GLOBS = 100
SECRET_PREFIX = "pg-"

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}\Z", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


class RuleError(ValueError):
    """A rule that cannot be used. ``field`` is its name, ``reason`` what is wrong with it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Rules:
    """What a token may do; None is no limit. ``expires`` is in seconds since the epoch.

    ``models`` are globs on the name of the bot that is asked in the end.
    """

    models: tuple[str, ...] | None = None
    expires: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    max_parallel: int | None = None
    points_per_day: float | None = None
    points_per_month: float | None = None
    blocked: bool = False
    note: str = ""

    def allows(self, bot: str) -> bool:
        """Upper and lower case are the same, as they are to Poe."""
        if self.models is None:
            return True
        return any(fnmatchcase(bot.lower(), glob.lower()) for glob in self.models)

    def has_budget(self) -> bool:
        return self.points_per_day is not None or self.points_per_month is not None

    def status(self, now: float) -> Literal["active", "blocked", "expired"]:
        if self.blocked:
            return "blocked"
        return "expired" if self.expires is not None and self.expires <= now else "active"


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


# --- Rules as people write them


def read_rules(table: Mapping[str, Any], base: Rules = Rules()) -> Rules:
    """``base`` with what a TOML table or a JSON object says. None takes a rule away.

    Raises RuleError, which names the field.
    """
    known = {entry.name for entry in fields(Rules)}
    if unknown := sorted(set(table) - known):
        raise RuleError(unknown[0], f"no such rule; there are {', '.join(sorted(known))}")
    return replace(base, **{name: _read_rule(name, value) for name, value in table.items()})


def _read_rule(name: str, value: Any) -> Any:
    if name == "blocked":
        return _boolean(name, value)
    if name == "note":
        return _note(value)
    if value is None:
        return None
    if name == "models":
        return _globs(value)
    if name == "expires":
        return read_time(name, value)
    return _amount(name, value, whole=not name.startswith("points_"))


def _boolean(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise RuleError(name, "expected true or false")
    return value


def _note(value: Any) -> str:
    if not isinstance(value, str | None) or len(value or "") > MAX_NOTE_CHARS:
        raise RuleError("note", f"expected a text of at most {MAX_NOTE_CHARS} characters")
    if value and not is_encodable(value):
        raise RuleError("note", "expected Unicode text, without lone surrogates")
    return value or ""


def _globs(value: Any) -> tuple[str, ...]:
    globs = [value] if isinstance(value, str) else value
    usable = isinstance(globs, list | tuple) and all(isinstance(glob, str) for glob in globs)
    if not usable or len(globs) > MAX_GLOBS or not all(map(is_encodable, globs)) or not all(globs):
        raise RuleError("models", f"expected a list of at most {MAX_GLOBS} names or globs")
    return tuple(globs)


def _amount(name: str, value: Any, *, whole: bool) -> Any:
    kinds = int if whole else int | float
    if isinstance(value, bool) or not isinstance(value, kinds) or not 0 <= value <= MAX_AMOUNT:
        words = "a whole number" if whole else "a number"
        raise RuleError(name, f"expected {words} from 0 on")
    return value


def read_time(name: str, value: Any) -> int:
    """Seconds since the epoch, of a TOML date, an RFC 3339 text or such seconds. UTC by default.

    Raises RuleError.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError as error:
            raise RuleError(name, "expected a date, such as 2027-01-31") from error
    if isinstance(value, datetime):
        return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())
    if isinstance(value, date):
        return int(datetime.combine(value, time_of_day(), UTC).timestamp())
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e11:
        return int(value)
    raise RuleError(name, "expected a date, such as 2027-01-31")


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

"""What an access token may do: models, limits, budgets; and how people write it down."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from fnmatch import fnmatchcase
from typing import Any, Literal

from app.core.encodable import is_encodable

LimitKind = Literal["window", "parallel", "budget"]
"""A number a minute, a number at a time, or points a period."""

MAX_NOTE_CHARS = 1_000
MAX_AMOUNT = 10**15
"""Above what a rule may say: every reader of JSON has smaller whole numbers exactly."""

MAX_GLOBS = 100


class RuleError(ValueError):
    """A rule that cannot be used. ``field`` is its name, ``reason`` what is wrong with it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def _limit(kind: LimitKind) -> Any:
    return field(default=None, metadata={"limit": kind})


@dataclass(frozen=True, slots=True)
class Rules:
    """What a token may do; None is no limit. ``expires`` is in seconds since the epoch.

    ``models`` are globs on the name of the bot that is asked in the end. A limit is stated here
    with its kind; the command, the admin API and ``GET /key`` go by LIMITS.
    """

    models: tuple[str, ...] | None = None
    expires: int | None = None
    requests_per_minute: int | None = _limit("window")
    tokens_per_minute: int | None = _limit("window")
    max_parallel: int | None = _limit("parallel")
    points_per_day: float | None = _limit("budget")
    points_per_month: float | None = _limit("budget")
    blocked: bool = False
    note: str = ""

    def allows(self, bot: str) -> bool:
        """Upper and lower case are the same, as they are to Poe."""
        if self.models is None:
            return True
        return any(fnmatchcase(bot.lower(), glob.lower()) for glob in self.models)

    def has_budget(self) -> bool:
        return any(getattr(self, name) is not None for name in BUDGETS)

    def status(self, now: float) -> Literal["active", "blocked", "expired"]:
        if self.blocked:
            return "blocked"
        return "expired" if self.expires is not None and self.expires <= now else "active"


LIMITS: Mapping[str, LimitKind] = {
    entry.name: entry.metadata["limit"] for entry in fields(Rules) if "limit" in entry.metadata
}
"""The names of the limits, with their kinds."""

_KNOWN = {entry.name for entry in fields(Rules)}

NO_SUCH_RULE = f"no such rule; there are {', '.join(sorted(_KNOWN))}"

BUDGETS = tuple(name for name, kind in LIMITS.items() if kind == "budget")


def is_whole(limit: str) -> bool:
    """Whether a limit is a whole number: points come in fractions."""
    return LIMITS[limit] != "budget"


def read_rules(table: Mapping[str, Any], base: Rules = Rules()) -> Rules:
    """``base`` with what a TOML table or a JSON object says. None takes a rule away.

    Raises RuleError, which names the field.
    """
    if unknown := sorted(set(table) - _KNOWN):
        raise RuleError(unknown[0], NO_SUCH_RULE)
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
    return _amount(name, value, whole=is_whole(name))


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
        value = (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    elif isinstance(value, date):
        value = datetime.combine(value, time_of_day(), UTC).timestamp()
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e11:
        return int(value)
    raise RuleError(name, "expected a date from 1970 on, such as 2027-01-31")

"""Which key of POE_API_KEYS is asked. A state machine: a clock goes in, no socket, no store.

What an outcome does to the key, and how long:

    rate limited    the key rests Retry-After, else 60 s; again within a day 2 min, 10 min, 1 h
    no points       the bot rests 10 min with this key
    refused         the key is not used; it is tried again hourly
    unavailable     after three in a minute the bot rests 5 s with this key
    other           nothing
    probed          after a refused key, or a bot without points, is tried others wait 60 s
    reset           by the operator: nothing is known against the key
    accepted        by the account API, when it was tried: not refused any more
    answered        ends what began before the answered question was asked

``state`` is what workers and machines share: ``KeyState`` as JSON, by the digest of the key.
"""

import hashlib
import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, Literal

from app.errors import ApiError, InsufficientCredits, RateLimited, UpstreamError

RATE_LIMIT_LADDER = (60.0, 120.0, 600.0, 3600.0)
NO_POINTS_SECONDS = 600.0
REFUSED_SECONDS = 3600.0
UNAVAILABLE_SECONDS = 5.0
UNAVAILABLE_COUNT, UNAVAILABLE_WINDOW = 3, 60.0
DAY = 86_400.0
PROBE_SECONDS = 60.0
"""Where no other key can be asked, one question a minute still tries a key that lies idle."""

MAX_BOTS = 1_000
"""States of single bots that are kept for a key: clients choose the names."""


class Outcome(StrEnum):
    """What became of one question, or what is otherwise known of a key."""

    ANSWERED = "answered"
    RATE_LIMITED = "rate_limited"
    NO_POINTS = "insufficient_credits"
    REFUSED = "refused"
    UNAVAILABLE = "failing"
    OTHER = "other"
    PROBED = "probed"
    ACCEPTED = "accepted"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Rest:
    """Why and until when something is not asked. Times are seconds since the epoch.

    ``last_resort_at``: when it may be asked all the same if no other key can be.
    ``level``: how often in a row, for the rate limit's ladder.
    """

    reason: Outcome
    began: float
    until: float
    last_resort_at: float
    level: int = 0


@dataclass(frozen=True, slots=True)
class BotState:
    """One bot asked with one key. ``failures``: times of the last failures in a row."""

    rest: Rest | None = None
    failures: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyState:
    """All that is known against one key.

    ``cleared_at``: when the key was last seen to serve after something was known against it.
    Reports of workers may arrive out of order: what happened before that time changes nothing.
    """

    limited: Rest | None = None
    refused: Rest | None = None
    bots: Mapping[str, BotState] = field(default_factory=dict)
    cleared_at: float = 0.0

    def name_at(self, now: float) -> Literal["ready", "resting", "refused"]:
        """Of the whole key; it may rest for single bots all the same."""
        if self.refused and self.refused.until > now:
            return "refused"
        return "resting" if self.limited and self.limited.until > now else "ready"

    def rests(self, bot: str, now: float) -> list[Rest]:
        """Those that are in the way of that bot now."""
        of_bot = self.bots.get(bot, BotState()).rest
        return [rest for rest in (self.limited, self.refused, of_bot) if rest and rest.until > now]


@dataclass(frozen=True, slots=True)
class Report:
    """How one question went. ``asked_at`` and ``at``: when it was asked and when it ended."""

    key: str
    bot: str
    outcome: Outcome
    asked_at: float
    at: float
    retry_after: float | None = None


def next_state(state: KeyState, report: Report) -> KeyState:
    """The state after a report."""
    if report.at < state.cleared_at:
        return state
    return _TRANSITIONS[report.outcome](state, report)


def _rate_limited(state: KeyState, report: Report) -> KeyState:
    old, wait = state.limited, report.retry_after or RATE_LIMIT_LADDER[0]
    if old and report.asked_at <= old.began:
        # Asked before the key rested: the same limit, met by one of many questions at a time.
        return replace(state, limited=replace(old, until=max(old.until, report.at + wait)))
    level = 0
    if old and report.at - old.began < DAY:
        level = min(old.level + 1, len(RATE_LIMIT_LADDER) - 1)
    seconds = max(wait, RATE_LIMIT_LADDER[level]) if level else wait
    rest = Rest(report.outcome, report.at, report.at + seconds, report.at + wait, level)
    return replace(state, limited=rest)


def _refused(state: KeyState, report: Report) -> KeyState:
    return replace(state, refused=_rest(report, REFUSED_SECONDS))


def _no_points(state: KeyState, report: Report) -> KeyState:
    return _with_bot(state, report, BotState(_rest(report, NO_POINTS_SECONDS)))


def _unavailable(state: KeyState, report: Report) -> KeyState:
    old = state.bots.get(report.bot, BotState())
    recent = [at for at in old.failures if at > report.at - UNAVAILABLE_WINDOW]
    failures = (*recent, report.at)[-UNAVAILABLE_COUNT:]
    if len(failures) < UNAVAILABLE_COUNT:
        return _with_bot(state, report, replace(old, failures=failures))
    rest = Rest(
        report.outcome,
        report.at,
        report.at + UNAVAILABLE_SECONDS,
        report.at + UNAVAILABLE_SECONDS,
    )
    if old.rest and old.rest.until > rest.until:
        rest = old.rest
    return _with_bot(state, report, BotState(rest, failures))


def _answered(state: KeyState, report: Report) -> KeyState:
    bot = state.bots.get(report.bot)
    bots = state.bots
    if bot is not None and not _is_later(bot.rest, report) and not _failed_since(bot, report):
        bots = {name: kept for name, kept in state.bots.items() if name != report.bot}
    return _cleared(
        KeyState(
            state.limited if _is_later(state.limited, report) else None,
            state.refused if _is_later(state.refused, report) else None,
            bots,
            state.cleared_at,
        ),
        state,
        report,
    )


def _cleared(after: KeyState, before: KeyState, report: Report) -> KeyState:
    """``after``, with the time if anything was cleared."""
    if after == before:
        return before
    return replace(after, cleared_at=max(before.cleared_at, report.asked_at))


def _accepted(state: KeyState, report: Report) -> KeyState:
    refused = state.refused if _is_later(state.refused, report) else None
    # Noted also where this worker knows nothing against the key: others may.
    return replace(state, refused=refused, cleared_at=max(state.cleared_at, report.asked_at))


def _reset(state: KeyState, report: Report) -> KeyState:
    return KeyState(cleared_at=report.at)


def _probed(state: KeyState, report: Report) -> KeyState:
    refused, bot = state.refused, state.bots.get(report.bot)
    if refused:
        state = replace(state, refused=_held(refused, report.at))
    if bot and bot.rest and bot.rest.reason is Outcome.NO_POINTS:
        bot = replace(bot, rest=_held(bot.rest, report.at))
        state = replace(state, bots={**state.bots, report.bot: bot})
    return state


def _held(rest: Rest, now: float) -> Rest:
    held = now + PROBE_SECONDS
    return replace(rest, until=max(rest.until, held), last_resort_at=held)


def _unchanged(state: KeyState, report: Report) -> KeyState:
    return state


def _is_later(rest: Rest | None, report: Report) -> bool:
    """Whether it began after the question was asked: then the answer says nothing of it."""
    return rest is not None and rest.began >= report.asked_at


def _failed_since(bot: BotState, report: Report) -> bool:
    return any(at >= report.asked_at for at in bot.failures)


def _rest(report: Report, seconds: float) -> Rest:
    return Rest(report.outcome, report.at, report.at + seconds, report.at + PROBE_SECONDS)


def _with_bot(state: KeyState, report: Report, bot: BotState) -> KeyState:
    """The state with that bot's; what is over is left out, and the oldest if there are too many."""
    kept = {name: old for name, old in state.bots.items() if _matters(old, report.at)}
    kept.pop(report.bot, None)
    return replace(state, bots=dict([*kept.items()][1 - MAX_BOTS :]) | {report.bot: bot})


def _matters(bot: BotState, now: float) -> bool:
    return bool(bot.rest and bot.rest.until > now) or any(
        at > now - UNAVAILABLE_WINDOW for at in bot.failures
    )


_TRANSITIONS: dict[Outcome, Callable[[KeyState, Report], KeyState]] = {
    Outcome.ANSWERED: _answered,
    Outcome.RATE_LIMITED: _rate_limited,
    Outcome.NO_POINTS: _no_points,
    Outcome.REFUSED: _refused,
    Outcome.UNAVAILABLE: _unavailable,
    Outcome.OTHER: _unchanged,
    Outcome.PROBED: _probed,
    Outcome.ACCEPTED: _accepted,
    Outcome.RESET: _reset,
}


@dataclass(frozen=True, slots=True)
class PoolKey:
    """A key with its number, from 1, by which people know it, and the digest that is shared."""

    number: int
    secret: str = field(repr=False)
    digest: str


class Pool:
    """The keys and their states. Used within one thread."""

    def __init__(
        self,
        secrets: Sequence[str],
        *,
        clock: Callable[[], float] = time.time,
        on_report: Callable[[Report], None] = lambda report: None,
    ) -> None:
        """``on_report`` hears of every report that changed a state: for those who share it.

        ``rate_limits`` is what Poe last said of each key's requests a minute, by its digest.
        """
        unique = dict.fromkeys(secrets)
        self.keys = [
            PoolKey(number, secret, digest_of(secret)) for number, secret in enumerate(unique, 1)
        ]
        self.states: dict[str, KeyState] = {}
        self.rate_limits: dict[str, dict[str, int]] = {}
        self.clock = clock
        self.on_report = on_report

    def state_of(self, key: PoolKey) -> KeyState:
        return self.states.get(key.digest, KeyState())

    def all_refused(self) -> bool:
        """Whether there are keys, and Poe refuses each of them."""
        now = self.clock()
        names = {self.state_of(key).name_at(now) for key in self.keys}
        return names == {"refused"}

    def key_numbered(self, number: int) -> PoolKey | None:
        return self.keys[number - 1] if 0 < number <= len(self.keys) else None

    def choose(self, affinity: str, bot: str, tried: Collection[PoolKey] = ()) -> PoolKey | None:
        """The key for a question: the same for the same affinity, as long as it may be asked.

        None: no key can be asked now, except those that were tried.
        """
        now = self.clock()
        untried = [key for key in self._by_affinity(affinity) if key not in tried]
        for key in untried:
            if not self.state_of(key).rests(bot, now):
                return self._take(key, bot, now)
        if tried:
            return None
        for key in untried:
            rests = self.state_of(key).rests(bot, now)
            if all(rest.last_resort_at <= now for rest in rests):
                return self._take(key, bot, now)
        return None

    def rests(self, key: PoolKey, bot: str) -> bool:
        return bool(self.state_of(key).rests(bot, self.clock()))

    def may_choose(self, bot: str, tried: Collection[PoolKey]) -> bool:
        """Whether there is a key that was not tried and does not rest."""
        return any(key not in tried and not self.rests(key, bot) for key in self.keys)

    def report(
        self,
        key: PoolKey,
        bot: str,
        outcome: Outcome,
        *,
        asked_at: float,
        retry_after: float | None = None,
    ) -> None:
        self.apply(Report(key.digest, bot, outcome, asked_at, self.clock(), retry_after))

    def admit_again(self, key: PoolKey, asked_at: float) -> None:
        """The key was accepted when it was tried, though by no bot: it is not refused any more."""
        self.report(key, "", Outcome.ACCEPTED, asked_at=asked_at)

    def reset(self, key: PoolKey) -> None:
        """Forgets all that is known against the key."""
        now = self.clock()
        self.apply(Report(key.digest, "", Outcome.RESET, now, now))

    def apply(self, report: Report) -> None:
        """Raises nothing; ``on_report`` is called where the state is another one after it."""
        before = self.states.get(report.key, KeyState())
        after = next_state(before, report)
        if after != before:
            self.states[report.key] = after
            self.on_report(report)

    def resting_error(self, bot: str, only: PoolKey | None = None) -> ApiError:
        """What a client is told where no key can be asked for that bot; or not that ``only`` one,
        by which its conversation is kept."""
        now = self.clock()
        keys = self.keys if only is None else [only]
        rests = [self.state_of(key).rests(bot, now) for key in keys]
        reasons = {rest.reason for of_key in rests for rest in of_key}
        if len(reasons) > 1:
            reasons.discard(Outcome.REFUSED)  # the others say what would help
        metadata = {"keys": len(self.keys)}
        if reasons == {Outcome.REFUSED}:
            return UpstreamError(
                "Poe refuses all keys of this gateway (POE_API_KEYS). Its operator must act.",
                retryable=False,
                metadata=metadata,
            )
        retry_after = str(self._seconds_to_next(rests, now))
        if only is not None:
            return RateLimited(
                f"The Poe key of this gateway that keeps this conversation cannot ask {bot!r} at "
                "the moment. Try again later, or send the whole conversation.",
                retry_after=retry_after,
                metadata=metadata,
            )
        if reasons == {Outcome.NO_POINTS}:
            return InsufficientCredits(
                f"The Poe accounts of this gateway have not enough points for {bot!r}.",
                metadata=metadata,
            )
        return RateLimited(
            f"No Poe key of this gateway can ask {bot!r} at the moment. Try again later.",
            retry_after=retry_after,
            metadata=metadata,
        )

    def _seconds_to_next(self, rests: Sequence[Sequence[Rest]], now: float) -> int:
        """Until the first key may be asked again: whole seconds, at least 1."""
        ends = [
            max(min(rest.until, max(rest.last_resort_at, now)) for rest in of_key)
            for of_key in rests
            if of_key
        ]
        return max(1, math.ceil(min(ends, default=now) - now))

    def _by_affinity(self, affinity: str) -> list[PoolKey]:
        """Rendezvous hashing: a key that comes or goes moves only the sessions that are its own."""

        def weight(key: PoolKey) -> bytes:
            text = f"{key.digest}:{affinity}".encode(errors="surrogatepass")
            return hashlib.blake2b(text, digest_size=8).digest()

        return sorted(self.keys, key=weight, reverse=True)

    def _take(self, key: PoolKey, bot: str, now: float) -> PoolKey:
        state = self.state_of(key)
        of_bot = state.bots.get(bot, BotState()).rest
        if state.refused or (of_bot and of_bot.reason is Outcome.NO_POINTS):
            self.apply(Report(key.digest, bot, Outcome.PROBED, now, now))
        return key


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def seconds_of(retry_after: str | None, now: float) -> float | None:
    """A Retry-After header, seconds or an HTTP date (RFC 9110 section 10.2.3), at most a day."""
    if not retry_after:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(retry_after).timestamp() - now
        except (TypeError, ValueError, OverflowError):
            return None
    return min(max(seconds, 1.0), DAY) if math.isfinite(seconds) else None


def state_to_json(state: KeyState) -> dict[str, Any]:
    return asdict(state)


def state_from_json(value: Any) -> KeyState:
    """Raises KeyError, TypeError or ValueError for what is no state."""
    bots = {
        str(name): BotState(_rest_from_json(bot["rest"]), tuple(map(float, bot["failures"])))
        for name, bot in value["bots"].items()
    }
    limited, refused = _rest_from_json(value["limited"]), _rest_from_json(value["refused"])
    return KeyState(limited, refused, bots, float(value["cleared_at"]))


def _rest_from_json(value: Any) -> Rest | None:
    return value and Rest(**{**value, "reason": Outcome(value["reason"])})

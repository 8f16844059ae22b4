"""Why a key of POE_API_KEYS rests, and for how long: a state machine without clock or store.

REASONS says what each fault does to a key. Else:

    answered        ends what began before the answered question was asked
    accepted        by the account API, when the key was tried: it is not refused any more
    probed          after a fault that is probed, one question tries the key while others wait
    reset           by the operator: nothing is known against the key

``KeyState`` as JSON, by the digest of the key, is what workers and machines share.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal

from app.errors import KeyFault

DAY = 86_400.0
FAULTS_WINDOW = 60.0

PROBE_SECONDS = 60.0
"""Where no other key can be asked, one question a minute still tries a key that lies idle."""

MAX_BOTS = 1_000
"""States of single bots that are kept for a key: clients choose the names."""

KEY_STATES = ("ready", "resting", "refused")


@dataclass(frozen=True, slots=True)
class Reason:
    """How a fault makes a key rest.

    ``rests``: the whole key, or the bot alone that was asked with it. ``seconds``: for how long; a
    key that meets the fault again within a day of its last rest, as long as the next number says.
    ``faults``: how many within a minute it takes. ``heeds_retry_after``: Poe may say how long.
    ``is_probed``: the rest is long, so one question a minute may try whether the fault lasts.
    ``words``: for the operator, after "All keys rest: ".
    """

    rests: Literal["key", "bot"]
    seconds: tuple[float, ...]
    words: str
    faults: int = 1
    heeds_retry_after: bool = False
    is_probed: bool = False


REASONS: Mapping[KeyFault, Reason] = {
    KeyFault.RATE_LIMITED: Reason(
        "key",
        (60.0, 120.0, 600.0, 3600.0),
        "Poe's rate limits are reached",
        heeds_retry_after=True,
    ),
    KeyFault.INSUFFICIENT_CREDITS: Reason(
        "bot", (600.0,), "their accounts have not enough points", is_probed=True
    ),
    KeyFault.REFUSED: Reason("key", (3600.0,), "Poe refuses them", is_probed=True),
    KeyFault.UNAVAILABLE: Reason("bot", (5.0,), "Poe cannot be reached", faults=3),
}


class Event(StrEnum):
    """What is known of a key that is no fault."""

    ANSWERED = "answered"
    ACCEPTED = "accepted"
    PROBED = "probed"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Rest:
    """Why and until when something is not asked. Times are seconds since the epoch.

    ``last_resort_at``: when it may be asked all the same if no other key can be.
    ``level``: how often in a row, by which the reason's ``seconds`` are chosen.
    """

    reason: KeyFault
    began: float
    until: float
    last_resort_at: float
    level: int = 0


@dataclass(frozen=True, slots=True)
class BotState:
    """One bot asked with one key. ``failures``: times of the last faults in a row."""

    rest: Rest | None = None
    failures: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyState:
    """All that is known against one key: as a whole, and for single bots.

    ``cleared_at``: when the key was last seen to serve after something was known against it.
    Reports of workers may arrive out of order: what happened before that time changes nothing.
    """

    whole: Mapping[KeyFault, Rest] = field(default_factory=dict)
    bots: Mapping[str, BotState] = field(default_factory=dict)
    cleared_at: float = 0.0

    @property
    def refused(self) -> Rest | None:
        """Also one that is over: nothing has shown since that the key serves again."""
        return self.whole.get(KeyFault.REFUSED)

    def rest_at(self, now: float) -> Rest | None:
        """Why the whole key is not asked: the refusal before anything else, else the longest."""
        rests = [rest for rest in self.whole.values() if rest.until > now]
        return max(rests, key=lambda rest: (rest is self.refused, rest.until), default=None)

    def name_at(self, now: float) -> str:
        """One of KEY_STATES, of the whole key; it may rest for single bots all the same."""
        rest = self.rest_at(now)
        if rest is None:
            return "ready"
        return "refused" if rest is self.refused else "resting"

    def rests(self, bot: str, now: float) -> list[Rest]:
        """Those that are in the way of that bot now."""
        of_bot = self.bots.get(bot, BotState()).rest
        return [rest for rest in (*self.whole.values(), of_bot) if rest and rest.until > now]

    def is_probed(self, bot: str) -> bool:
        """Whether a question to that bot tries whether a fault lasts."""
        of_bot = self.bots.get(bot, BotState()).rest
        rests = (*self.whole.values(), of_bot)
        return any(rest and REASONS[rest.reason].is_probed for rest in rests)


@dataclass(frozen=True, slots=True)
class Report:
    """How one question went. ``asked_at`` and ``at``: when it was asked and when it ended."""

    key: str
    bot: str
    outcome: KeyFault | Event
    asked_at: float
    at: float
    retry_after: float | None = None


def next_state(state: KeyState, report: Report) -> KeyState:
    """The state after a report."""
    if report.at < state.cleared_at:
        return state
    if isinstance(report.outcome, Event):
        return _AFTER[report.outcome](state, report)
    if REASONS[report.outcome].rests == "bot":
        old = state.bots.get(report.bot, BotState())
        return _with_bot(state, report, _bot_after(old, report, report.outcome))
    rest = _rest_after(state.whole.get(report.outcome), report, report.outcome)
    return replace(state, whole={**state.whole, report.outcome: rest})


def _bot_after(old: BotState, report: Report, fault: KeyFault) -> BotState:
    needed = REASONS[fault].faults
    recent = [at for at in old.failures if at > report.at - FAULTS_WINDOW]
    failures = (*recent, report.at)[-needed:]
    if len(failures) < needed:
        return replace(old, failures=failures)
    known = old.rest if old.rest and old.rest.reason is fault else None
    rest = _rest_after(known, report, fault)
    if old.rest and old.rest.until > rest.until:
        rest = old.rest
    return BotState(rest, failures)


def _rest_after(old: Rest | None, report: Report, fault: KeyFault) -> Rest:
    """``old``: that of the same fault."""
    reason = REASONS[fault]
    wait = reason.seconds[0]
    if reason.heeds_retry_after and report.retry_after:
        wait = report.retry_after
    if old and report.asked_at <= old.began:
        # Asked before the rest began: the same fault, met by one of many questions at a time.
        return replace(old, until=max(old.until, report.at + wait))
    level = 0
    if old and report.at - old.began < DAY:
        level = min(old.level + 1, len(reason.seconds) - 1)
    seconds = max(wait, reason.seconds[level]) if level else wait
    last_resort = PROBE_SECONDS if reason.is_probed else wait
    return Rest(fault, report.at, report.at + seconds, report.at + last_resort, level)


def _answered(state: KeyState, report: Report) -> KeyState:
    bot = state.bots.get(report.bot)
    bots = state.bots
    if bot is not None and not _is_later(bot.rest, report) and not _failed_since(bot, report):
        bots = {name: kept for name, kept in state.bots.items() if name != report.bot}
    whole = {fault: rest for fault, rest in state.whole.items() if _is_later(rest, report)}
    after = replace(state, whole=whole, bots=bots)
    if after == state:
        return state
    return replace(after, cleared_at=max(state.cleared_at, report.asked_at))


def _accepted(state: KeyState, report: Report) -> KeyState:
    whole = {
        fault: rest
        for fault, rest in state.whole.items()
        if fault is not KeyFault.REFUSED or _is_later(rest, report)
    }
    # Noted also where this worker knows nothing against the key: others may.
    return replace(state, whole=whole, cleared_at=max(state.cleared_at, report.asked_at))


def _probed(state: KeyState, report: Report) -> KeyState:
    whole = {fault: _held(rest, report.at) for fault, rest in state.whole.items()}
    bots, bot = state.bots, state.bots.get(report.bot)
    if bot and bot.rest:
        bots = {**bots, report.bot: replace(bot, rest=_held(bot.rest, report.at))}
    return replace(state, whole=whole, bots=bots)


def _held(rest: Rest, now: float) -> Rest:
    """Kept from all questions but the one that tries."""
    if not REASONS[rest.reason].is_probed:
        return rest
    held = now + PROBE_SECONDS
    return replace(rest, until=max(rest.until, held), last_resort_at=held)


def _reset(state: KeyState, report: Report) -> KeyState:
    return KeyState(cleared_at=report.at)


_AFTER: Mapping[Event, Callable[[KeyState, Report], KeyState]] = {
    Event.ANSWERED: _answered,
    Event.ACCEPTED: _accepted,
    Event.PROBED: _probed,
    Event.RESET: _reset,
}


def _is_later(rest: Rest | None, report: Report) -> bool:
    """Whether it began after the question was asked: then the answer says nothing of it."""
    return rest is not None and rest.began >= report.asked_at


def _failed_since(bot: BotState, report: Report) -> bool:
    return any(at >= report.asked_at for at in bot.failures)


def _with_bot(state: KeyState, report: Report, bot: BotState) -> KeyState:
    """The state with that bot's; what is over is left out, and the oldest if there are too many."""
    kept = {name: old for name, old in state.bots.items() if _matters(old, report.at)}
    kept.pop(report.bot, None)
    return replace(state, bots=dict([*kept.items()][1 - MAX_BOTS :]) | {report.bot: bot})


def _matters(bot: BotState, now: float) -> bool:
    return bool(bot.rest and bot.rest.until > now) or any(
        at > now - FAULTS_WINDOW for at in bot.failures
    )


def state_to_json(state: KeyState) -> dict[str, Any]:
    return asdict(state)


def state_from_json(value: Any) -> KeyState:
    """Raises KeyError, TypeError, ValueError or AttributeError for what is no state."""
    whole = {KeyFault(fault): _rest_from_json(rest) for fault, rest in value["whole"].items()}
    bots = {
        str(name): BotState(
            bot["rest"] and _rest_from_json(bot["rest"]), tuple(map(float, bot["failures"]))
        )
        for name, bot in value["bots"].items()
    }
    return KeyState(whole, bots, float(value["cleared_at"]))


def _rest_from_json(value: Any) -> Rest:
    return Rest(**{**value, "reason": KeyFault(value["reason"])})

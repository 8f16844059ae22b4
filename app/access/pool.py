"""Which key of POE_API_KEYS is asked. A clock goes in, no socket, no store."""

import hashlib
import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

from app.access.resting import DAY, Event, KeyState, Report, Rest, next_state
from app.errors import ApiError, InsufficientCredits, KeyFault, RateLimited, UpstreamError


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
        outcome: KeyFault | Event,
        *,
        asked_at: float,
        retry_after: float | None = None,
    ) -> None:
        self.apply(Report(key.digest, bot, outcome, asked_at, self.clock(), retry_after))

    def admit_again(self, key: PoolKey, asked_at: float) -> None:
        """The key was accepted when it was tried, though by no bot: it is not refused any more."""
        self.report(key, "", Event.ACCEPTED, asked_at=asked_at)

    def reset(self, key: PoolKey) -> None:
        """Forgets all that is known against the key."""
        now = self.clock()
        self.apply(Report(key.digest, "", Event.RESET, now, now))

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
            reasons.discard(KeyFault.REFUSED)  # the others say what would help
        metadata = {"keys": len(self.keys)}
        if reasons == {KeyFault.REFUSED}:
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
        if reasons == {KeyFault.INSUFFICIENT_CREDITS}:
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
        if self.state_of(key).is_probed(bot):
            self.apply(Report(key.digest, bot, Event.PROBED, now, now))
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

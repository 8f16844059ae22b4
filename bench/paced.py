"""Rows of streams whose tokens come one by one, on the upstream's timetable."""

import time
from dataclasses import dataclass
from typing import Any

from bench.client import verify
from bench.crowd import Late, Order, Outcome, coming
from bench.failure import Failure
from bench.load import run_wrk
from bench.processes import Server, servers
from bench.table import WARM_UP_SECONDS, Pace, Result
from bench.usage import SAMPLE_GAP, cpu_seconds, highest_memory, memory_kib
from bench.wire import CHAT, POE, Ask, Dialect

WARM_UP = Ask("burst-100", 100)


def warm(server: Server) -> None:
    """What a worker loads and grows at its first requests is no stream's cost."""
    verify(server, WARM_UP)  # waits for a worker that still loads
    run_wrk(server, WARM_UP, 16, WARM_UP_SECONDS)


def faults_of(outcomes: dict[str, Outcome]) -> list[str]:
    """A note for each kind of failed answer."""
    return [
        f"{name}: {count} answers {kind}"
        for name, outcome in outcomes.items()
        for kind, count in outcome.faults.items()
    ]


def milliseconds(late: Late) -> str:
    """Median and slowest hundredth, in few digits."""
    digits = 1 if late.slow < 10 else 0
    return f"{late.middle:.{digits}f} and {late.slow:.{digits}f} ms"


@dataclass(frozen=True)
class Carried:
    """What a crowd's tokens cost a relay, and how late they came."""

    outcome: Outcome
    microseconds: float  # processor time a token, those of its request and its end included
    share: float  # of a core, while all streams were under way

    def cell(self) -> str:
        """The table's words for it."""
        return (
            f"{self.microseconds:.0f} µs, {self.share:.0%} of a core, "
            f"late {milliseconds(self.outcome.token)}"
        )


def carry(server: Server, order: Order) -> Carried:
    """Lets the crowd come, and watches the server's processor time."""
    before = cpu_seconds(server)
    with coming(server, order) as crowd:
        time.sleep(order.ramp)
        all_there, busy = time.monotonic(), cpu_seconds(server)
        crowd.wait_until_ending()
        share = (cpu_seconds(server) - busy) / max(time.monotonic() - all_there, 0.01)
        outcome = crowd.outcome()
    spent = cpu_seconds(server) - before
    return Carried(outcome, 1e6 * spent / max(outcome.tokens, 1), share)


@dataclass(frozen=True)
class Paced:
    """Many streams at once: processor time a token, and tokens behind the timetable.

    Each connection asks again when its answer is over, so that requests are a part of the cost.
    """

    key: str
    streams: int
    rate: int = 50  # tokens a second
    tokens: int = 100  # of an answer
    rounds: int = 4  # answers of each connection
    dialect: Dialect = CHAT
    with_baseline: bool = True
    with_peers: bool = False
    least_ratio: float | None = None  # of processor time a token, to the baseline's
    most_late_ms: float | None = None  # the slowest hundredth, of tokens and of whole answers
    most_share: float | None = None  # of a core

    def measure(self, pace: Pace) -> Result:
        """One relay after the other, each on a warmed worker."""
        names = pace.relays(self.with_peers) if self.with_baseline else ("gateway",)
        ask = Ask(f"paced-{self.rate}x{self.tokens}", self.tokens, self.dialect)
        with servers(*names) as running:
            carried = {}
            for name, server in running.relays.items():
                warm(server)
                # LiteLLM's proxy is far beyond its limit: one round is enough to see it.
                rounds = 1 if name == "litellm" else pace.of(self.rounds)
                order = Order(ask, self.streams, self.rate, rounds, self.tokens / self.rate)
                carried[name] = carry(server, order)
        return self.result(carried)

    def result(self, carried: dict[str, Carried]) -> Result:
        """The line; failed answers of the gateway miss the target."""
        ours = carried["gateway"]
        theirs = carried.get("baseline")
        ratio = theirs.microseconds / ours.microseconds if theirs else 0
        slowest = max(ours.outcome.token.slow, ours.outcome.answer.slow)
        targets = [
            (self.least_ratio, ratio >= (self.least_ratio or 0), "at least {:g}x"),
            (self.most_late_ms, slowest <= (self.most_late_ms or 0), "at most {:g} ms late"),
            (self.most_share, ours.share < (self.most_share or 0), "below {:.0%} of a core"),
        ]
        wanted = [(met, text.format(limit)) for limit, met, text in targets if limit is not None]
        notes = faults_of({name: one.outcome for name, one in carried.items()})
        notes.append(f"whole answers late: {milliseconds(ours.outcome.answer)}")
        met = not ours.outcome.failed and all(met for met, _ in wanted)
        return Result(
            title=f"{self.streams:,} streams of {self.rate} tokens/s: processor time a token",
            **{name: one.cell() for name, one in carried.items()},
            ratio=ratio,
            target=", ".join(["none failed", *(text for _, text in wanted)]) if wanted else "none",
            met=met if wanted or ours.outcome.failed else None,
            notes=notes,
        )


@dataclass(frozen=True)
class BothWays:
    """Many streams at once, asked as bots and by Poe's own API (docs/upstreams.md)."""

    key: str
    streams: int
    rate: int = 50  # tokens a second
    tokens: int = 500  # of an answer
    least_ratio: float = 2.0  # of processor time a token

    def measure(self, pace: Pace) -> Result:
        """One gateway after the other, each on a warmed worker. The baseline's column is the bot's
        way."""
        ask = Ask(f"paced-{self.rate}x{self.tokens}", self.tokens)
        carried = {}
        with servers("gateway", "passing") as running:
            for name, server in running.relays.items():
                warm(server)
                order = Order(ask, self.streams, self.rate, rounds=1, ramp=1)
                carried[name] = carry(server, order)
        ratio = carried["gateway"].microseconds / carried["passing"].microseconds
        failed = any(one.outcome.failed for one in carried.values())
        return Result(
            title=f"{self.streams} streams by Poe's own API; to those as bots",
            gateway=carried["passing"].cell(),
            baseline=carried["gateway"].cell(),
            ratio=ratio,
            target=f"none failed, at least {self.least_ratio:g}x",
            met=not failed and ratio >= self.least_ratio,
            notes=faults_of({name: one.outcome for name, one in carried.items()}),
        )


@dataclass(frozen=True)
class HeldOpen:
    """A thousand slow streams at once on one worker: how many fail, and the memory of one."""

    key: str
    streams: int
    rate: int  # tokens a second
    seconds: int  # the length of a stream
    most_kib: float

    def measure(self, pace: Pace) -> Result:
        """First the gateway, then the baseline, on warmed workers."""
        with servers(*pace.relays()) as running:
            held = {name: self.hold(server, pace) for name, server in running.relays.items()}
        cells: dict[str, Any] = {
            name: f"{kib:.0f} KiB, {at_once} at once, late {milliseconds(outcome.token)}"
            for name, (kib, at_once, outcome) in held.items()
        }
        kib, at_once, outcome = held["gateway"]
        streams = pace.of(self.streams)
        return Result(
            title=f"{streams:,} streams of {self.rate} tokens/s: memory a stream",
            **cells,
            ratio=held["baseline"][0] / max(kib, 1),
            target=f"none failed, at most {self.most_kib:g} KiB",
            met=not outcome.failed and at_once == streams and kib <= self.most_kib,
            notes=faults_of({name: one[2] for name, one in held.items()}),
        )

    def hold(self, server: Server, pace: Pace) -> tuple[float, int, Outcome]:
        """KiB a stream, streams that were open at once, and how they fared."""
        warm(server)
        tokens = self.rate * self.seconds
        ask = Ask(f"paced-{self.rate}x{tokens}", tokens)
        streams = pace.of(self.streams)
        order = Order(ask, streams, self.rate, rounds=1, ramp=streams / 200)
        before = memory_kib(server)
        with coming(server, order) as crowd:
            at_once = crowd.wait_until_held()
            during = highest_memory(server, self.seconds - order.ramp - SAMPLE_GAP)
            crowd.wait_until_ending()
            outcome = crowd.outcome()
        return (during - before) / max(at_once, 1), at_once, outcome


@dataclass(frozen=True)
class SingleStream:
    """One stream on an idle worker: how late its tokens come, beyond the upstream's own delay."""

    key: str
    rate: int
    tokens: int
    most_ms: float  # added at the median

    def measure(self, pace: Pace) -> Result:
        """The upstream itself, then the relays in front of it."""
        tokens = pace.of(self.tokens)
        bot = f"paced-{self.rate}x{tokens}"
        with servers(*pace.relays(with_peers=True)) as running:
            for server in running.relays.values():
                warm(server)
            own = self.ask_alone(running.upstream, Ask(bot, tokens, POE)).token
            outcomes = {
                name: self.ask_alone(server, Ask(bot, tokens))
                for name, server in running.relays.items()
            }
        added = {name: outcome.token.middle - own.middle for name, outcome in outcomes.items()}
        cells: dict[str, Any] = {
            name: f"{added[name]:.2f} ms (slowest hundredth {outcome.token.slow:.1f} ms)"
            for name, outcome in outcomes.items()
        }
        return Result(
            title=f"one stream of {self.rate} tokens/s on an idle worker: delay added to a token",
            **cells,
            ratio=added["baseline"] / max(added["gateway"], 0.01),
            target=f"below {self.most_ms:g} ms",
            met=added["gateway"] < self.most_ms,
        )

    def ask_alone(self, server: Server, ask: Ask) -> Outcome:
        """One answer over one connection. Raises Failure where it is not whole."""
        with coming(server, Order(ask, 1, self.rate, rounds=1, ramp=0)) as crowd:
            crowd.wait_until_held()
            crowd.wait_until_ending()
            outcome = crowd.outcome()
        if outcome.failed:
            raise Failure(f"{server.name}: {outcome.faults}\n{server.log_tail()}")
        return outcome


@dataclass(frozen=True)
class Carries:
    """How many streams of a rate one worker carries, on answers of 5 seconds.

    Tried with more and more streams; the last number counts at which the worker is below 85 % of a
    core and the slowest hundredth of the tokens is less than half a second late.
    """

    key: str
    rate: int  # tokens a second
    counts: tuple[int, ...]  # in rising order
    seconds: int = 5

    def measure(self, pace: Pace) -> Result:
        """The gateway alone, on one worker for all counts."""
        tokens = self.rate * self.seconds
        ask = Ask(f"paced-{self.rate}x{tokens}", tokens)
        best: tuple[int, Carried] | None = None
        with servers("gateway") as running:
            warm(running.gateway)
            for streams in self.counts:
                order = Order(ask, streams, self.rate, rounds=1, ramp=2)
                carried = carry(running.gateway, order)
                late = carried.outcome.token.slow
                if carried.outcome.failed or carried.share > 0.85 or late > 500:
                    break
                best = streams, carried
        cell = f"{best[0]:,} streams: {best[1].cell()}" if best else f"fewer than {self.counts[0]}"
        return Result(
            title=f"streams of {self.rate} tokens/s that one worker carries below 85% of a core",
            gateway=cell,
        )

"""Rows that look at one stream: its memory, its processor time, and its first token."""

from contextlib import ExitStack, closing
from dataclasses import dataclass
from statistics import median

from bench.client import Client, verify
from bench.crowd import Order
from bench.holding import Held, cpu_seconds, hold
from bench.load import run_wrk
from bench.processes import Failure, Server, servers
from bench.table import WARM_UP_SECONDS, Pace, Result
from bench.wire import POE, Ask

WARM_UP_REQUESTS = 20


@dataclass(frozen=True)
class HeldOpen:
    """A thousand slow streams at once on one worker: how many fail, and the memory of one."""

    key: str
    streams: int
    rate: int  # tokens a second
    seconds: int  # the length of a stream
    most_kib: float

    def measure(self, pace: Pace) -> Result:
        """First the gateway, then the baseline, on fresh and warmed workers."""
        with servers() as running:
            ours, theirs = (
                self.hold_warmed(server, pace) for server in (running.gateway, running.baseline)
            )
        return self.result(pace.of(self.streams), ours, theirs)

    def hold_warmed(self, server: Server, pace: Pace) -> Held:
        """What a worker loads and grows at its first requests is not a stream's cost."""
        warm_up = Ask("burst-100", 100)
        run_wrk(server, warm_up, 16, WARM_UP_SECONDS)
        verify(server, warm_up)
        streams = pace.of(self.streams)
        tokens = self.rate * self.seconds
        return hold(server, Order(server.port, streams, self.rate, tokens, streams / 200))

    def result(self, streams: int, ours: Held, theirs: Held) -> Result:
        """The line; the target is the gateway's alone."""
        met = (
            not ours.outcome.failed
            and ours.at_once == streams
            and ours.kib_per_stream <= self.most_kib
        )
        return Result(
            title=f"{streams:,} streams held open, {self.rate} tokens/s each: memory a stream",
            gateway=held_cell(ours),
            baseline=held_cell(theirs),
            ratio=theirs.kib_per_stream / max(ours.kib_per_stream, 1),
            target=f"none failed, at most {self.most_kib:g} KiB",
            met=met,
            notes=[f"{n} x {fault}" for fault, n in ours.outcome.faults.items()],
        )


def held_cell(held: Held) -> str:
    """Memory, streams at once, failures, and the worst delay."""
    outcome = held.outcome
    return (
        f"{held.kib_per_stream:.0f} KiB ({held.at_once} at once, {outcome.failed} failed, "
        f"{outcome.late:.2f} s late)"
    )


@dataclass(frozen=True)
class ProcessorTime:
    """Processor milliseconds that a worker spends on a stream whose tokens come apart.

    Under bursts a relay may send many tokens as one; here each has to be carried by itself.
    """

    key: str
    title: str
    ask: Ask
    at_a_time: int
    seconds: int  # of each load, at full pace

    def measure(self, pace: Pace) -> Result:
        """Loads the two in turn, well below what either can carry."""
        with servers() as running:
            ours = self.milliseconds(running.gateway, pace)
            theirs = self.milliseconds(running.baseline, pace)
        return Result(
            title=f"{self.title}, {self.at_a_time} at a time: processor time a stream",
            gateway=f"{ours:.1f} ms",
            baseline=f"{theirs:.1f} ms",
            ratio=theirs / ours,
            target="none",
            met=None,
        )

    def milliseconds(self, server: Server, pace: Pace) -> float:
        """Of one load: processor time over streams, half a stream for each that was cut off."""
        verify(server, self.ask)
        before = cpu_seconds(server)
        counts = run_wrk(server, self.ask, self.at_a_time, pace.of(self.seconds))
        spent = cpu_seconds(server) - before
        if counts["refused"] + counts["cut"] + counts["socket_errors"]:
            raise Failure(f"{server.name}: failed streams: {counts}")
        return 1000 * spent / (counts["whole"] + self.at_a_time / 2)


@dataclass(frozen=True)
class FirstToken:
    """Milliseconds that a relay adds to the upstream's own time to the first token."""

    key: str
    requests: int
    most_ms: float

    def measure(self, pace: Pace) -> Result:
        """Asks upstream, gateway and baseline in turn, one client, and compares the medians."""
        with servers() as running, ExitStack() as stack:
            asks = [(running.upstream, Ask("timed", 5, POE))]
            asks += [(relay, Ask("timed", 5)) for relay in (running.gateway, running.baseline)]
            clients = [
                (stack.enter_context(closing(Client(server))), ask, ask.body())
                for server, ask in asks
            ]
            rounds = range(WARM_UP_REQUESTS + pace.of(self.requests))
            times = [[c.first_token(ask, body) for c, ask, body in clients] for _ in rounds]
        direct, ours, theirs = (
            median(column) * 1000 for column in zip(*times[WARM_UP_REQUESTS:], strict=True)
        )
        return self.result(direct, ours - direct, theirs - direct)

    def result(self, direct: float, ours: float, theirs: float) -> Result:
        """The line, from milliseconds."""
        return Result(
            title=f"time to first token, added to the upstream's own {direct:.1f} ms",
            gateway=f"{ours:.1f} ms",
            baseline=f"{theirs:.1f} ms",
            ratio=theirs / ours,
            target=f"at most {self.most_ms:g} ms",
            met=ours <= self.most_ms,
        )

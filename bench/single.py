"""Rows that look at one stream: its processor time, and its first token."""

from contextlib import ExitStack, closing
from dataclasses import dataclass
from statistics import median

from bench.client import Client, verify
from bench.failure import Failure
from bench.load import run_wrk
from bench.processes import Server, servers
from bench.table import Pace, Result
from bench.usage import cpu_seconds
from bench.wire import POE, Ask

WARM_UP_REQUESTS = 20


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
        with servers(*pace.relays()) as running:
            ours = self.milliseconds(running.gateway, pace)
            theirs = self.milliseconds(running.baseline, pace)
        return Result(
            title=f"{self.title}, {self.at_a_time} at a time: processor time a stream",
            gateway=f"{ours:.1f} ms",
            baseline=f"{theirs:.1f} ms",
            ratio=theirs / ours,
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
        with servers(*pace.relays()) as running, ExitStack() as stack:
            asks = [(running.upstream, Ask("timed-5", 5, POE))]
            asks += [(relay, Ask("timed-5", 5)) for relay in (running.gateway, running.baseline)]
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

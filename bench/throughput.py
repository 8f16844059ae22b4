"""Rows in whole streams a second."""

from dataclasses import dataclass
from statistics import median

from bench.client import verify
from bench.load import Load, load, run_wrk
from bench.processes import Server, servers
from bench.table import WARM_UP_SECONDS, Pace, Result
from bench.wire import Ask

Side = tuple[Server, Ask]


def alternate(sides: list[Side], pace: Pace, one: "Throughput") -> list[list[Load]]:
    """Loads each in turn, so that a noisy minute hits all; the loads of each."""
    loads: list[list[Load]] = [[] for _ in sides]
    for _ in range(pace.rounds):
        for (server, ask), taken in zip(sides, loads, strict=True):
            taken.append(load(server, ask, one.at_a_time, pace.of(one.seconds)))
    return loads


def middle(loads: list[Load]) -> float:
    """The median of their streams a second."""
    return median(load.streams_per_second for load in loads)


def failures(loads: list[Load]) -> int:
    """The streams that failed in all of them."""
    return sum(load.failed for load in loads)


def spread(loads: list[Load]) -> str:
    """Median, lowest and highest streams a second."""
    rates = [load.streams_per_second for load in loads]
    digits = 0 if median(rates) >= 100 else 1
    low, mid, high = (f"{n:.{digits}f}" for n in (min(rates), median(rates), max(rates)))
    return f"{mid}/s ({low} to {high})"


@dataclass(frozen=True)
class Throughput:
    """Whole streams a second through one worker under a closed load."""

    key: str
    title: str
    ask: Ask
    at_a_time: int
    seconds: int  # of each load, at full pace
    least_ratio: float | None = None  # None: for knowledge, without a target
    reference: Ask | None = None  # what the other side is asked, where it is not the same
    against_itself: bool = False  # the other side is the gateway too
    with_peers: bool = False  # LiteLLM's proxy too

    def measure(self, pace: Pace) -> Result:
        """Warms the relays, loads them in turn, compares the medians."""
        names = ("gateway",) if self.against_itself else pace.relays(self.with_peers)
        with servers(*names) as running:
            others = [server for name, server in running.relays.items() if name != "gateway"]
            others = others or [running.gateway]
            sides = [(running.gateway, self.ask)]
            sides += [(server, self.reference or self.ask) for server in others]
            for server, ask in sides:
                verify(server, ask)
                run_wrk(server, ask, self.at_a_time, WARM_UP_SECONDS)
            loads = alternate(sides, pace, self)
        return self.result(dict(zip(("gateway", "baseline", "litellm"), loads, strict=False)))

    def result(self, loads: dict[str, list[Load]]) -> Result:
        """The line; a failed stream of any relay voids it."""
        ratio = middle(loads["gateway"]) / middle(loads["baseline"])
        failed = {name: failures(taken) for name, taken in loads.items()}
        notes = [f"{count} failed streams of the {name}" for name, count in failed.items() if count]
        return Result(
            title=f"{self.title}, {self.at_a_time} at a time",
            **{name: spread(taken) for name, taken in loads.items()},
            ratio=ratio,
            target=f"at least {self.least_ratio:g}x" if self.least_ratio else "none",
            met=self.verdict(ratio, bool(notes)),
            notes=notes,
        )

    def verdict(self, ratio: float, failed: bool) -> bool | None:
        """Whether the target is met; failed streams miss it even where there is none."""
        if failed or self.least_ratio is None:
            return False if failed else None
        return ratio >= self.least_ratio

"""What a measurement is given, and the line of the table that it gives back."""

from dataclasses import dataclass, field
from typing import Protocol

WARM_UP_SECONDS = 1


@dataclass(frozen=True)
class Pace:
    """How long to measure: rounds of each load, and the share of the full time and size.

    ``peers``: whether LiteLLM's proxy is measured too.
    """

    rounds: int = 3
    share: float = 1.0
    peers: bool = False

    def of(self, full: float) -> int:
        """That share of a full number, at least 1."""
        return max(1, round(full * self.share))

    def relays(self, with_peers: bool = False) -> tuple[str, ...]:
        """The names of the relays to start."""
        return ("gateway", "baseline", *(["litellm"] if with_peers and self.peers else []))


@dataclass(frozen=True)
class Result:
    """One line of the table.

    `ratio`: how many times the gateway is better than the baseline; 0 where nothing is compared.
    `met`: None where there is no target.
    """

    title: str
    gateway: str
    baseline: str = ""
    litellm: str = ""
    ratio: float = 0
    target: str = "none"
    met: bool | None = None
    notes: list[str] = field(default_factory=list)


class Row(Protocol):
    """A measurement that fills one line."""

    @property
    def key(self) -> str:
        """The name that the command line knows it by."""

    def measure(self, pace: Pace) -> Result:
        """Starts servers of its own, measures, and stops them."""

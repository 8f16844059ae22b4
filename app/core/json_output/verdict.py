"""What was found in an answer that must be JSON."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """``text`` is the JSON to give, or what comes nearest to it. No ``violations``: it is good.

    ``unchecked``: checking it took too long, and ``text`` is the answer as the bot wrote it.
    """

    text: str
    violations: tuple[str, ...] = ()
    is_json: bool = True
    unchecked: bool = False

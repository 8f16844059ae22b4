"""What a bot is known to take and to give."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parameter:
    """One of the bot's own parameters. ``choices``: its values where they are counted; ``least``
    and ``most``: the bounds of a number."""

    name: str
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class BotFacts:
    """A bot as Poe's list describes it. None: the list does not say.

    ``features`` are such as "tools" and "web_search", ``endpoints`` those of Poe's own API, such as
    "/v1/responses"; ``inputs`` and ``outputs`` are "text", "image" and the like; lengths are in
    tokens.
    """

    name: str
    parameters: Mapping[str, Parameter] | None = None
    features: frozenset[str] | None = None
    endpoints: frozenset[str] | None = None
    inputs: frozenset[str] | None = None
    outputs: frozenset[str] | None = None
    context_length: int | None = None
    max_output_tokens: int | None = None

    @property
    def writes_text(self) -> bool:
        """Also where nobody knows."""
        return self.outputs is None or "text" in self.outputs

    @property
    def calls_tools(self) -> bool:
        """Whether it is known to call tools by its own means."""
        return bool(self.features and "tools" in self.features)

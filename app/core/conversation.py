"""What a client asks, whatever dialect it asked in. Plain values: shapes, no behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of a message's text."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the assistant made. ``arguments`` is JSON text, exactly as it was sent."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered to the call ``call_id``. OpenAI's old ``function`` role has no id."""

    call_id: str
    name: str | None
    text: str
    is_error: bool = False


Part = Text | ToolCall | ToolResult


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. ``name`` tells speakers of one role apart (OpenAI's ``name``)."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """One request for an answer.

    ``model`` is what the client wrote and is told back; ``bot`` is who answers. ``parameters``
    are the bot's own (Poe's custom bot parameters), beyond what the protocol has fields for.
    """

    model: str
    bot: str
    messages: tuple[Message, ...]
    temperature: float | None = None
    logit_bias: Mapping[str, float] | None = None
    stop: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)

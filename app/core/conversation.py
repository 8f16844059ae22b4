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
class Media:
    """A file of the client's: either ``url`` (https, or http in one's own network) or ``data``.

    ``file_id`` names a file that was uploaded before: a dialect gives nothing else of it, and once
    it is looked up ``url`` is where Poe has it as an attachment.

    ``param`` is where it stood in the request, such as ``messages[0].content[1].image_url``, for
    errors that come up after parsing.
    """

    content_type: str
    name: str
    param: str
    url: str | None = None
    data: bytes | None = field(default=None, repr=False)
    file_id: str | None = None


@dataclass(frozen=True, slots=True)
class Reasoning:
    """What the assistant thought in an earlier turn. Clients send it back; no bot reads it."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the assistant made.

    ``arguments`` is JSON text, or for a custom tool the free text that it was given. OpenAI's old
    ``function_call`` has no id: it is "".
    """

    id: str
    name: str
    arguments: str
    custom: bool = False


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered to the call ``call_id``; ``name`` where the dialect tells it."""

    call_id: str
    parts: tuple[Text | Media, ...]
    name: str | None = None
    is_error: bool = False


Part = Text | Media | Reasoning | ToolCall | ToolResult


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. ``name`` tells speakers of one role apart (OpenAI's ``name``)."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool that the bot may call. ``parameters`` is a JSON schema of an object.

    A ``custom`` tool takes free text instead (OpenAI's ``type: custom``); its ``parameters`` are
    empty, and ``grammar`` says in words or notation what the text must look like.
    """

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    custom: bool = False
    grammar: str | None = None


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """``required``: the answer must call a tool. ``names``: only these may be called, None any."""

    mode: Literal["auto", "none", "required"] = "auto"
    names: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """The answer must be JSON; of this ``schema`` where one is given.

    ``strict``: an answer that breaks the schema must not be given at all. ``param``: where the
    schema stood in the request.
    """

    schema: Mapping[str, Any] | None = None
    strict: bool = False
    param: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Query:
    """One request for an answer.

    ``model`` is what the client wrote and is told back; ``bot`` is who answers. ``parameters``
    are the bot's own (Poe's custom bot parameters), beyond what the protocol has fields for.
    """

    model: str
    bot: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    parallel_tool_calls: bool = True
    output_format: OutputFormat | None = None
    temperature: float | None = None
    logit_bias: Mapping[str, float] | None = None
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def offered_tools(self) -> tuple[ToolSpec, ...]:
        """The tools that this answer may call."""
        choice = self.tool_choice
        if choice.mode == "none":
            return ()
        return tuple(
            tool for tool in self.tools if choice.names is None or tool.name in choice.names
        )

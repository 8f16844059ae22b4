"""A client's request, independent of the dialect: plain values without behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Text:
    """A part of a message's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Media:
    """A file of the client: either ``url`` (https, or http in one's own network) or ``data``.

    ``file_id`` is the id of a file that was uploaded before. A dialect sets only that; once it is
    looked up, ``url`` is the attachment at Poe.

    ``detail`` is OpenAI's wish for a picture, ``low`` or ``high``: it only changes what is counted.

    ``param`` is its place in the request, such as ``messages[0].content[1].image_url``, for errors
    that occur after parsing.
    """

    content_type: str
    name: str
    param: str
    url: str | None = None
    data: bytes | None = field(default=None, repr=False)
    file_id: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Reasoning:
    """The assistant's reasoning in an earlier turn. Clients send it back; bots do not get it."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the assistant made.

    ``arguments`` is JSON text, or the free text of a custom tool. OpenAI's legacy
    ``function_call`` has no id: it is "".
    """

    id: str
    name: str
    arguments: str
    custom: bool = False


@dataclass(frozen=True, slots=True)
class ToolResult:
    """A tool's result for the call ``call_id``; ``name`` where the dialect has it."""

    call_id: str
    parts: tuple[Text | Media, ...]
    name: str | None = None
    is_error: bool = False


Part = Text | Media | Reasoning | ToolCall | ToolResult


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. ``name`` distinguishes speakers of one role (OpenAI's ``name``)."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool that the bot may call. ``parameters`` is a JSON schema of an object.

    A ``custom`` tool takes free text instead (OpenAI's ``type: custom``). Its ``parameters`` are
    empty, and ``grammar`` describes the text.
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

    ``model`` is the name that the client sent and that the answer repeats; ``bot`` is the bot that
    is asked. ``web_search``: the client wants its vendor to search the web. ``fallbacks``: the
    models that may answer instead, in their order. ``parameters`` are the bot's own (Poe's custom
    bot parameters), for which the protocol has no fields.
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
    web_search: bool = False
    fallbacks: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def offered_tools(self) -> tuple[ToolSpec, ...]:
        """The tools that this answer may call."""
        choice = self.tool_choice
        if choice.mode == "none":
            return ()
        return tuple(
            tool for tool in self.tools if choice.names is None or tool.name in choice.names
        )

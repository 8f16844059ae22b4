"""Reads a request of OpenAI's Responses, loaded by ResponsesSchema, into a Query."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from app.core.conversation import Message, Query, Text
from app.core.openai_parts import read_format
from app.dialects.responses.items import Item, messages_of, settle_items
from app.dialects.responses.schemas import ResponsesSchema
from app.dialects.responses.tools import Toolbox, open_toolbox, tool_choice
from app.errors import InvalidRequest, NotFound
from app.schemas.parameters import bot_parameters

_PARAMETERS = ("top_p", "max_output_tokens")
PREVIOUS = "previous_response_id"


class Memory(Protocol):
    """The earlier responses of this client that are kept."""

    def items_until(self, response_id: str) -> list[Item] | None:
        """The conversation up to and including that response, or None if it is unknown."""

    def item(self, item_id: str) -> Item | None: ...


class NothingKept:
    """The memory of a client without kept responses."""

    def items_until(self, response_id: str) -> None:
        return None

    def item(self, item_id: str) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Turn:
    """The new items of a request, and the ``history`` before them."""

    history: Sequence[Item]
    items: Sequence[Item]
    toolbox: Toolbox

    @property
    def conversation(self) -> list[Item]:
        return [*self.history, *self.items]


def begin_turn(payload: Mapping[str, Any], response_id: str, memory: Memory) -> Turn:
    """Raises NotFound if the previous response is not kept, InvalidRequest without any input."""
    history = _history(payload[PREVIOUS], memory)
    items = settle_items(payload["input"] or (), response_id, len(history), memory.item)
    if not items and not history:
        raise InvalidRequest("input: There is nothing to answer.", param="input")
    # For newer models, Codex sends tools in an item of the input instead of in ``tools``.
    announced = [tool for item in [*history, *items] for tool in _tools_in(item)]
    return Turn(history, items, open_toolbox([*announced, *(payload["tools"] or ())]))


def _history(previous: str | None, memory: Memory) -> list[Item]:
    if previous is None:
        return []
    history = memory.items_until(previous)
    if history is None:
        raise NotFound(
            f"Previous response with id {previous!r} not found.",
            param=PREVIOUS,
            code="previous_response_not_found",
        )
    return history


def _tools_in(item: Item) -> list[dict[str, Any]]:
    return item["tools"] if item["type"] == "additional_tools" else []


def parse(payload: dict[str, Any], turn: Turn, bot_named: Callable[[str], str]) -> Query:
    """``bot_named`` resolves aliases. Raises InvalidRequest for what schemas cannot check."""
    output = (payload["text"] or {}).get("format")
    return Query(
        model=payload["model"],
        bot=bot_named(payload["model"]),
        messages=_messages(payload["instructions"], turn),
        tools=tuple(turn.toolbox.specs.values()),
        tool_choice=tool_choice(payload["tool_choice"], turn.toolbox),
        parallel_tool_calls=payload["parallel_tool_calls"] is not False,
        output_format=read_format(output, "text.format"),
        temperature=payload["temperature"],
        max_tokens=payload["max_output_tokens"],
        fallbacks=tuple(payload["models"] or ()),
        web_search=turn.toolbox.web_search,
        parameters=_parameters(payload),
    )


def _messages(instructions: str | None, turn: Turn) -> tuple[Message, ...]:
    """Instructions apply to this answer only: those of earlier responses are not in the items."""
    said = messages_of(
        [
            *((item, PREVIOUS) for item in turn.history),
            *((item, f"input[{index}]") for index, item in enumerate(turn.items)),
        ]
    )
    if not said:
        raise InvalidRequest("input: There is nothing to answer.", param="input")
    return (Message("system", (Text(instructions),)), *said) if instructions else said


def _parameters(payload: dict[str, Any]) -> dict[str, Any]:
    """``reasoning.effort`` gets its name of Chat Completions, which Poe uses."""
    parameters = bot_parameters(payload, ResponsesSchema, _PARAMETERS)
    effort = (payload["reasoning"] or {}).get("effort")
    return {"reasoning_effort": effort, **parameters} if effort else parameters

"""Reads a request of Anthropic's Messages, loaded by MessagesSchema, into a Query."""

from collections.abc import Callable, Iterator
from typing import Any

from app.core.conversation import Message, OutputFormat, Query
from app.core.turns import in_turns
from app.dialects.messages.blocks import read_system, read_turns
from app.dialects.messages.schemas import MessagesSchema
from app.dialects.messages.tools import read_tool_choice, read_tools, server_tool_names
from app.errors import InvalidRequest
from app.schemas.parameters import bot_parameters

_PARAMETERS = ("top_p", "top_k", "max_tokens")
_UNTHREADED = {"error_code": "thread_unsupported_request", "unsupported": ["message_threads"]}


def refuse_thread(payload: Any) -> Any:
    """The payload, unless it asks the server to remember the conversation.

    The tool runners of the newest SDKs ask for that and then send only new messages. At this error
    they send the whole conversation; any other error ends them. So it is checked first.
    """
    if isinstance(payload, dict) and payload.get("thread") is not None:
        message = "thread: Message threads are not kept here. Send the whole conversation."
        raise InvalidRequest(message, param="thread", metadata={"details": _UNTHREADED})
    return payload


def parse(payload: dict[str, Any], bot_named: Callable[[str], str]) -> Query:
    """``bot_named`` resolves aliases. Raises InvalidRequest for what schemas cannot check."""
    conversation = tuple(_conversation(payload))
    if not conversation:
        raise InvalidRequest("messages: There is nothing to answer.", param="messages")
    tools = read_tools(payload)
    choice = payload["tool_choice"]
    return Query(
        model=payload["model"],
        bot=bot_named(payload["model"]),
        messages=conversation,
        tools=tools,
        tool_choice=read_tool_choice(choice, tools, server_tool_names(payload)),
        parallel_tool_calls=not (choice and choice[1]["disable_parallel_tool_use"]),
        output_format=_output_format(payload),
        temperature=payload["temperature"],
        stop=tuple(payload["stop_sequences"] or ()),
        max_tokens=payload["max_tokens"],
        fallbacks=tuple(other["model"] for other in payload["fallbacks"] or ()),
        web_search=any(kind.startswith("web_search") for kind, _ in payload["tools"] or ()),
        parameters=_parameters(payload),
    )


def _conversation(payload: dict[str, Any]) -> Iterator[Message]:
    yield from read_system(payload["system"])
    for index, message in enumerate(in_turns(payload["messages"])):
        yield from read_turns(message, f"messages[{index}]")


def _output_format(payload: dict[str, Any]) -> OutputFormat | None:
    """``output_config.format``, or ``output_format``, its name in betas.

    Always strict: Anthropic guarantees that answers match the schema.
    """
    form, param = (payload["output_config"] or {}).get("format"), "output_config.format.schema"
    if form is None:
        form, param = payload["output_format"], "output_format.schema"
    if form is None:
        return None
    return OutputFormat(form["schema"], strict=True, param=param)


def _parameters(payload: dict[str, Any]) -> dict[str, Any]:
    """The bot's own parameters. Those that the client set have priority over derived ones."""
    thinking = payload["thinking"] or {}
    enabled = thinking.get("type") == "enabled"
    derived = {
        "thinking_budget": thinking.get("budget_tokens") if enabled else None,
        "reasoning_effort": _effort(payload),
    }
    given = {name: value for name, value in derived.items() if value is not None}
    return given | bot_parameters(payload, MessagesSchema, _PARAMETERS)


def _effort(payload: dict[str, Any]) -> str | None:
    """The effort of the request, or that of the last system turn that sets one."""
    configs = [payload["output_config"], *(turn["output_config"] for turn in payload["messages"])]
    efforts = [config["effort"] for config in configs if config and config["effort"]]
    return efforts[-1] if efforts else None

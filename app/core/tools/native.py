"""Tool calling by the bot's own means: Poe's ``tools`` and ``tool_calls``."""

from collections.abc import Iterator
from dataclasses import replace

from app.core.conversation import Query, ToolSpec
from app.core.events import Batch, Batches, Cut, Event, Finished, ToolCallDelta
from app.core.stages.order_calls import order_calls
from app.core.tools.history import has_tool_history, written_history
from app.core.tools.notations.calls import (
    INPUT_SCHEMA,
    CallParser,
    RawCall,
    Unreadable,
)
from app.core.tools.notations.offered import OfferedTools


class NativeAdapter:
    """For bots that call tools themselves. Has no state, like every adapter.

    Poe takes no tool history and no custom tools: the history is text as the prompted adapter
    writes it, a custom tool is a function of one string.
    """

    def prepare(self, query: Query) -> Query:
        """The query with the tools that may be called."""
        tools = tuple(map(_as_function, query.offered_tools()))
        messages = query.messages
        if has_tool_history(query):
            messages = written_history(messages)
        if messages is query.messages and tools == query.tools:
            return query
        return replace(query, messages=messages, tools=tools)

    def parse(self, batches: Batches, query: Query) -> Iterator[Batch]:
        """The calls that the bot made: in order, with ids, and custom ones whole with their text.

        Poe cannot be told to make one call only: with parallel_tool_calls off, the second one
        ends the answer. Where no tools are offered, calls are dropped.
        """
        calling = _Calling(query)
        for batch in order_calls(batches):
            out: Batch = []
            for event in batch:
                out += calling.step(event)
                if calling.over:
                    break
            yield out
            if calling.over:
                return
        if rest := calling.close():
            yield rest


class _Calling:
    """The calls of one answer, by their index."""

    def __init__(self, query: Query) -> None:
        self.over = False
        self._tools = query.offered_tools()
        self._custom = {tool.name for tool in self._tools if tool.custom}
        self._parallel = query.parallel_tool_calls
        self._begun: dict[int, ToolCallDelta] = {}
        self._inputs: dict[int, list[str]] = {}

    def step(self, event: Event) -> Batch:
        match event:
            case ToolCallDelta():
                return self._delta(event) if self._tools else []
            case Cut() | Finished():
                return [*self.close(), event]
        return [event]

    def close(self) -> Batch:
        """The custom call under way, which is whole where another begins and at the end."""
        inputs, self._inputs = self._inputs, {}
        return [self._custom_call(index, "".join(pieces)) for index, pieces in inputs.items()]

    def _delta(self, delta: ToolCallDelta) -> Batch:
        out: Batch = []
        if delta.index not in self._begun:
            out = self.close()
            if self._begun and not self._parallel:
                self.over = True
                return [*out, Cut("tool_calls")]
            self._begun[delta.index] = delta
            if delta.name in self._custom:
                self._inputs[delta.index] = []
        if delta.index not in self._inputs:
            return [*out, delta]
        self._inputs[delta.index].append(delta.arguments)
        return out

    def _custom_call(self, index: int, arguments: str) -> ToolCallDelta:
        begun = self._begun[index]
        try:
            [call] = CallParser(OfferedTools(self._tools)).calls([RawCall(begun.name, arguments)])
            arguments = call.arguments
        except Unreadable:
            pass  # better all that the bot wrote than nothing
        return replace(begun, arguments=arguments, custom=True)


def _as_function(tool: ToolSpec) -> ToolSpec:
    """A custom tool as a function of one string, its grammar in the description."""
    if not tool.custom:
        return tool
    notes = (tool.description, tool.grammar and f"The grammar of `input`:\n{tool.grammar}")
    return ToolSpec(tool.name, "\n\n".join(filter(None, notes)), INPUT_SCHEMA)

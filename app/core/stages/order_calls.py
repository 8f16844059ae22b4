"""Tool calls of a reply that was restated: each call once."""

import secrets
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from app.core.events import Batch, Batches, Cut, Event, Finished, Restated, ToolCallDelta
from app.core.json_scan import JsonScan


def order_calls(batches: Batches) -> Iterator[Batch]:
    """The deltas of native calls, one call after another, each with an id of its own.

    Bots send deltas of several calls in turns (0, 1, 0, 1), repeat the id and name in each delta,
    give two calls the same index or id, or write on between two deltas of a call. Anthropic's
    Messages and OpenAI's Responses have one block or item under way at a time: so what belongs
    behind an open call waits until its arguments are whole, or until the end.
    """
    calls = _OpenCalls()
    for batch in batches:
        out: Batch = []
        for event in batch:
            out += calls.step(event)
        yield out
    if rest := calls.close():
        yield rest


@dataclass(slots=True)
class _OpenCall:
    """A call under way. ``key``: its id as the bot sent it; ``waiting``: its deltas that wait."""

    index: int
    key: str | None
    scan: JsonScan = field(default_factory=JsonScan)
    unread: str = ""  # of the arguments: half an escape
    waiting: list[ToolCallDelta] = field(default_factory=list)

    def add(self, delta: ToolCallDelta) -> Batch:
        """The delta, if it adds to arguments that were not whole."""
        if self.scan.whole:
            return []
        text = self.unread + delta.arguments
        self.unread = text[self.scan.advance(text, 0) :]
        return [delta]

    def add_waiting(self) -> Batch:
        """All that waits, as one delta."""
        arguments = "".join(delta.arguments for delta in self.waiting)
        return self.add(replace(self.waiting[0], arguments=arguments))


class _OpenCalls:
    """The calls of one answer, and what waits until the current one is whole: other events, and
    calls in the order in which they began."""

    def __init__(self) -> None:
        self._by_index: dict[int, _OpenCall] = {}
        self._ids: set[str] = set()
        self._count = 0
        self._current: _OpenCall | None = None
        self._waiting: deque[_OpenCall | Event] = deque()

    def step(self, event: Event) -> Batch:
        match event:
            case ToolCallDelta():
                return self._delta(*self._assigned(event))
            case Cut() | Finished():
                return [*self.close(), event]
        if self._current is None:
            return [event]
        self._waiting.append(event)
        return []

    def close(self) -> Batch:
        """At the end: all that waits, call by call."""
        out: Batch = []
        self._current = None
        while self._waiting:
            out += self._release()
            self._current = None
        return out

    def _assigned(self, delta: ToolCallDelta) -> tuple[_OpenCall, ToolCallDelta]:
        """The call to which the delta belongs; only its first one keeps id and name."""
        call = self._by_index.get(delta.index)
        if call is not None and not _begins_another(call, delta):
            return call, replace(delta, index=call.index, id=None, name=None)
        call = _OpenCall(self._count, delta.id)
        self._by_index[delta.index] = call
        self._count += 1
        id = delta.id
        if not id or id in self._ids:
            id = f"call_{secrets.token_hex(12)}"
        self._ids.add(id)
        return call, replace(delta, index=call.index, id=id)

    def _delta(self, call: _OpenCall, delta: ToolCallDelta) -> Batch:
        if self._current not in (None, call):
            if not call.waiting:
                self._waiting.append(call)
            call.waiting.append(delta)
            return []
        self._current = call
        out = call.add(delta)
        return out + self._release()

    def _release(self) -> Batch:
        """What waits, up to the next call that is not whole."""
        if self._current is not None and self._current.scan.whole:
            self._current = None
        out: Batch = []
        while self._waiting and self._current is None:
            waiting = self._waiting.popleft()
            if not isinstance(waiting, _OpenCall):
                out.append(waiting)
                continue
            out += waiting.add_waiting()
            self._current = None if waiting.scan.whole else waiting
        return out


def _begins_another(call: _OpenCall, delta: ToolCallDelta) -> bool:
    """Whether a delta of the same index begins another call: it has a name, and another id than
    the call, or no id where the call is whole."""
    if not delta.name:
        return False
    return delta.id != call.key if delta.id else call.scan.whole


def drop_repeated_calls(batches: Batches) -> Iterator[Batch]:
    """Drops calls that a restatement repeats: clients execute each call that they get."""
    made: set[tuple[str | None, str]] = set()
    restated, dropped = False, 0
    for batch in batches:
        out: Batch = []
        for event in batch:
            restated = restated or isinstance(event, Restated)
            if isinstance(event, ToolCallDelta):
                call = (event.name, event.arguments)
                if restated and call in made:
                    dropped += 1
                    continue
                made.add(call)
                event = replace(event, index=event.index - dropped)
            out.append(event)
        yield out

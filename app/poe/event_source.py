"""Server-sent events for fastapi_poe, with adjacent texts that arrived together merged.

The library handles each event in some 10 microseconds, five generators deep. A fast bot's tokens
arrive many at a time, so neighbouring ``text`` events of one read are handed on as one. Put in
the place of ``httpx_sse`` within ``fastapi_poe.client``.
"""

import codecs
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
import orjson
from fastapi_poe import PartialResponse
from httpx_sse import SSEError

from app.poe.session import AnswerStream, AnswerTooLarge

MAX_EVENT_CHARS = 16_000_000


class ServerEvent(NamedTuple):
    """The two attributes of httpx_sse's events that fastapi_poe reads."""

    event: str
    data: str


class EventDecoder:
    """Decodes events from bytes in pieces of any size, by WHATWG HTML section 9.2.6.

    One deviation, which is httpx_sse's too: an event that has a name but no data is an event.
    """

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8-sig")(errors="replace").decode
        self._newlines = _Newlines()
        self._held: list[str] = []
        self._held_chars = 0
        self._tail = ""

    def feed(self, data: bytes) -> list[ServerEvent]:
        """The events that these bytes complete. An event ends with a blank line.

        Raises httpx.ReadError for an event of more than MAX_EVENT_CHARS.
        """
        text = self._newlines.feed(self._decode(data))
        if "\n\n" not in self._tail + text:
            self._hold(text)
            return []
        *blocks, rest = "".join((*self._held, text)).split("\n\n")
        self._held, self._held_chars, self._tail = [], 0, ""
        self._hold(rest)
        return [event for block in blocks if (event := _parse_block(block)) is not None]

    def _hold(self, text: str) -> None:
        """Keeps the beginning of an event. No byte is searched twice."""
        self._held.append(text)
        self._held_chars += len(text)
        self._tail = text[-1:] or self._tail
        if self._held_chars > MAX_EVENT_CHARS:
            raise httpx.ReadError("an event is larger than any bot's answer")


class _Newlines:
    """Converts CR LF and CR to LF, also if a piece ends between the two."""

    def __init__(self) -> None:
        self._after_return = False

    def feed(self, text: str) -> str:
        if self._after_return and text.startswith("\n"):
            text = text[1:]
            self._after_return = False
        if not text:
            return text
        self._after_return = text.endswith("\r")
        return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _parse_block(block: str) -> ServerEvent | None:
    event, _, rest = block.partition("\ndata: ")
    if event[:7] == "event: " and event[7:] and rest and "\n" not in event + rest:
        return ServerEvent(event[7:], rest)  # as Poe writes nearly all of them
    name, data = "", []
    for line in block.split("\n"):
        field, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if field == "data":
            data.append(value)
        elif field == "event":
            name = value
    return ServerEvent(name or "message", "\n".join(data)) if name or data else None


def merge_texts(events: Iterable[ServerEvent]) -> Iterator[ServerEvent]:
    """The same events, with adjacent events that contain only text merged."""
    texts: list[str] = []
    first: ServerEvent | None = None
    for event in events:
        text = _plain_text(event)
        if text is not None:
            texts.append(text)
            first = first or event
            continue
        if first is not None:
            yield _merged(first, texts)
            first = None
        yield event
    if first is not None:
        yield _merged(first, texts)


def _plain_text(event: ServerEvent) -> str | None:
    """The text of a well-formed ``text`` event with no other field; else None."""
    if event.event != "text":
        return None
    try:
        payload = _loads(event.data)
    except ValueError:
        return None
    if not isinstance(payload, dict) or len(payload) != 1:
        return None
    text = payload.get("text")
    return text if isinstance(text, str) else None


def _loads(data: str) -> Any:
    """By orjson, which is much faster but refuses lone surrogates. Bots send these when they split
    a character."""
    try:
        return orjson.loads(data)
    except ValueError:
        return json.loads(data)


def _dumps(data: Any) -> str:
    try:
        return orjson.dumps(data).decode()
    except TypeError:
        return json.dumps(data)


def _merged(first: ServerEvent, texts: list[str]) -> ServerEvent:
    """One event with all the texts; clears the list."""
    event = first
    if len(texts) > 1:
        event = ServerEvent("text", _dumps({"text": "".join(texts)}))
    texts.clear()
    return event


_ANSWERS = frozenset(("text", "replace_response", "file", "suggested_reply", "json"))
"""Events that continue the answer. Others, such as ``meta`` and ``ping``, do not start one."""

SILENCE = ServerEvent("text", '{"text": ""}')
"""A marker among the events for a time without any, which ``is_silence`` recognises."""


def is_silence(partial: PartialResponse) -> bool:
    """Whether the library made this from SILENCE, and not from an empty event of the bot."""
    raw = partial.raw_response
    return not partial.text and isinstance(raw, dict) and raw.get("text") is SILENCE.data


class EventSource:
    """The events of one response."""

    def __init__(self, stream: AnswerStream) -> None:
        self._stream = stream
        self._answer_bytes = 0

    async def aiter_sse(self) -> AsyncIterator[ServerEvent]:
        """After the first event, SILENCE is yielded while there are no events.

        Raises httpx_sse.SSEError where the response is no event stream, httpx.ReadError where it
        ends before ``done``, which the library itself takes for a whole answer, and AnswerTooLarge.
        """
        stream, decoder = self._stream, EventDecoder()
        if not stream.content_type.startswith("text/event-stream"):
            raise SSEError(f"expected an event stream, got {stream.content_type!r}")
        begun = False
        while (data := stream.read(begun=begun)) != b"":
            silent = True
            events = decoder.feed(data) if data else []
            for event in events if len(events) < 2 else merge_texts(events):
                if event.event == "done":
                    stream.read_to_the_end()
                elif event.event in _ANSWERS:
                    silent, begun = False, True
                    self._count(event)
                yield event if event.event != "json" else _normal_chunk(event)
            if silent and begun:
                yield SILENCE
        raise httpx.ReadError("the answer ended without its done event")

    def _count(self, event: ServerEvent) -> None:
        """Raises AnswerTooLarge. What a replacement replaces is not kept."""
        if event.event == "replace_response":
            self._answer_bytes = 0
        self._answer_bytes += len(event.data) * (1 if event.data.isascii() else 3)
        if self._answer_bytes > self._stream.max_answer_bytes:
            raise AnswerTooLarge


def _normal_chunk(event: ServerEvent) -> ServerEvent:
    """A chunk of OpenAI's form, as the library can read it.

    OpenAI-like servers open with ``content: null``, give arguments as objects or not at all, and
    end in the chunk that has a call; the library fails at the former and skips the latter.
    """
    try:
        payload = json.loads(event.data)
        for choice in payload["choices"]:
            delta = choice["delta"]
            if delta.get("content", "") is None:
                del delta["content"]
            if delta.get("tool_calls"):
                choice["finish_reason"] = None
                delta["tool_calls"] = list(map(_normal_call, delta["tool_calls"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return event
    return ServerEvent(event.event, json.dumps(payload))


def _normal_call(call: dict[str, Any]) -> dict[str, Any]:
    """A delta of a call, its arguments a text; ``index`` is 0 where there is none."""
    function = call.get("function") or {}
    arguments = function.get("arguments")
    if not isinstance(arguments, str):
        arguments = "" if arguments is None else json.dumps(arguments)
    call = {key: value for key, value in call.items() if value is not None}
    return {**call, "function": {**function, "arguments": arguments}}


@asynccontextmanager
async def aconnect_sse(
    session: Any, method: str, url: str, *, headers: dict[str, str], json: Any
) -> AsyncIterator[EventSource]:
    """Like httpx_sse's function."""
    headers |= {"Accept": "text/event-stream", "Cache-Control": "no-store"}
    async with session.stream(method, url, headers=headers, json=json) as stream:
        yield EventSource(stream)

"""Composes the bot's client and the stages into one answer."""

from collections.abc import Callable, Iterator

import gevent

from app.auth import Lease
from app.config import Settings
from app.core import replies, tokens
from app.core.conversation import Message, Query, Text, ToolCall, ToolResult
from app.core.events import Batch, Batches
from app.poe.client import PoeClient


class Reply:
    """The batches of one answer, to be iterated once. Closing it closes the connection to the bot.

    ``close`` is safe at any time, also before the first batch and after the last.
    """

    def __init__(self, upstream: Iterator[Batch], batches: Iterator[Batch]) -> None:
        self._upstream = upstream
        self._batches = batches

    def __iter__(self) -> Iterator[Batch]:
        return self._batches

    def close(self) -> None:
        self._upstream.close()  # type: ignore[attr-defined]  # a generator


class Relay:
    """From a query to its answer. One for the worker; safe to share between greenlets."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = PoeClient(settings)
        self._memory = tokens.TokenMemory()

    def answer(self, query: Query, lease: Lease, *, streaming: bool) -> Reply:
        """The reply's events, ending with Finished. Iterating raises ApiError."""
        prompt_tokens = self._count_prompt(query.messages)
        upstream = self._client.ask(query, lease.key)
        batches: Batches = replies.settle_replacements(upstream, streaming=streaming)
        batches = replies.split_reasoning(batches, mode=self._settings.reasoning)
        batches = replies.attach_media(batches)
        batches = replies.count_usage(batches, prompt_tokens=prompt_tokens, count=count_off_hub)
        return Reply(upstream, batches)

    def _count_prompt(self, messages: tuple[Message, ...]) -> Callable[[], int]:
        """Begins to count off the hub while the bot already thinks; the result waits for it."""
        texts = [_text_of(message) for message in messages]
        known, unknown = tokens.framing_tokens(len(texts)), {}
        for text in texts:
            if len(text) <= tokens.SHORT_CHARS:
                known += tokens.count(text)
                continue
            digest = tokens.digest_of(text)
            recalled = self._memory.recall(digest)
            known += recalled or 0
            if recalled is None:
                unknown[digest] = text
        if not unknown:
            return lambda: known
        pool = gevent.get_hub().threadpool
        task = pool.spawn(lambda: [tokens.count(text) for text in unknown.values()])

        def finish() -> int:
            counts: list[int] = task.get()  # type: ignore[assignment]  # None is for time-outs
            for digest, counted in zip(unknown, counts, strict=True):
                self._memory.keep(digest, counted)
            return known + sum(counts)

        return finish


def count_off_hub(text: str) -> int:
    """Tokens of a text; a long one is counted in a native thread, for tiktoken frees the GIL."""
    if len(text) <= tokens.SHORT_CHARS:
        return tokens.count(text)
    counted: int = gevent.get_hub().threadpool.apply(tokens.count, (text,))
    return counted


def _text_of(message: Message) -> str:
    """All that the bot will read of a message, for counting."""
    texts = []
    for part in message.parts:
        match part:
            case Text(text) | ToolResult(text=text):
                texts.append(text)
            case ToolCall(name=name, arguments=arguments):
                texts += [name, arguments]
    return "\n".join(texts)

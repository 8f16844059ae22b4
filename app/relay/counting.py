"""Counts tokens off the gevent hub, so that no other request waits for it."""

from collections.abc import Iterable
from functools import cache

import gevent
from gevent.threadpool import ThreadPool

from app.core import tokens
from app.core.conversation import Media, Message, Part, Reasoning, Text, ToolCall, ToolResult
from app.core.turns import in_turns

COUNTING_THREADS = 2


class Count:
    """Tokens of a prompt; those of long texts are counted in a native thread."""

    def __init__(self, known: int, texts: dict[bytes, str], memory: tokens.TokenMemory) -> None:
        self._known = known
        self._digests = tuple(texts)
        self._memory = memory
        self._task = None
        if texts:
            # In a greenlet, for a pool whose threads are all busy would make the request wait.
            self._task = gevent.spawn(
                _threads().apply, lambda: [tokens.count(text) for text in texts.values()]
            )

    def __call__(self) -> int:
        """All of them: waits for the thread."""
        if self._task is None:
            return self._known
        counts: list[int] = self._task.get()
        for digest, counted in zip(self._digests, counts, strict=True):
            self._memory.keep(digest, counted)
        return self._known + sum(counts)

    def if_ready(self) -> int:
        """All of them, or 0 rather than to wait."""
        return self() if self._task is None or self._task.ready() else 0


@cache
def _threads() -> ThreadPool:
    """Apart from gevent's own pool, in which names of hosts are looked up."""
    return ThreadPool(COUNTING_THREADS)


class PromptCounter:
    """Counts prompts, and remembers the long texts in them by digest."""

    def __init__(self) -> None:
        self._memory = tokens.TokenMemory()

    def begin(self, messages: tuple[Message, ...]) -> Count:
        """Begins to count while the bot already thinks; calling the result waits for it."""
        texts = [_text_of(message.parts) for message in in_turns(messages)]
        known = tokens.framing_tokens(len(texts))
        unknown: dict[bytes, str] = {}
        for text in in_turns(texts):
            if len(text) <= tokens.SHORT_CHARS:
                known += tokens.count(text)
                continue
            digest = tokens.digest_of(text)
            recalled = self._memory.recall(digest)
            known += recalled or 0
            if recalled is None:
                unknown[digest] = text
        return Count(known, unknown, self._memory)


def count_off_hub(text: str) -> int:
    """Tokens of a text; a long one is counted in a native thread, for tiktoken frees the GIL."""
    if len(text) <= tokens.SHORT_CHARS:
        return tokens.count(text)
    counted: int = _threads().apply(tokens.count, (text,))
    return counted


def _text_of(parts: Iterable[Part]) -> str:
    """All that is counted of a message: files are not, and reasoning is not sent."""
    texts = []
    for part in parts:
        match part:
            case Text(text):
                texts.append(text)
            case ToolCall(name=name, arguments=arguments):
                texts += [name, arguments]
            case ToolResult(parts=inner):
                texts.append(_text_of(inner))
            case Media() | Reasoning():
                pass
    return "\n".join(texts)

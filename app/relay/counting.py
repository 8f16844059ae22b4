"""Counts tokens in native threads, so that no other request waits."""

from collections import Counter
from collections.abc import Iterable
from functools import cache

import gevent
from gevent.threadpool import ThreadPool

from app.core import tokens
from app.core.conversation import Media, Message, Part, Reasoning, Text, ToolCall, ToolResult
from app.core.pictures import picture_tokens, size_of
from app.core.turns import in_turns

COUNTING_THREADS = 2


class Count:
    """Tokens of a prompt; those of long texts are counted in a native thread.

    ``repeated``: how often each of these texts is in the prompt.
    """

    def __init__(
        self,
        known: int,
        texts: dict[bytes, str],
        repeated: Counter[bytes],
        memory: tokens.TokenMemory,
    ) -> None:
        self._known = known
        self._repeated = tuple((digest, repeated[digest]) for digest in texts)
        self._memory = memory
        self._task = None
        if texts:
            # In a greenlet, because the request would wait for a pool whose threads are all busy.
            self._task = gevent.spawn(
                _threads().apply, lambda: [tokens.count(text) for text in texts.values()]
            )

    def __call__(self) -> int:
        """The number of tokens; waits for the thread."""
        if self._task is None:
            return self._known
        counts: list[int] = self._task.get()
        total = self._known
        for (digest, times), counted in zip(self._repeated, counts, strict=True):
            self._memory.keep(digest, counted)
            total += times * counted
        return total

    def if_ready(self) -> int:
        """The number of tokens, or 0 if it is not known yet."""
        return self() if self._task is None or self._task.ready() else 0


@cache
def _threads() -> ThreadPool:
    """Not gevent's default pool, which resolves host names."""
    return ThreadPool(COUNTING_THREADS)


class PromptCounter:
    """Counts prompts, and remembers the counts of long texts by digest."""

    def __init__(self) -> None:
        self._memory = tokens.TokenMemory()

    def begin(self, messages: tuple[Message, ...]) -> Count:
        """Starts to count while the bot is asked; calling the result waits for the count."""
        texts = [_text_of(message.parts) for message in in_turns(messages)]
        known = tokens.framing_tokens(len(texts))
        unknown: dict[bytes, str] = {}
        known += sum(map(_picture_tokens, in_turns(messages)))
        repeated: Counter[bytes] = Counter()
        for text in in_turns(texts):
            if len(text) <= tokens.SHORT_CHARS:
                known += tokens.count(text)
                continue
            digest = tokens.digest_of(text)
            recalled = self._memory.recall(digest)
            known += recalled or 0
            if recalled is None:
                unknown[digest] = text
                repeated[digest] += 1
        return Count(known, unknown, repeated, self._memory)


def count_off_hub(text: str) -> int:
    """Tokens of a text. A long one is counted in a native thread: tiktoken releases the GIL."""
    if len(text) <= tokens.SHORT_CHARS:
        return tokens.count(text)
    counted: int = _threads().apply(tokens.count, (text,))
    return counted


def _text_of(parts: Iterable[Part]) -> str:
    """The text that is counted of a message; reasoning is not sent."""
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


def _picture_tokens(message: Message) -> int:
    """Of the pictures in a message, those in the results of tools too. Other files count nothing:
    no vendor says how."""
    inner = [part.parts for part in message.parts if isinstance(part, ToolResult)]
    parts = [*message.parts, *(part for parts in inner for part in parts)]
    return sum(
        picture_tokens(size_of(part.data) if part.data else None, part.detail)
        for part in parts
        if isinstance(part, Media) and part.content_type.startswith("image/")
    )

"""The bytes of the benchmark: prompts, request bodies, and what a whole stream must say."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

MESSAGES_IN_LONG_PROMPT = 60
CREDENTIAL = "Bearer bench"
TURN = "@turn@"  # wrk.lua puts a text here that no request had before


def token(number: int) -> str:
    """The upstream's token of that number, told apart so that order and loss can be seen."""
    return f"t{number} "


def answer(tokens: int) -> str:
    """What the first `tokens` tokens say together."""
    return "".join(map(token, range(tokens)))


def prose(characters: int, words: random.Random) -> str:
    """About so many characters of made-up words of 2 to 11 letters."""
    text: list[str] = []
    length = 0
    while length < characters:
        word = "".join(words.choices("etaoinshrdlucmfw", k=words.randint(2, 11)))
        text.append(word)
        length += len(word) + 1
    return " ".join(text)


def conversation(kilobytes: int, new_messages: int) -> list[dict[str, str]]:
    """A system prompt, then turns that end with the user's, of about that size in all.

    The last `new_messages` differ from request to request; those before are history.
    """
    if not kilobytes:
        return [{"role": "user", "content": f"Say a hundred tokens. {TURN}"}]
    words = random.Random(kilobytes)
    share = kilobytes * 1000 // MESSAGES_IN_LONG_PROMPT
    roles = ["system"] + ["user", "assistant"] * (MESSAGES_IN_LONG_PROMPT // 2 - 1) + ["user"]
    texts = [prose(share, words) for _ in roles]
    history = MESSAGES_IN_LONG_PROMPT - new_messages
    texts[history:] = [f"{TURN} {text}" for text in texts[history:]]
    return [{"role": role, "content": text} for role, text in zip(roles, texts, strict=True)]


def data_lines(stream: bytes) -> Iterator[str]:
    """The payload of each SSE `data` line; comments and event names are passed over."""
    for line in stream.decode().splitlines():
        if line.startswith("data:"):
            yield line[5:].strip()


def chat_body(bot: str, messages: list[dict[str, str]]) -> dict[str, Any]:
    """A Chat Completions request."""
    return {"model": bot, "messages": messages, "stream": True}


def chat_text(stream: bytes) -> str:
    """The content of a Chat Completions stream."""
    text = ""
    for data in data_lines(stream):
        if data != "[DONE]":
            choices = json.loads(data).get("choices") or [{}]
            text += choices[0].get("delta", {}).get("content") or ""
    return text


def poe_body(bot: str, messages: list[dict[str, str]]) -> dict[str, Any]:
    """A query of the Poe protocol, for asking the upstream itself."""
    return {"version": "1.2", "type": "query", "query": messages, "bot": bot}


def poe_text(stream: bytes) -> str:
    """The text of a Poe protocol stream."""
    return "".join(json.loads(data).get("text", "") for data in data_lines(stream))


@dataclass(frozen=True)
class Dialect:
    """A wire format: where it is asked, how, and how its streams are read."""

    path: str  # `{bot}` stands for the bot's name
    ending: str  # the last line of a whole stream
    body: Callable[[str, list[dict[str, str]]], dict[str, Any]]
    text: Callable[[bytes], str]


def messages_body(bot: str, messages: list[dict[str, str]]) -> dict[str, Any]:
    """An Anthropic Messages request."""
    return {"model": bot, "max_tokens": 4096, "messages": messages, "stream": True}


def messages_text(stream: bytes) -> str:
    """The text of an Anthropic Messages stream."""
    events = map(json.loads, data_lines(stream))
    return "".join(event.get("delta", {}).get("text", "") for event in events)


def responses_body(bot: str, messages: list[dict[str, str]]) -> dict[str, Any]:
    """A Responses request; nothing of it is kept, as agents ask."""
    return {"model": bot, "input": messages, "stream": True, "store": False}


def responses_text(stream: bytes) -> str:
    """The text of a Responses stream."""
    events = map(json.loads, data_lines(stream))
    deltas = (event for event in events if event["type"] == "response.output_text.delta")
    return "".join(event["delta"] for event in deltas)


def tool(number: int) -> dict[str, Any]:
    """A tool as agents offer them, with a description and three parameters."""
    names = ("path", "text", "limit")
    properties = {name: {"type": "string", "description": f"The {name}."} for name in names}
    function = {
        "name": f"tool_{number}",
        "description": f"Does the thing of number {number} to a file, and says what came of it.",
        "parameters": {"type": "object", "properties": properties, "required": ["path"]},
    }
    return {"type": "function", "function": function}


CHAT = Dialect("/v1/chat/completions", "data: [DONE]", chat_body, chat_text)
MESSAGES = Dialect("/v1/messages", 'data: {"type":"message_stop"}', messages_body, messages_text)
RESPONSES = Dialect("/v1/responses", "}}}", responses_body, responses_text)
POE = Dialect("/bot/{bot}", "data: {}", poe_body, poe_text)


@dataclass(frozen=True)
class Ask:
    """One request, and the number of tokens that its answer must hold."""

    bot: str
    tokens: int
    dialect: Dialect = CHAT
    prompt_kilobytes: int = 0  # 0: one short message
    new_messages: int = 2  # of a long prompt, those that the last request did not have
    extra: dict[str, Any] = field(default_factory=dict)  # more fields of the body, such as tools

    @property
    def path(self) -> str:
        """The URL's path."""
        return self.dialect.path.format(bot=self.bot)

    def body(self) -> bytes:
        """The request's JSON."""
        messages = conversation(self.prompt_kilobytes, self.new_messages)
        return json.dumps(self.dialect.body(self.bot, messages) | self.extra).encode()

    def fault(self, stream: bytes) -> str:
        """Why that stream is not the whole right answer; empty when it is."""
        if not stream.decode().rstrip().endswith(self.dialect.ending):
            return f"the stream ends in {stream[-80:]!r}"
        text = self.dialect.text(stream)
        if text.strip() != answer(self.tokens).strip():
            return f"the answer has {len(text.split())} of {self.tokens} tokens: {text[:80]!r}"
        return ""

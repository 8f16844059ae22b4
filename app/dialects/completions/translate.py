"""OpenAI's legacy Completions: the prompt becomes one user message; the answer is plain text.

The wire format is that of the ``openai`` SDK's Completion, streamed as the same object.
"""

from collections.abc import Callable, Iterator
from typing import Any

from app.core.conversation import Message, Query, Text
from app.core.events import Answer, ChoiceEvent, Event, Finished, FinishReason, TextDelta, Usage
from app.dialects.chat.response import ChunkStream, Envelope, render_usage
from app.dialects.completions.schemas import MAX_CHOICES, CompletionSchema
from app.errors import InvalidRequest
from app.schemas.parameters import bot_parameters

_KIND = "text_completion"


def parse(payload: dict[str, Any], bot_named: Callable[[str], str]) -> list[Query]:
    """A query for each choice: ``n`` of the first prompt, then of the next."""
    choices = len(payload["prompt"]) * (payload["n"] or 1)
    if choices > MAX_CHOICES:
        message = f"n: At most {MAX_CHOICES} choices in all, over all prompts."
        raise InvalidRequest(message, param="n")
    return [
        _query(prompt, payload, bot_named)
        for prompt in payload["prompt"]
        for _ in range(payload["n"] or 1)
    ]


def _query(prompt: str, payload: dict[str, Any], bot_named: Callable[[str], str]) -> Query:
    return Query(
        model=payload["model"],
        bot=bot_named(payload["model"]),
        messages=tuple(_messages(prompt, payload["suffix"])),
        temperature=payload["temperature"],
        logit_bias=payload["logit_bias"],
        stop=tuple(filter(None, payload["stop"] or ())),
        max_tokens=payload["max_tokens"],
        parameters=bot_parameters(payload, CompletionSchema, ("top_p", "max_tokens")),
    )


def _messages(prompt: str, suffix: str | None) -> Iterator[Message]:
    """Poe's bots answer chats, so inserting text before a suffix needs an instruction."""
    if suffix:
        task = "Write only the text that belongs between the two texts, and nothing else."
        yield Message("system", (Text(task),))
        prompt = f"<before>{prompt}</before>\n<after>{suffix}</after>"
    yield Message("user", (Text(prompt),))


def echoed_prompts(payload: dict[str, Any]) -> list[str]:
    """The beginning of each choice's text: its prompt if ``echo`` is set."""
    repeat = payload["n"] or 1
    return [
        prompt if payload["echo"] else "" for prompt in payload["prompt"] for _ in range(repeat)
    ]


def render(answers: list[Answer], envelope: Envelope, echoes: list[str]) -> dict[str, Any]:
    """The whole answers as a Completion."""
    usage = sum((answer.finished.usage for answer in answers), Usage(0, 0))
    choices = [
        _choice(echo + answer.text, index, answer.finished.reason)
        for index, (answer, echo) in enumerate(zip(answers, echoes, strict=True))
    ]
    return {**envelope.as_dict(_KIND), "choices": choices, "usage": render_usage(usage)}


def _choice(text: str, index: int, reason: FinishReason | None = None) -> dict[str, Any]:
    return {"text": text, "index": index, "logprobs": None, "finish_reason": reason}


class Encoder(ChunkStream):
    """Events to SSE frames of text_completion."""

    def __init__(self, envelope: Envelope, *, include_usage: bool, echoes: list[str]) -> None:
        super().__init__(envelope, _KIND, include_usage=include_usage)
        self._echoes = echoes
        self.keepalive = self._frame(_choice("", 0))

    def start(self) -> bytes:
        echoes = [_choice(echo, index) for index, echo in enumerate(self._echoes) if echo]
        return b"".join(map(self._frame, echoes))

    def step(self, event: Event) -> bytes:
        match event:
            case ChoiceEvent(index, TextDelta(text)):
                return self._frame(_choice(text, index))
            case ChoiceEvent(index, Finished(reason=reason)):
                return self._frame(_choice("", index, reason))
            case TextDelta(text):
                return self._frame(_choice(text, 0))
            case Finished():
                single = len(self._echoes) == 1
                last = self._frame(_choice("", 0, event.reason)) if single else b""
                return last + self._end(event.usage)
        return b""

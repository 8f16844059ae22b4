"""OpenAI's Transcriptions and Translations: one message with the instruction and the file.

The wire format is that of the ``openai`` SDK's types of the same names.
"""

from collections.abc import Callable, Iterator
from typing import Any, Literal

from app.core.conversation import Message, Query, Text
from app.core.events import Answer, Event, Finished, TextDelta, Usage
from app.core.frames import data_frame
from app.dialects.audio.schemas import TranscriptionSchema
from app.dialects.audio.speech import render_usage
from app.http.openai_stream import OpenAIStream
from app.schemas.parameters import bot_parameters

Task = Literal["transcribe", "translate"]

_ORDERS: dict[Task, str] = {
    "transcribe": "Transcribe this recording word for word, in the language that is spoken.",
    "translate": "Translate what is said in this recording into English.",
}
_ALONE = "Answer with that text alone: no comment, no heading, no times, no quotation marks."

_PARAMETERS = ("language", "prompt")
"""Passed to the bot as parameters, for speech bots, and in the prompt, for chat bots."""


def parse(payload: dict[str, Any], task: Task, bot_named: Callable[[str], str]) -> Query:
    text = Text("\n".join((_ORDERS[task], _ALONE, *_hints(payload))))
    return Query(
        model=payload["model"],
        bot=bot_named(payload["model"]),
        messages=(Message("user", (text, payload["file"])),),
        temperature=payload["temperature"],
        parameters=bot_parameters(payload, TranscriptionSchema, _PARAMETERS),
    )


def _hints(payload: dict[str, Any]) -> Iterator[str]:
    if payload["language"]:
        yield f"The language that is spoken: {payload['language']}"
    if payload["languages"]:
        yield f"Languages that may be spoken: {', '.join(payload['languages'])}"
    if payload["keywords"]:
        yield f"Words that may be said: {', '.join(payload['keywords'])}"
    if payload["prompt"]:
        yield f"What came before, or how to write; no part of your answer: {payload['prompt']}"


def render(answer: Answer) -> dict[str, Any]:
    return {"text": text_of(answer), "usage": _usage(answer.finished.usage)}


def render_verbose(answer: Answer, payload: dict[str, Any], task: Task, seconds: float) -> Any:
    """``seconds``: the length of the recording; 0.0 if it is not known."""
    text = text_of(answer)
    known = bool(text) and seconds > 0
    return {
        "task": task,
        "language": "english" if task == "translate" else payload["language"] or "",
        "duration": seconds,
        "text": text,
        "segments": [_whole_as_segment(text, payload, seconds)] if known else [],
        "usage": {"type": "duration", "seconds": seconds},
    }


def _whole_as_segment(text: str, payload: dict[str, Any], seconds: float) -> dict[str, Any]:
    """One segment for the whole recording, because bots report no times.

    The zeros are fields that OpenAI's clients require and bots do not report.
    """
    return {
        "id": 0,
        "seek": 0,
        "start": 0.0,
        "end": seconds,
        "text": text,
        "tokens": [],
        "temperature": payload["temperature"] or 0.0,
        "avg_logprob": 0.0,
        "compression_ratio": 0.0,
        "no_speech_prob": 0.0,
    }


def text_of(answer: Answer) -> str:
    return answer.text.strip()


def _usage(usage: Usage) -> dict[str, Any]:
    return {"type": "tokens", **render_usage(usage)}


class Encoder(OpenAIStream):
    """Events to SSE frames. The deltas join to exactly the text of the last event."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._blanks = ""

    def step(self, event: Event) -> bytes:
        match event:
            case TextDelta(text):
                return self._text(text)
            case Finished(usage=usage):
                text = "".join(self._pieces)
                done = {"type": "transcript.text.done", "text": text, "usage": _usage(usage)}
                return data_frame(done)
        return b""

    def _text(self, text: str) -> bytes:
        """Holds blanks back until text follows, so that a transcript does not begin or end with
        them."""
        text = self._blanks + text if self._pieces else text.lstrip()
        delta = text.rstrip()
        self._blanks = text[len(delta) :]
        if not delta:
            return b""
        self._pieces.append(delta)
        return data_frame({"type": "transcript.text.delta", "delta": delta})

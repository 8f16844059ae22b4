"""OpenAI's Speech: the text becomes one user message; the answer is the bot's file."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from app.core.conversation import Message, Query, Text
from app.core.events import Batch, Batches, Event, Finished, MediaReply, Usage
from app.core.frames import data_frame
from app.core.stages.extract_files import first_wanted
from app.dialects.audio.schemas import SpeechSchema
from app.http.openai_stream import OpenAIStream
from app.schemas.parameters import bot_parameters

WANTED = ("audio/", "video/")
"""Prefixes of the content types of speech: sounds, or videos if there is no sound."""

_PARAMETERS = ("voice", "instructions", "speed", "response_format")


def parse(payload: dict[str, Any], bot_named: Callable[[str], str]) -> Query:
    return Query(
        model=payload["model"],
        bot=bot_named(payload["model"]),
        messages=(Message("user", (Text(payload["input"]),)),),
        parameters=bot_parameters(payload, SpeechSchema, _PARAMETERS),
    )


def play(batches: Batches, open_file: Callable[[MediaReply], Iterable[bytes]]) -> Iterator[Batch]:
    """The chosen file in pieces, each a MediaReply with a data URL; then Finished."""
    files: list[MediaReply] = []
    for batch in batches:
        files += [event for event in batch if isinstance(event, MediaReply)]
        end: Batch = [event for event in batch if isinstance(event, Finished)]
        if end:
            yield from _pieces(open_file(first_wanted(files, WANTED)))
        yield end


def _pieces(blocks: Iterable[bytes]) -> Iterator[Batch]:
    """Pieces whose length is a multiple of 3, except the last: their base64 has no padding, so
    clients can join it without decoding."""
    rest = b""
    for block in blocks:
        rest += block
        even = len(rest) - len(rest) % 3
        if even:
            yield [_piece(rest[:even])]
        rest = rest[even:]
    if rest:
        yield [_piece(rest)]


def _piece(data: bytes) -> MediaReply:
    return MediaReply(f"data:;base64,{b64encode(data).decode()}", "", "piece")


def render_usage(usage: Usage) -> dict[str, Any]:
    """The tokens of the texts; Poe does not report those of sounds."""
    return {
        "input_tokens": usage.prompt,
        "output_tokens": usage.completion,
        "total_tokens": usage.total,
        **usage.cost_details(),
    }


class Encoder(OpenAIStream):
    """The events of ``play`` as SSE frames."""

    def step(self, event: Event) -> bytes:
        match event:
            case MediaReply(url=url):
                return data_frame({"type": "speech.audio.delta", "audio": url.partition(",")[2]})
            case Finished(usage=usage):
                return data_frame({"type": "speech.audio.done", "usage": render_usage(usage)})
        return b""

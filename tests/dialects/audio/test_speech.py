"""OpenAI's Speech: which file is chosen, and how it is played in events."""

import base64
import json
from typing import Any

import pytest

from app.core.events import Batch, Finished, MediaReply, TextDelta, Usage
from app.core.stages.extract_files import first_wanted
from app.dialects.audio.schemas import SpeechSchema
from app.dialects.audio.speech import WANTED, Encoder, parse, play
from app.errors import RateLimited
from app.schemas.loading import load_payload

DATA = bytes(range(256))
SOUND = MediaReply("https://h.test/a", "audio/mpeg", "a")
VIDEO = MediaReply("https://h.test/v", "Video/MP4", "v")
PAGE = MediaReply("https://h.test/p", "text/html", "p")
END = Finished("stop", Usage(3, 1))


def events_of(blocks: list[bytes]) -> list[Any]:
    batches: list[Batch] = [[], [PAGE], [SOUND, TextDelta("beside it"), END]]
    opened: list[MediaReply] = []

    def open_file(file: MediaReply) -> list[bytes]:
        opened.append(file)
        return blocks

    told = list(play(batches, open_file))
    assert told[:2] == [[], []], "ticks pass before the file is opened"
    assert opened == [SOUND]
    encoder = Encoder()
    frames = b"".join(encoder.step(event) for batch in told for event in batch)
    return [json.loads(frame[6:]) for frame in frames.split(b"\n\n")[:-1]]


def test_the_frames() -> None:
    assert events_of([b"abcd"]) == [
        {"type": "speech.audio.delta", "audio": "YWJj"},
        {"type": "speech.audio.delta", "audio": "ZA=="},
        {
            "type": "speech.audio.done",
            "usage": {"input_tokens": 3, "output_tokens": 1, "total_tokens": 4},
        },
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 100, 255, 256])
def test_pieces_are_the_file_however_it_comes(size: int) -> None:
    *deltas, _ = events_of([DATA[start : start + size] for start in range(0, len(DATA), size)])
    pieces = [event["audio"] for event in deltas]
    assert b"".join(base64.b64decode(piece, validate=True) for piece in pieces) == DATA
    assert base64.b64decode("".join(pieces), validate=True) == DATA


def test_an_empty_file() -> None:
    assert [event["type"] for event in events_of([])] == ["speech.audio.done"]


def test_an_error() -> None:
    [line, rest] = Encoder().fail(RateLimited("too much")).split(b"\n\n")
    assert json.loads(line[6:])["error"]["message"] == "too much" and rest == b""


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        ([PAGE, VIDEO, SOUND], SOUND),
        ([PAGE, VIDEO], VIDEO),
        ([PAGE], PAGE),
        ([PAGE, MediaReply("u", "AUDIO/wav", "b"), SOUND], MediaReply("u", "AUDIO/wav", "b")),
    ],
)
def test_the_choice(files: list[MediaReply], chosen: MediaReply) -> None:
    assert first_wanted(files, WANTED) == chosen


def test_the_query() -> None:
    payload = {"model": "tts-1", "input": "Hello", "voice": None, "speed": 2, "pitch": 1}
    query = parse(load_payload(SpeechSchema(), payload), {"tts-1": "Speaker"}.__getitem__)
    assert (query.model, query.bot) == ("tts-1", "Speaker")
    assert [part.text for part in query.messages[0].parts] == ["Hello"]  # type: ignore[union-attr]
    assert query.parameters == {"speed": 2, "pitch": 1}

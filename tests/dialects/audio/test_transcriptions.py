"""OpenAI's Transcriptions: what streams, and what the whole answer says."""

import json
from typing import Any

import pytest
from openai.types.audio import TranscriptionVerbose, TranslationVerbose

from app.core.conversation import Reasoning, Text
from app.core.events import Answer, Event, Finished, ReasoningDelta, TextDelta, Usage
from app.dialects.audio.transcriptions import Encoder, render, render_verbose
from app.errors import UpstreamError

WRITTEN = " \n Good  morning,\n\nall. \n"
SAID = "Good  morning,\n\nall."
END = Finished("stop", Usage(3, 2))
USAGE = {"type": "tokens", "input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
PAYLOAD: dict[str, Any] = {"language": None, "temperature": None}


def answer(text: str) -> Answer:
    return Answer((Reasoning("hm"), Text(text)), END)


def events_of(*texts: str) -> list[dict[str, Any]]:
    encoder = Encoder()
    assert encoder.start() == b": keep-alive\n"
    events: list[Event] = [ReasoningDelta("hm"), *map(TextDelta, texts), END]
    frames = [encoder.step(event) for event in events]
    return [json.loads(frame[6:]) for frame in b"".join(frames).split(b"\n\n")[:-1]]


def test_the_frames() -> None:
    assert events_of("Good ", "day.", "\n") == [
        {"type": "transcript.text.delta", "delta": "Good"},
        {"type": "transcript.text.delta", "delta": " day."},
        {"type": "transcript.text.done", "text": "Good day.", "usage": USAGE},
    ]


@pytest.mark.parametrize("first", range(len(WRITTEN)))
def test_what_streams_is_the_whole_answer(first: int) -> None:
    for second in range(first, len(WRITTEN)):
        texts = WRITTEN[:first], WRITTEN[first:second], WRITTEN[second:]
        *deltas, done = events_of(*texts)
        assert "".join(event["delta"] for event in deltas) == SAID
        assert all(event["delta"] for event in deltas)
        assert done["text"] == SAID == render(answer(WRITTEN))["text"]


def test_an_empty_answer() -> None:
    assert events_of(" \n") == [{"type": "transcript.text.done", "text": "", "usage": USAGE}]
    assert render(answer(" \n")) == {"text": "", "usage": USAGE}


def test_an_error() -> None:
    frame = Encoder().fail(UpstreamError("gone"))
    assert json.loads(frame[6:])["error"]["type"] == "upstream_error"


def test_verbose() -> None:
    payload = {"language": "de", "temperature": 0.5}
    told = render_verbose(answer(WRITTEN), payload, "transcribe", 2.5)
    verbose = TranscriptionVerbose.model_validate(told)
    assert (verbose.text, verbose.language, verbose.duration) == (SAID, "de", 2.5)
    [segment] = verbose.segments or []
    assert (segment.start, segment.end, segment.text) == (0, 2.5, SAID)
    assert segment.temperature == 0.5


@pytest.mark.parametrize(("text", "seconds"), [("", 2.5), (SAID, 0.0)])
def test_no_times_are_made_up(text: str, seconds: float) -> None:
    told = render_verbose(answer(text), PAYLOAD, "translate", seconds)
    verbose = TranslationVerbose.model_validate(told)
    assert (verbose.segments, verbose.duration, verbose.language) == ([], seconds, "english")

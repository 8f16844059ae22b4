"""Transcriptions and translations through gunicorn with the openai SDK."""

import base64
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
import requests
from openai.types.audio import Transcription, TranscriptionVerbose, Translation, TranslationVerbose

from app.demo.sound import RATE, TONE_FRAMES, name_of, play
from app.demo.voice import NOTHING_HEARD
from tests.conftest import KEY
from tests.servers import Server, free_port, running
from tests.sound_bots import WAV
from tests.upload_server import FOLDER

TEXT = "Grüße, 猫! One  two\nthree."
TUNE = play(name_of(TEXT))
SECONDS = len(TEXT.encode()) * 2 * TONE_FRAMES / RATE
BEARER = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def gateway(start_gateway: Callable[..., Server], logs: Path) -> Iterator[Server]:
    """One whose Poe takes uploads."""
    port = free_port()
    with running(["-m", "tests.file_server", str(port)], port, logs / "heard.log") as files:
        yield start_gateway(
            POE_UPLOAD_URL=files.url + FOLDER,
            FIRST_EVENT_TIMEOUT="5",
            HEADERS_WAIT="1",
            KEEPALIVE_SECONDS="1",
        )


@pytest.fixture
def strict(gateway: Server) -> Iterator[openai.OpenAI]:
    """The SDK, which here refuses what its own types do not allow."""
    with openai.OpenAI(
        base_url=f"{gateway.url}/v1",
        api_key=KEY,
        max_retries=0,
        _strict_response_validation=True,
    ) as sdk:
        yield sdk


def hear(sdk: openai.OpenAI, model: str = "demo-transcriber", file: Any = TUNE, **more: Any) -> Any:
    return sdk.audio.transcriptions.create(model=model, file=file, **more)


def translate(sdk: openai.OpenAI, **more: Any) -> Any:
    with pytest.warns(DeprecationWarning):
        return sdk.audio.translations.create(model="demo-transcriber", file=TUNE, **more)


def post(gateway: Server, path: str = "/v1/audio/transcriptions", **sent: Any) -> requests.Response:
    return requests.post(f"{gateway.url}{path}", **sent, headers=BEARER, timeout=10)


@pytest.mark.parametrize("speed", [0.25, 1, 4])
def test_what_is_said_is_heard(strict: openai.OpenAI, speed: float) -> None:
    spoken = strict.audio.speech.create(
        model="demo-speech", input=TEXT, voice="alloy", speed=speed
    ).read()
    heard = hear(strict, file=("a.wav", spoken))
    assert isinstance(heard, Transcription) and heard.text == TEXT
    assert heard.usage and heard.usage.type == "tokens"
    assert heard.usage.total_tokens == heard.usage.input_tokens + heard.usage.output_tokens
    verbose = hear(strict, file=("a.wav", spoken), response_format="verbose_json")
    assert verbose.duration == pytest.approx(SECONDS / speed)


def test_as_text(strict: openai.OpenAI, gateway: Server) -> None:
    assert hear(strict, response_format="text") == TEXT
    form = {"model": "demo-transcriber", "response_format": "text"}
    response = post(gateway, data=form, files={"file": TUNE})
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


def test_verbose(strict: openai.OpenAI) -> None:
    heard = hear(
        strict,
        response_format="verbose_json",
        language="de",
        temperature=0.2,
        timestamp_granularities=["segment", "word"],
    )
    assert isinstance(heard, TranscriptionVerbose)
    assert (heard.text, heard.language, heard.words) == (TEXT, "de", None)
    assert heard.duration == pytest.approx(SECONDS)
    assert heard.usage and heard.usage.seconds == heard.duration
    assert heard.model_dump()["task"] == "transcribe"
    [segment] = heard.segments or []
    assert (segment.id, segment.start, segment.end) == (0, 0.0, heard.duration)
    assert (segment.text, segment.temperature) == (TEXT, 0.2)


@pytest.mark.parametrize("file", [b"no sound at all", WAV[:30], struct.pack("<4sI", b"OggS", 0)])
def test_verbose_of_what_has_no_length(strict: openai.OpenAI, file: bytes) -> None:
    heard = hear(strict, file=file, response_format="verbose_json")
    assert (heard.duration, heard.segments, heard.language) == (0.0, [], "")
    assert heard.text == NOTHING_HEARD


def test_streamed(strict: openai.OpenAI) -> None:
    *deltas, done = hear(strict, stream=True)
    assert {event.type for event in deltas} == {"transcript.text.delta"}
    assert len(deltas) > 2 and "".join(event.delta for event in deltas) == TEXT
    assert (done.type, done.text) == ("transcript.text.done", TEXT)
    assert done.usage.total_tokens == done.usage.input_tokens + done.usage.output_tokens > 0


def test_translated(strict: openai.OpenAI) -> None:
    """The demo bot knows no other language, but it is asked for one."""
    plain = translate(strict)
    assert isinstance(plain, Translation) and plain.text == TEXT
    told = translate(strict, response_format="verbose_json")
    assert isinstance(told, TranslationVerbose)
    assert (told.text, told.language) == (TEXT, "english")
    assert told.duration == pytest.approx(SECONDS)
    assert told.model_dump()["task"] == "translate"
    assert translate(strict, response_format="text") == TEXT


@pytest.mark.parametrize("path", ["/audio/transcriptions", "/v1/audio/translations"])
def test_every_path(gateway: Server, path: str) -> None:
    response = post(gateway, path, data={"model": "demo-transcriber"}, files={"file": TUNE})
    assert response.json()["text"] == TEXT


@pytest.fixture
def asked(gateway: Server, start_gateway: Callable[..., Server], upstream: Server) -> Any:
    """Asks a bot of one's own, and gives what it was sent."""
    server = start_gateway(BOT_URLS=f"count-2={upstream.url}/bot/count-2")

    def ask(path: str, file: Any, **form: Any) -> dict[str, Any]:
        response = post(server, path, data={"model": "count-2", **form}, files={"file": file})
        assert response.status_code == 200, response.text
        seen = requests.get(f"{upstream.url}/seen", timeout=5).json()
        query: dict[str, Any] = seen["last"]["count-2"]
        return query

    return ask


def test_what_the_bot_is_asked(asked: Any) -> None:
    form = {
        "language": "de",
        "languages[]": ["de", "en"],
        "keywords[]": ["Poegate", "2024"],
        "prompt": "Über Brücken.",
        "temperature": "0.5",
        "chunking_strategy[type]": "server_vad",
        "include[]": "logprobs",
        "known_speaker_names[]": ["a", "b"],
        "diarize": "no",
    }
    query = asked("/audio/transcriptions", ("talk.ogg", b"OggS", "audio/ogg"), **form)
    message = query["query"][-1]
    assert query["temperature"] == 0.5
    assert message["parameters"] == {"language": "de", "prompt": "Über Brücken.", "diarize": "no"}
    assert "word for word" in message["content"]
    for hint in ("spoken: de", "de, en", "Poegate, 2024", "Über Brücken."):
        assert hint in message["content"]
    [file] = message["attachments"]
    assert (file["name"], file["content_type"]) == ("talk.ogg", "audio/ogg")
    assert base64.b64decode(file["url"].partition(",")[2]) == b"OggS"


def test_what_the_bot_is_asked_for_a_translation(asked: Any) -> None:
    message = asked("/audio/translations", b"ID3")["query"][-1]
    assert "into English" in message["content"] and "word for word" not in message["content"]
    assert not message["parameters"]


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"RIFF\n\x00\n\x00WAVE", "audio/wav"),
        (b"ID3\x04", "audio/mpeg"),
        (b"\xff\xfb\x90\x44", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "audio/aac"),
        (b"OggS\x00", "audio/ogg"),
        (b"fLaC\x00", "audio/flac"),
        (b"\x00\x00\n\x20ftypM4A \x00", "audio/mp4"),
        (b"\x00\x00\x00\x20ftypisom", "video/mp4"),
        (b"\x1aE\xdf\xa3\x9f", "audio/webm"),
        (b"something", "application/octet-stream"),
    ],
)
def test_bare_bytes_are_known_by_their_beginning(asked: Any, start: bytes, kind: str) -> None:
    message = asked("/audio/transcriptions", ("upload", start, "application/octet-stream"))
    assert message["query"][-1]["attachments"][0]["content_type"] == kind


def test_reasoning_is_no_transcript(client: openai.OpenAI) -> None:
    assert hear(client, "demo-reasoner").text.startswith("Your message has")
    *_, done = hear(client, "demo-reasoner", stream=True)
    assert done.text.startswith("Your message has")


@pytest.mark.parametrize("stream", [False, True])
def test_a_bot_that_says_nothing(strict: openai.OpenAI, stream: bool) -> None:
    heard = hear(strict, "garbage-empty", stream=stream)
    events = [*heard] if stream else [heard]
    assert [event.text for event in events] == [""]


def test_an_empty_verbose_answer(strict: openai.OpenAI) -> None:
    heard = hear(strict, "garbage-empty", response_format="verbose_json")
    assert (heard.text, heard.segments) == ("", [])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("model", "status"), [("status-429", 429), ("status-402", 402)])
def test_failures_are_statuses(
    client: openai.OpenAI, model: str, status: int, stream: bool
) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        hear(client, model, stream=stream)
    assert caught.value.status_code == status


def test_a_failure_within_the_stream(client: openai.OpenAI) -> None:
    heard = []
    with pytest.raises(openai.APIError) as caught:
        for event in hear(client, "cut-3", stream=True):
            heard.append(event)
    assert "".join(event.delta for event in heard) == "t0 t1 t2"
    assert caught.value.type == "upstream_error"


def test_a_slow_bot_is_waited_for_with_signs_of_life(gateway: Server) -> None:
    form = {"model": "slow-7", "stream": "true"}
    response = post(gateway, data=form, files={"file": TUNE})
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.text.count(": keep-alive\n") >= 2


@pytest.mark.parametrize("path", ["transcriptions", "translations"])
def test_a_recording_as_json(gateway: Server, path: str) -> None:
    """As Open WebUI sends it."""
    audio = {"data": base64.b64encode(TUNE).decode(), "format": "wav"}
    body = {"model": "demo-transcriber", "input_audio": audio}
    answer = post(gateway, f"/v1/audio/{path}", json=body)
    assert answer.json()["text"] == TEXT
    verbose = post(gateway, f"/v1/audio/{path}", json=body | {"response_format": "verbose_json"})
    assert verbose.json()["duration"] == pytest.approx(SECONDS)


@pytest.mark.parametrize(
    ("sent", "param"),
    [
        ({"data": {"model": "m"}}, "file"),
        ({"data": {"model": "m", "file": "a text"}}, "file"),
        ({"json": {"model": "m", "file": "a text"}}, "input_audio"),
        ({"json": {"model": "m", "input_audio": {"data": "?", "format": "wav"}}}, "input_audio"),
        ({"json": {"model": "m", "input_audio": {"data": "aGk="}}}, "input_audio.format"),
        ({"data": b"RIFF", "headers": {"Content-Type": "audio/wav"}}, "file"),
        ({}, "file"),
        ({"data": {"model": "m"}, "files": {"file": b""}}, "file"),
        ({"data": {"model": "m"}, "files": {"document": TUNE}}, "document"),
        ({"data": {"model": "m"}, "files": [("file", TUNE), ("file", TUNE)]}, "file"),
        ({"files": {"file": TUNE}}, "model"),
        ({"data": {"model": ""}, "files": {"file": TUNE}}, "model"),
        ({"data": b"--x--", "headers": {"Content-Type": "multipart/form-data"}}, None),
    ],
)
@pytest.mark.parametrize("path", ["transcriptions", "translations"])
def test_forms_that_cannot_be(
    gateway: Server, path: str, sent: dict[str, Any], param: str | None
) -> None:
    headers = BEARER | sent.get("headers", {})
    url = f"{gateway.url}/v1/audio/{path}"
    response = requests.post(url, **{**sent, "headers": headers}, timeout=5)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["param"] == param and error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("response_format", "xml"),
        ("temperature", "1.1"),
        ("temperature", "warm"),
        ("stream", "maybe"),
        ("extra_body", "none"),
    ],
)
def test_fields_that_cannot_be(gateway: Server, name: str, value: str) -> None:
    response = post(gateway, data={"model": "m", name: value}, files={"file": TUNE})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == name


@pytest.mark.parametrize("wanted", ["srt", "vtt", "diarized_json"])
def test_formats_with_times(client: openai.OpenAI, wanted: Any) -> None:
    with pytest.raises(openai.BadRequestError, match="no timestamps") as caught:
        hear(client, response_format=wanted)
    assert caught.value.param == "response_format"


def test_nothing_of_it_is_in_the_log(client: openai.OpenAI, gateway: Server) -> None:
    hear(client, prompt="a private hint", file=("private-name.wav", TUNE))
    printed = gateway.printed()
    assert "/v1/audio/transcriptions" in printed
    assert "private" not in printed and KEY not in printed and "Grüße" not in printed

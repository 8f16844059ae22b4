"""Speech through gunicorn with the openai SDK."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import openai
import pytest
import requests

from app.demo.server import bot_urls
from app.demo.sound import name_of, play
from tests.conftest import KEY
from tests.poe.test_downloads import untouched
from tests.servers import Server
from tests.sound_bots import LARGE_BYTES, WAV, Singer, Singers, large_blocks, singing

TEXT = "Grüße, 猫!"
BEARER = {"Authorization": f"Bearer {KEY}"}
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def singers() -> Iterator[Singers]:
    with singing() as bots:
        yield bots


@pytest.fixture(scope="module")
def stage(start_gateway: Callable[..., Server], singers: Singers, demo: Server) -> Server:
    """A gateway whose bots are the demo's and all of the singers."""
    return start_gateway(
        BOT_URLS=f"{bot_urls(demo.url)},{singers.bot_urls()}",
        MODEL_ALIASES="tts-1=demo-speech",
        HEADERS_WAIT="1",
        KEEPALIVE_SECONDS="1",
    )


@pytest.fixture
def sdk(stage: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{stage.url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


def speak(sdk: openai.OpenAI, model: str, text: str = "la", **options: Any) -> Any:
    return sdk.audio.speech.create(model=model, input=text, voice="alloy", **options)


def post(stage: Server, path: str = "/v1/audio/speech", **body: Any) -> requests.Response:
    return requests.post(f"{stage.url}{path}", json=body, headers=BEARER, timeout=10, stream=True)


def frames(response: requests.Response) -> list[dict[str, Any]]:
    lines = response.text.split("\n")
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data")]


@pytest.mark.parametrize("model", ["demo-speech", "tts-1"])
def test_it_works(sdk: openai.OpenAI, model: str) -> None:
    spoken = speak(sdk, model, TEXT)
    assert spoken.content == play(name_of(TEXT))
    headers = spoken.response.headers
    assert headers["content-type"] == "audio/wav"
    assert int(headers["content-length"]) == len(spoken.content)
    assert headers["x-content-type-options"] == "nosniff"


def test_it_is_passed_on_to_a_file(sdk: openai.OpenAI, tmp_path: Path) -> None:
    streaming = sdk.audio.speech.with_streaming_response
    with streaming.create(model="demo-speech", input=TEXT, voice="alloy", speed=2) as spoken:
        spoken.stream_to_file(tmp_path / "a.wav")
    assert (tmp_path / "a.wav").read_bytes() == play(name_of(TEXT, 2))


@pytest.mark.parametrize("path", ["/audio/speech", "/v1/audio/speech", "/v1//audio/speech"])
def test_every_path_and_no_voice(stage: Server, path: str) -> None:
    assert post(stage, path, model="sing", input="la").content == WAV
    assert Singer.asked["sing"]["parameters"] == {}


def test_parameters_reach_the_bot(sdk: openai.OpenAI) -> None:
    speak(
        sdk,
        "sing",
        "la la",
        instructions="softly",
        speed=0.5,
        response_format="opus",
        extra_body={"voice": {"id": "voice_1"}, "pitch": 3, "extra_body": {"key": "C"}},
    )
    assert Singer.asked["sing"]["content"] == "la la"
    assert Singer.asked["sing"]["parameters"] == {
        "voice": "voice_1",
        "instructions": "softly",
        "speed": 0.5,
        "response_format": "opus",
        "pitch": 3,
        "key": "C",
    }


@pytest.mark.parametrize(
    ("model", "data", "kind"),
    [
        ("sing_within_its_link", b"OggS", "audio/ogg"),
        ("show_and_sing", WAV, "audio/wav"),
        ("show", b"film", "video/mp4"),
        ("write_a_link", WAV, "audio/wav"),
        ("write_of_its_cover", WAV, "audio/wav"),
        ("show_and_write_a_link", WAV, "audio/wav"),
        ("draw", b"<svg/>", "application/octet-stream"),
        ("write_a_page", b"<script>", "application/octet-stream"),
    ],
)
def test_which_file_it_is(sdk: openai.OpenAI, model: str, data: bytes, kind: str) -> None:
    spoken = speak(sdk, model)
    assert spoken.content == data
    assert spoken.response.headers["content-type"] == kind


def test_streamed_as_events(stage: Server) -> None:
    response = post(stage, model="sing", input="la", stream_format="sse")
    assert response.headers["content-type"].startswith("text/event-stream")
    *deltas, done = frames(response)
    assert {event["type"] for event in deltas} == {"speech.audio.delta"}
    assert b"".join(base64.b64decode(event["audio"], validate=True) for event in deltas) == WAV
    assert base64.b64decode("".join(event["audio"] for event in deltas), validate=True) == WAV
    assert done["type"] == "speech.audio.done"
    usage = done["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > 0


def test_audio_is_the_usual_stream_format(stage: Server) -> None:
    assert post(stage, model="sing", input="la", stream_format="audio").content == WAV


def test_a_slow_bot_is_waited_for_with_signs_of_life(stage: Server) -> None:
    response = post(stage, model="take_long", input="la", stream_format="sse")
    assert response.text.count(": keep-alive\n") >= 2
    assert frames(response)[-1]["type"] == "speech.audio.done"


def worker_memory(server: Server, field: str) -> int:
    """The worker's VmRSS (now) or VmHWM (its highest), in bytes."""
    main = server.process.pid
    [worker] = Path(f"/proc/{main}/task/{main}/children").read_text().split()
    lines = Path(f"/proc/{worker}/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith(field)]
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize("model", ["sing_long", "sing_endlessly"])
def test_100_megabytes_in_less_than_60_of_memory(
    sdk: openai.OpenAI, stage: Server, model: str
) -> None:
    speak(sdk, "sing")
    before = worker_memory(stage, "VmRSS")
    digest, received, while_streaming = sha256(), 0, []
    streaming = sdk.audio.speech.with_streaming_response
    with streaming.create(model=model, input="la", voice="alloy") as spoken:
        for block in spoken.iter_bytes(MEGABYTE):
            digest.update(block)
            received += len(block)
            while_streaming.append(worker_memory(stage, "VmRSS"))
    assert received == LARGE_BYTES and len(while_streaming) >= 100
    expected = sha256()
    for block in large_blocks():
        expected.update(block)
    assert digest.digest() == expected.digest()
    assert max(while_streaming) - before < 60 * MEGABYTE
    assert worker_memory(stage, "VmHWM") - before < 60 * MEGABYTE


def test_100_megabytes_as_events(stage: Server) -> None:
    before = worker_memory(stage, "VmRSS")
    received = 0
    response = post(stage, model="sing_long", input="la", stream_format="sse")
    for line in response.iter_lines(MEGABYTE):
        if line.startswith(b'data: {"type":"speech.audio.delta"'):
            received += len(base64.b64decode(json.loads(line[6:])["audio"]))
    assert received == LARGE_BYTES
    assert worker_memory(stage, "VmHWM") - before < 60 * MEGABYTE


def test_leaving_ends_the_download(stage: Server) -> None:
    Singer.left.clear()
    with post(stage, model="sing_long", input="la") as response:
        assert next(response.iter_content(MEGABYTE))
    assert files_left(within=5) == ["large"]


def files_left(within: float) -> list[str]:
    """The downloads that the gateway has cut short, as soon as there is one."""
    until = time.monotonic() + within
    while not Singer.left and time.monotonic() < until:
        time.sleep(0.05)
    return Singer.left


@pytest.mark.parametrize("stream_format", ["audio", "sse"])
@pytest.mark.parametrize(("model", "file"), [("start_never", "silence"), ("fall_silent", "first")])
def test_leaving_ends_a_silent_download(
    stage: Server, model: str, file: str, stream_format: str
) -> None:
    """Waited for are a look of the gateway's each second, and in events the first byte."""
    Singer.left.clear()
    body = {"model": model, "input": "la", "stream_format": stream_format}
    url = f"{stage.url}/v1/audio/speech"
    with suppress(requests.RequestException):
        requests.post(url, json=body, headers=BEARER, timeout=0.3)
    [left] = files_left(within=3)
    assert left.startswith(file)
    assert "Traceback" not in stage.printed()


def test_a_client_that_stays_gets_all_of_it(stage: Server) -> None:
    assert post(stage, model="pause", input="la").content == WAV


def test_a_length_beside_chunks_is_not_told(stage: Server) -> None:
    with requests.Session() as session:
        for _ in range(2):
            body = {"model": "measure_wrongly", "input": "la"}
            url = f"{stage.url}/v1/audio/speech"
            spoken = session.post(url, json=body, headers=BEARER, timeout=5)
            assert spoken.content == WAV and "content-length" not in spoken.headers


@pytest.mark.parametrize("stream_format", ["audio", "sse"])
def test_leaving_stops_the_bot(
    gateway: Server, seen: Callable[[], Any], stream_format: str
) -> None:
    model = f"endless-{stream_format}"
    with pytest.raises(requests.RequestException):
        response = requests.post(
            f"{gateway.url}/v1/audio/speech",
            json={"model": model, "input": "x", "stream_format": stream_format},
            headers=BEARER,
            timeout=0.5,
        )
        assert response.text
    until = time.monotonic() + 5
    while f"/bot/{model}" not in seen()["closed"] and time.monotonic() < until:
        time.sleep(0.1)
    assert seen()["closed"][f"/bot/{model}"] == 1


@pytest.mark.parametrize("model", ["break_off", "break_off_unmeasured"])
def test_a_broken_download_is_no_whole_answer(stage: Server, model: str) -> None:
    response = post(stage, model=model, input="la")
    assert response.status_code == 200
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        assert response.content
    [line] = [line for line in stage.printed().splitlines() if f'"model": "{model}"' in line]
    assert json.loads(line)["error"] == "upstream_error"


@pytest.mark.parametrize("model", ["break_off", "break_off_unmeasured"])
def test_a_broken_download_within_events(stage: Server, model: str) -> None:
    *deltas, last = frames(post(stage, model=model, input="la", stream_format="sse"))
    assert {event["type"] for event in deltas} == {"speech.audio.delta"}
    assert last["error"]["type"] == "upstream_error"
    assert "connection" in last["error"]["message"]


@pytest.mark.parametrize("stream_format", ["audio", "sse"])
def test_no_file_is_told_in_the_bots_words(sdk: openai.OpenAI, stream_format: Any) -> None:
    with pytest.raises(openai.InternalServerError, match="I say nothing of that.") as caught:
        speak(sdk, "demo-echo", "I say nothing of that.", stream_format=stream_format)
    assert caught.value.status_code == 502


def test_what_the_demo_cannot_say(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError, match="2,000 bytes at most"):
        speak(sdk, "demo-speech", "x" * 2_001)


@pytest.mark.parametrize("stream_format", ["audio", "sse"])
@pytest.mark.parametrize(
    ("model", "status"), [("status-429", 429), ("status-402", 402), ("promise", 502)]
)
def test_failures_are_statuses(
    sdk: openai.OpenAI, model: str, status: int, stream_format: Any
) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        speak(sdk, model, stream_format=stream_format)
    assert caught.value.status_code == status


@pytest.mark.parametrize("stream_format", ["audio", "sse"])
@pytest.mark.parametrize("url", ["http://127.0.0.1:{}/a.mp3", "https://localhost:{}/a.mp3"])
@pytest.mark.parametrize("attached", [True, False])
def test_a_link_into_the_gateways_network(
    client: openai.OpenAI, url: str, stream_format: Any, attached: bool
) -> None:
    with untouched() as port:
        url = url.format(port)
        file = ["file", {"url": url, "content_type": "audio/mpeg", "name": "x"}]
        script = [file if attached else ["text", {"text": f"[x]({url})"}]]
        with pytest.raises(openai.InternalServerError, match="could not be fetched") as caught:
            speak(client, "script-", json.dumps(script), stream_format=stream_format)
    assert caught.value.status_code == 502
    assert str(port) not in caught.value.message


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": "sing"}, "input"),
        ({"model": "sing", "input": ""}, "input"),
        ({"model": "sing", "input": None}, "input"),
        ({"model": "sing", "input": ["la"]}, "input"),
        ({"input": "la"}, "model"),
        ({"input": "la", "model": ""}, "model"),
        ({"input": "la", "model": 1}, "model"),
        ({"input": "la", "model": "sing", "voice": 1}, "voice"),
        ({"input": "la", "model": "sing", "voice": {"name": "a"}}, "voice"),
        ({"input": "la", "model": "sing", "speed": 0.2}, "speed"),
        ({"input": "la", "model": "sing", "speed": 4.1}, "speed"),
        ({"input": "la", "model": "sing", "speed": "1"}, "speed"),
        ({"input": "la", "model": "sing", "instructions": 1}, "instructions"),
        ({"input": "la", "model": "sing", "response_format": 1}, "response_format"),
        ({"input": "la", "model": "sing", "stream_format": "ws"}, "stream_format"),
        ({"input": "la", "model": "sing", "extra_body": 1}, "extra_body"),
        ([1], None),
    ],
)
def test_bad_fields_are_named(stage: Server, body: Any, param: str | None) -> None:
    url = f"{stage.url}/v1/audio/speech"
    response = requests.post(url, json=body, headers=BEARER, timeout=5)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


def test_a_credential_is_needed(stage: Server) -> None:
    for path in ("speech", "transcriptions", "translations"):
        response = requests.post(f"{stage.url}/audio/{path}", timeout=5)
        assert response.status_code == 401
        assert response.json()["error"]["type"] == "authentication_error"


def test_no_text_is_in_the_log(sdk: openai.OpenAI, stage: Server) -> None:
    speak(sdk, "demo-speech", "a private word")
    printed = stage.printed()
    assert "/v1/audio/speech" in printed and "private" not in printed and KEY not in printed

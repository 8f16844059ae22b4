"""demo-speech and demo-transcriber: the tunes, the server's files, and what the bots say."""

import base64
import random
import urllib.error
import urllib.request
import wave
from collections.abc import Iterator
from io import BytesIO

import fastapi_poe as fp
import pytest

from app.demo.sound import MAX_BYTES, name_of, play, text_in
from app.demo.sound import listen as read_tune
from app.demo.voice import NOTHING_HEARD
from tests.servers import Server

TEXTS = ["", "a", "Grüße, 猫!\n", "\x00\x7f\u2028", "x" * MAX_BYTES]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("speed", [0.25, 1, 4])
def test_what_is_played_is_heard(text: str, speed: float) -> None:
    name = name_of(text, speed)
    assert text_in(name) == (text, round(8_000 * speed))
    tune = play(name)
    assert read_tune(tune) == text
    with wave.open(BytesIO(tune)) as file:
        assert file.getnframes() == len(text.encode()) * 320
        assert file.getframerate() == round(8_000 * speed)


@pytest.mark.parametrize(
    "name",
    ["", "8000", "8000-!", "1999-YQ", "32001-YQ", "8000-a", "8000-_w", f"8000-{'YWFh' * 667}"],
)
def test_names_of_nothing(name: str) -> None:
    with pytest.raises(ValueError):
        play(name)


@pytest.mark.parametrize(("text", "speed"), [("x" * (MAX_BYTES + 1), 1), ("x", 0.2), ("x", 4.1)])
def test_what_has_no_name(text: str, speed: float) -> None:
    with pytest.raises(ValueError):
        name_of(text, speed)


def test_other_sounds_are_not_understood() -> None:
    whole, chance = play(name_of("abc")), random.Random(1)
    for _ in range(2_000):
        data = bytearray(whole[: chance.randrange(1, len(whole))])
        data[chance.randrange(min(60, len(data)))] = chance.randrange(256)
        try:
            assert len(read_tune(bytes(data))) <= 3
        except ValueError:
            pass
    for silence in (whole[:44] + bytes(len(whole) - 44), b"", b"RIFF"):
        with pytest.raises(ValueError):
            read_tune(silence)


def ask(demo: Server, bot: str, message: fp.ProtocolMessage) -> list[fp.PartialResponse]:
    return list(fp.get_bot_response_sync([message], bot, "any-key", base_url=f"{demo.url}/"))


def hear(demo: Server, *urls: str) -> str:
    files = [fp.Attachment(url=url, content_type="audio/wav", name="a.wav") for url in urls]
    message = fp.ProtocolMessage(role="user", content="Write it down.", attachments=files)
    return "".join(part.text for part in ask(demo, "demo-transcriber", message))


@pytest.fixture
def spoken(demo: Server) -> Iterator[str]:
    message = fp.ProtocolMessage(role="user", content="Hello", parameters={"speed": 2})
    [file] = [part.attachment for part in ask(demo, "demo-speech", message) if part.attachment]
    assert file.content_type == "audio/wav"
    yield file.url


def test_the_bots(demo: Server, spoken: str) -> None:
    with urllib.request.urlopen(spoken, timeout=5) as answer:
        assert answer.headers["content-type"] == "audio/wav"
        tune = answer.read()
    assert tune == play(name_of("Hello", 2))
    data_url = f"data:audio/wav;base64,{base64.b64encode(tune).decode()}"
    assert hear(demo, data_url) == hear(demo, spoken) == "Hello"
    assert hear(demo, data_url, spoken) == "Hello\nHello"


@pytest.mark.parametrize("url", ["data:audio/wav;base64,AAAA", "data:,x", "https://h.test/a.wav"])
def test_what_the_transcriber_cannot_hear(demo: Server, url: str) -> None:
    assert hear(demo, url) == hear(demo) == NOTHING_HEARD


def test_no_such_tune(demo: Server) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{demo.url}/files/8000-!.wav", timeout=5)
    assert caught.value.code == 404
    caught.value.close()


@pytest.mark.parametrize(
    ("content", "parameters", "told"),
    [("x" * (MAX_BYTES + 1), {}, "2,000 bytes"), ("x", {"speed": 9}, "0.25 to 4")],
)
def test_what_cannot_be_said(
    demo: Server, content: str, parameters: dict[str, float], told: str
) -> None:
    message = fp.ProtocolMessage(role="user", content=content, parameters=parameters)
    [part] = ask(demo, "demo-speech", message)
    assert part.attachment is None and told in part.text

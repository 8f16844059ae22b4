"""How long a sound lasts, by its file."""

import random
import struct
import time
import wave
from io import BytesIO

import pytest

from app.core.sounds import duration_of


def wav(seconds: float, rate: int = 8_000) -> bytes:
    file = BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, rate, 0, "NONE", "not compressed"))
        sound.writeframes(bytes(2 * round(seconds * rate)))
    return file.getvalue()


def mp3(frames: int) -> bytes:
    """Silence at 128 kbit/s and 44.1 kHz: 1,152 samples a frame."""
    return (b"\xff\xfb\x90\x44" + bytes(413)) * frames


def page(kind: int, samples: int, *packets: bytes) -> bytes:
    head = b"OggS\0" + bytes([kind]) + struct.pack("<qIII", samples, 1, 0, 0)
    return head + bytes([len(packets), *map(len, packets)]) + b"".join(packets)


def opus(seconds: int) -> bytes:
    """Packets of 20 ms at 48 kHz, of which the first 312 samples are not heard."""
    head = page(2, 0, b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 312, 48_000, 0, 0))
    tags = page(0, 0, b"OpusTags" + bytes(8))
    pages = [
        page(4 if second == seconds else 0, second * 48_000 + 312, *[b"x" * 60] * 50)
        for second in range(1, seconds + 1)
    ]
    return b"".join((head, tags, *pages))


def flac(seconds: int) -> bytes:
    facts = (44_100 << 44) | (1 << 41) | (15 << 36) | (44_100 * seconds)
    return b"fLaC\x80\0\0\x22" + bytes(10) + facts.to_bytes(8, "big") + bytes(16) + b"frames"


@pytest.mark.parametrize(
    ("data", "seconds"),
    [
        (wav(1.5), 1.5),
        (wav(0.25, rate=44_100), 0.25),
        (mp3(1_000), 1_000 * 1_152 / 44_100),
        (b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + mp3(1_000), 1_000 * 1_152 / 44_100),
        (opus(3), 3.0),
        (flac(7), 7.0),
    ],
)
def test_it_works(data: bytes, seconds: float) -> None:
    assert duration_of(data) == pytest.approx(seconds, rel=0.01)


def test_a_wav_that_was_streamed_is_as_long_as_its_bytes() -> None:
    """Whoever writes one cannot know its length beforehand, and says the most there can be."""
    data = wav(2)
    assert data[40:44] == struct.pack("<I", 32_000)
    endless = data[:40] + b"\xff\xff\xff\xff" + data[44:]
    assert duration_of(endless) == pytest.approx(2, abs=0.01)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"no sound",
        b"RIFF\0\0\0\0WAVE",
        wav(0),
        b"OggS",
        b"fLaC",
        b"ID3",
        b"\x1aE\xdf\xa3",
    ],
)
def test_what_has_no_length(data: bytes) -> None:
    assert duration_of(data) == 0.0


def test_bare_aac_is_no_mp3() -> None:
    data = random.Random(1).randbytes(100_000)
    assert duration_of(b"\xff\xfb" + data) > 0
    assert duration_of(b"\xff\xf1" + data) == 0.0


def test_two_hours_of_speech_are_read() -> None:
    assert duration_of(opus(7_200)) == pytest.approx(7_200)


OPUS_HEAD = page(2, 0, b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, 48_000, 0, 0))
HOSTILE = {
    "chunks of a WAV": (b"RIFF\0\0\0\0WAVE", b"JUNK\0\0\0\0"),
    "atoms of an MP4": (b"\0\0\0\x10ftypM4A \0\0\0\0", b"\0\0\0\x08free"),
    "blocks of a FLAC": (b"fLaC", b"\1\0\0\0"),
    "no frame of an MP3": (b"\xff", b"\xff"),
    "empty pages of an Ogg": (OPUS_HEAD, page(0, 1, *[b""] * 255)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_was_made_to_take_long(name: str) -> None:
    head, piece = HOSTILE[name]
    data = head + piece * (40_000_000 // len(piece))
    before = time.process_time()
    assert duration_of(data) == 0.0
    assert time.process_time() - before < 5


@pytest.mark.parametrize(
    "whole", [wav(0.01), mp3(20), opus(1), flac(1), b"\0\0\0\x18ftypM4A " + bytes(200)]
)
def test_what_is_broken_anywhere(whole: bytes) -> None:
    chance = random.Random(len(whole))
    for _ in range(500):
        data = bytearray(whole[: chance.randrange(1, len(whole))])
        for _ in range(chance.randrange(6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        seconds = duration_of(bytes(data))
        assert isinstance(seconds, float) and 0 <= seconds < float("inf")

"""Text as a tune: a WAV of two tones a byte, whose name says all, and the text read from it again.

A tone is known by how often it swings in its time: 5 times for the digit 0, 20 times for f. So the
notes stay the same text at any speed, which is the WAV's sample rate.
"""

import base64
import math
import re
import struct
import wave
from io import BytesIO
from itertools import pairwise

MAX_BYTES = 2_000
"""Of text, in UTF-8: 80 seconds at the usual rate."""

RATE = 8_000
TONE_FRAMES = 160
LOWEST_SWINGS = 5
LOUDNESS = 12_000

_RATES = range(RATE // 4, RATE * 4 + 1)
_NAME = re.compile(r"([0-9]{4,5})-([\w-]*)", re.ASCII)


def name_of(text: str, speed: float = 1.0) -> str:
    """What ``play`` needs to know. Raises ValueError for too long a text, or no possible speed."""
    data, rate = text.encode("utf-8", "replace"), round(RATE * speed)
    if len(data) > MAX_BYTES:
        raise ValueError(f"I can say {MAX_BYTES:,} bytes at most, and these are {len(data):,}.")
    if rate not in _RATES:
        raise ValueError("My speed is 0.25 to 4.")
    return f"{rate}-{base64.urlsafe_b64encode(data).decode().rstrip('=')}"


def text_in(name: str) -> tuple[str, int]:
    """The text that a name stands for, and the rate. Raises ValueError for what is no such name."""
    found = _NAME.fullmatch(name)
    if not found or int(found[1]) not in _RATES:
        raise ValueError("not a name of a tune")
    data = base64.urlsafe_b64decode(found[2] + "=" * (-len(found[2]) % 4))
    if len(data) > MAX_BYTES:
        raise ValueError("too long a tune")
    return data.decode(), int(found[1])


def play(name: str) -> bytes:
    """The WAV of that name: mono, 16 bits. Raises ValueError for what is no name of one."""
    text, rate = text_in(name)
    tones = [_tone(LOWEST_SWINGS + digit) for digit in range(16)]
    file = BytesIO()
    with wave.open(file, "wb") as tune:
        tune.setnchannels(1)
        tune.setsampwidth(2)
        tune.setframerate(rate)
        tune.writeframes(b"".join(tones[int(digit, 16)] for digit in text.encode().hex()))
    return file.getvalue()


def listen(tune: bytes) -> str:
    """The text that was played. Raises ValueError for any other sound."""
    try:
        with wave.open(BytesIO(tune)) as file:
            if (file.getnchannels(), file.getsampwidth()) != (1, 2):
                raise ValueError("not a tune of mine")
            frames = file.readframes(MAX_BYTES * 2 * TONE_FRAMES)
        heights = [height for (height,) in struct.iter_unpack("<h", frames)]
    except (wave.Error, EOFError, RuntimeError, struct.error) as error:
        raise ValueError("not a WAV") from error
    tones = range(0, len(heights), TONE_FRAMES)
    digits = "".join(_digit(heights[start : start + TONE_FRAMES]) for start in tones)
    return bytes.fromhex(digits).decode()


def _tone(swings: int) -> bytes:
    turn = math.tau * swings / TONE_FRAMES
    heights = (round(LOUDNESS * math.sin(turn * frame)) for frame in range(TONE_FRAMES))
    return struct.pack(f"<{TONE_FRAMES}h", *heights)


def _digit(heights: list[int]) -> str:
    """Of a tone that rises through zero so often; the first time is where it begins."""
    risen = 1 + sum(before < 0 <= after for before, after in pairwise(heights))
    if risen - LOWEST_SWINGS not in range(16):
        raise ValueError("not a tone of mine")
    return f"{risen - LOWEST_SWINGS:x}"

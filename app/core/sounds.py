"""How long a sound lasts, read from the bytes of its file, whatever these are."""

import math
from io import BytesIO

from tinytag import TinyTag, TinyTagException

MAX_WORK = 500_000_000
READ_WORK = 1_000
"""A read costs this beside one for each byte. Two hours of Opus are 400 million: 0.3 seconds."""

_ADTS = (b"\xff\xf0", b"\xff\xf1", b"\xff\xf8", b"\xff\xf9")
"""Bare AAC, of which tinytag thinks that it is MP3."""


def duration_of(data: bytes) -> float:
    """In seconds; 0.0 where the file does not tell it, or cannot be read within bounds."""
    if data.startswith(_ADTS):
        return 0.0
    try:
        # Without its tags: some of them take time that grows with the square of their number.
        found = TinyTag.get(file_obj=_BoundedFile(data), tags=False)
    except TinyTagException:
        return 0.0
    seconds = found.duration or 0.0
    if found.bitrate and (found.mime_type or "").startswith("audio/wav"):
        # A WAV that was streamed says that it is endless; it holds no more than its bytes.
        seconds = min(seconds, len(data) * 8 / (found.bitrate * 1000))
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0


class _BoundedFile(BytesIO):
    """Fails a reader that has too much to do."""

    _work = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Raises ValueError, which tinytag makes a ParseError."""
        data = super().read(size)
        self._work += len(data) + READ_WORK
        if self._work > MAX_WORK:
            raise ValueError("too much to read")
        return data

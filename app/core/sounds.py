"""The duration of an audio file, read from its bytes. Any bytes are safe to pass."""

import math
from io import BytesIO

from tinytag import TinyTag, TinyTagException

MAX_WORK = 500_000_000
READ_WORK = 1_000
"""The cost of a read, in addition to its bytes. Two hours of Opus cost 400 million: 0.3 s."""

_ADTS = (b"\xff\xf0", b"\xff\xf1", b"\xff\xf8", b"\xff\xf9")
"""Raw AAC, which tinytag takes for MP3."""


def duration_of(data: bytes) -> float:
    """In seconds; 0.0 if the file does not contain it or cannot be read within MAX_WORK."""
    if data.startswith(_ADTS):
        return 0.0
    try:
        # Without tags: reading some of them takes quadratic time.
        found = TinyTag.get(file_obj=_BoundedFile(data), tags=False)
    except TinyTagException:
        return 0.0
    seconds = found.duration or 0.0
    if found.bitrate and (found.mime_type or "").startswith("audio/wav"):
        # The header of a streamed WAV has no real length; its bytes bound the duration.
        seconds = min(seconds, len(data) * 8 / (found.bitrate * 1000))
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0


class _BoundedFile(BytesIO):
    """A file that fails a reader after MAX_WORK."""

    _work = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Raises ValueError, which tinytag turns into a ParseError."""
        data = super().read(size)
        self._work += len(data) + READ_WORK
        if self._work > MAX_WORK:
            raise ValueError("too much to read")
        return data

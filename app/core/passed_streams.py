"""Server-sent events that are passed on: cut between frames, read only where needed."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from app.core import strict_json
from app.core.events import Usage
from app.core.frames import compact_json
from app.errors import ApiError, UpstreamError

ToError = Callable[[Mapping[str, Any]], ApiError]
"""Translates the ``error`` object of a frame."""

_BREAKS = (b"\n\n", b"\r\n\r\n", b"\r\r")
_BREAK = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_DATA = re.compile(rb"^data: ?([^\r\n]*)", re.MULTILINE)
_MODEL = re.compile(rb'("model"\s*:\s*)("(?:[^"\\]|\\.)*")')


class WholeFrames:
    """Cuts pieces of bytes of any size between two frames.

    >>> frames = WholeFrames()
    >>> frames.feed(b"data: 1\\n\\ndata:"), frames.feed(b" 2\\n"), frames.feed(b"\\n")
    (b'data: 1\\n\\n', b'', b'data: 2\\n\\n')
    """

    def __init__(self) -> None:
        self.rest = bytearray()

    def feed(self, piece: bytes) -> bytes:
        """All the frames that have become whole; b"" where none has."""
        rest = self.rest
        if not rest and piece.endswith(_BREAKS):
            return piece
        seen = max(0, len(rest) - 3)  # a break may have begun there
        rest += piece
        ends = [at + len(mark) for mark in _BREAKS if (at := rest.rfind(mark, seen)) >= 0]
        if not ends:
            return b""
        whole = bytes(rest[: max(ends)])
        del rest[: max(ends)]
        return whole


def _frame_around(block: bytes, at: int, least: int) -> tuple[int, int]:
    """Where the frame begins and ends that has an index of a block of whole frames."""
    before = [found.end() for found in _BREAK.finditer(block, least, at)]
    after = _BREAK.search(block, at)
    return before[-1] if before else least, after.end() if after else len(block)


def object_in(frame: bytes) -> dict[str, Any]:
    """The JSON object that is a frame's data; {} where it is something else."""
    lines = _DATA.findall(frame)
    try:
        value = strict_json.loads(b"\n".join(lines)) if lines else None
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


class Renaming:
    """Puts the model's name that the client knows in the place of the one that Poe answers with.

    All else stays as it is, to the byte. Within a JSON string a quote is escaped, so what looks
    like a ``model`` field is one.
    """

    def __init__(self, name: str) -> None:
        self.model = name
        self._name = json.dumps(name).encode()
        self._found = b""
        self._new = b""

    def __call__(self, block: bytes) -> bytes:
        """For frames that have no other ``model`` than the answer's."""
        if self._found and self._found in block:
            return block if self._new == self._found else block.replace(self._found, self._new)
        for found in _MODEL.finditer(block):
            self._found, self._new = found.group(), found[1] + self._name
        return _MODEL.sub(self._renamed, block)

    def _renamed(self, found: re.Match[bytes]) -> bytes:
        return found[1] + self._name

    def only(self, frame: bytes, name: str) -> bytes | None:
        """The frame, where a single ``model`` in it is ``name``; else None."""
        found = [one for one in _MODEL.finditer(frame) if json.loads(one[2]) == name]
        if len(found) != 1:
            return None
        return frame[: found[0].start(2)] + self._name + frame[found[0].end(2) :]


def texts_of(*names: str) -> tuple[re.Pattern[bytes], ...]:
    """Patterns that find the texts of fields whose names end so, escaped as they are. Each begins
    with letters alone, which makes them twice as fast as one for all."""
    end = r'": ?"([^"\\]*(?:\\.[^"\\]*)*)'
    return tuple(re.compile(f"{name}{end}".encode()) for name in names)


class StreamReader:
    """Reads one answer's frames as far as needed. A wire format says which, and what they mean.

    ``usage``: what Poe says that the answer used, once it has. ``chars``: of text that came, for an
    estimate until then. ``error``: Poe's, after which nothing is passed on. ``is_whole``: the last
    frame has come.
    """

    texts: ClassVar[tuple[re.Pattern[bytes], ...]]
    """What finds the texts in frames (``texts_of``)."""

    marks: ClassVar[tuple[bytes, ...]]
    """One of them is in each frame that must be read. Looking for them is quick."""

    notable: ClassVar[re.Pattern[bytes]]
    """Finds in blocks with a mark what must be read; seldom more."""

    def __init__(self, model: str, to_error: ToError) -> None:
        """``model``: the name by which the client knows the bot."""
        self.usage: Usage | None = None
        self.chars = 0
        self.error: ApiError | None = None
        self.is_whole = False
        self.rename = Renaming(model)
        self.to_error = to_error
        self._frames = WholeFrames()
        self._comments = b""
        self._has_begun = False

    @property
    def keepalive(self) -> bytes:
        """A sign of life that may stand after any frame."""
        return b": keep-alive\n"

    def fail(self, error: ApiError) -> bytes:
        """The frame with which the stream ends."""
        raise NotImplementedError

    def feed(self, piece: bytes) -> bytes:
        """The frames that have become whole, as the client gets them."""
        block = self._frames.feed(piece)
        if not block:
            return b""
        if not self._has_begun and b"data:" not in block:
            self._comments += block  # no answer has begun: another key may still be asked
            return b""
        self._has_begun = True
        if self._comments:
            block, self._comments = self._comments + block, b""
        return self._read(block)

    def finish(self) -> bytes:
        """What is left at the end of the body. Raises UpstreamError where it is no end."""
        rest = bytes(self._frames.rest)
        last = self._read(rest) if rest else b""
        if not self.is_whole and self.error is None:
            raise UpstreamError("Poe's answer ended in the middle.")
        return last

    def _read(self, block: bytes) -> bytes:
        for pattern in self.texts:
            for text in pattern.findall(block):
                self.chars += len(text)
        for mark in self.marks:
            if mark in block:
                return self._read_marked(block)
        return self.pass_on(block)

    def _read_marked(self, block: bytes) -> bytes:
        """Notes the frames that are notable. What lies between them is passed on as one."""
        passed, at = [], 0
        for found in self.notable.finditer(block):
            if found.start() < at:
                continue  # of the frame that was noted last
            start, end = _frame_around(block, found.start(), at)
            if start > at:
                passed.append(self.pass_on(block[at:start]))
            passed.append(self.note(block[start:end]))
            at = end
            if self.error is not None:
                return b"".join(passed)
        if at < len(block):
            passed.append(self.pass_on(block[at:]))
        return b"".join(passed)

    def pass_on(self, block: bytes) -> bytes:
        """Frames of which none is notable."""
        return block

    def note(self, frame: bytes) -> bytes:
        """A frame that may be notable, as the client gets it; b"" for an error."""
        raise NotImplementedError

    def renamed(self, frame: bytes, payload: dict[str, Any], holder: dict[str, Any]) -> bytes:
        """The frame of ``payload``, whose ``model`` is in ``holder``, with the client's name."""
        name = holder.get("model")
        if not isinstance(name, str):
            return frame
        spliced = self.rename.only(frame, name)
        if spliced is not None:
            return spliced
        holder["model"] = self.rename.model
        data = compact_json(payload).encode("ascii")
        head = b"".join(line + b"\n" for line in frame.splitlines() if line[:6] == b"event:")
        return head + b"data: " + data + b"\n\n"


class WholeReader:
    """Reads an answer that is one JSON object. ``usage_in`` finds its usage.

    ``body``: the object, once ``finish`` was called.
    """

    keepalive = b""

    def __init__(
        self,
        model: str,
        to_error: ToError,
        usage_in: Callable[[Mapping[str, Any]], Usage | None],
    ) -> None:
        self.usage: Usage | None = None
        self.chars = 0
        self.error: ApiError | None = None
        self.body: dict[str, Any] = {}
        self._model = model
        self._to_error = to_error
        self._usage_in = usage_in
        self._data = bytearray()

    def feed(self, piece: bytes) -> bytes:
        self._data += piece
        return b""

    def finish(self) -> bytes:
        """The whole answer. Raises ApiError."""
        try:
            body = strict_json.loads(self._data)
        except ValueError as error:
            raise UpstreamError("Poe's answer is not JSON.") from error
        if not isinstance(body, dict):
            raise UpstreamError("Poe's answer is no JSON object.")
        failure = body.get("error")
        if isinstance(failure, dict) and "model" not in body:
            raise self._to_error(failure)
        self.usage = self._usage_in(body)
        if "model" in body:
            body["model"] = self._model
        self.body = body
        return compact_json(body).encode("ascii")


class FileReader:
    """Passes a file on, unread."""

    keepalive = b""

    def __init__(self) -> None:
        self.usage: Usage | None = Usage(0, 0)
        self.chars = 0
        self.error: ApiError | None = None

    def feed(self, piece: bytes) -> bytes:
        return piece

    def finish(self) -> bytes:
        return b""


def tokens_in(usage: Any, name: str) -> int:
    """A number of tokens in a usage object; 0 for what is none."""
    number = usage.get(name) if isinstance(usage, dict) else None
    is_count = isinstance(number, int) and not isinstance(number, bool)
    return max(0, number) if is_count and isinstance(number, int) else 0

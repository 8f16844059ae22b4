"""Counts tokens with o200k_base for every bot: offline, for any text, in bounded time.

The vocabulary is a file beside this module, under the name that tiktoken's cache uses.
"""

import os
import re
from collections import OrderedDict
from functools import cache
from hashlib import blake2b, sha256
from pathlib import Path

import tiktoken

from app.core.turns import in_pieces
from app.errors import Unavailable

SLICE_CHARS = 4_000
"""tiktoken takes quadratic time, or fails, on a very long run without a word border."""

EXACT_CHARS = 4_000_000
"""Longer texts are estimated from samples of this many characters in total."""

SHORT_CHARS = 4_000
"""Texts up to this length take well under a millisecond and are counted on the hub."""

REMEMBERED_TEXTS = 4_096

_BORDER = re.compile(r" (?=\S)")


VOCABULARY = Path(__file__).parent / "fb374d419588a4632f3f557e76b4b70aebbca790"
VOCABULARY_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"


@cache
def encoding() -> tiktoken.Encoding:
    """The vocabulary, loaded once. Raises Unavailable if its file is missing or damaged: tiktoken
    would ask the internet for another one.
    """
    try:
        is_whole = sha256(VOCABULARY.read_bytes()).hexdigest() == VOCABULARY_SHA256
    except OSError:
        is_whole = False
    if not is_whole:
        raise Unavailable("The vocabulary for counting tokens cannot be loaded.")
    os.environ["TIKTOKEN_CACHE_DIR"] = str(VOCABULARY.parent)
    return tiktoken.get_encoding("o200k_base")


def count(text: str) -> int:
    """Tokens of any text, including names of special tokens and lone surrogates."""
    if len(text) <= EXACT_CHARS:
        return sum(_count_slice(piece) for piece in _slices(text))
    samples = _samples(text)
    counted = sum(_count_slice(piece) for sample in samples for piece in _slices(sample))
    return round(counted * len(text) / sum(map(len, samples)))


def _count_slice(piece: str) -> int:
    return len(encoding().encode_ordinary(piece))


def _slices(text: str) -> list[str]:
    """Pieces of at most SLICE_CHARS that join to the text, cut before a space where there is one.

    In o200k_base words begin with their space, so a cut before a space changes no count.
    """
    pieces = []
    start = 0
    while len(text) - start > SLICE_CHARS:
        end = start + SLICE_CHARS
        borders = [match.start() for match in _BORDER.finditer(text, end - 200, end)]
        end = borders[-1] if borders else end
        pieces.append(text[start:end])
        start = end
    pieces.append(text[start:])
    return pieces


def _samples(text: str) -> list[str]:
    """Evenly spread parts of a huge text, EXACT_CHARS in total."""
    parts = 100
    step, width = len(text) // parts, EXACT_CHARS // parts
    return [text[start : start + width] for start in range(0, step * parts, step)]


class TokenMemory:
    """Counts of long texts by digest, because agents send their whole history at each turn.

    Bounded: the least recently used count is dropped first. The texts are not kept.
    """

    def __init__(self, limit: int = REMEMBERED_TEXTS) -> None:
        self._limit = limit
        self._counts: OrderedDict[bytes, int] = OrderedDict()

    def recall(self, digest: bytes) -> int | None:
        if digest in self._counts:
            self._counts.move_to_end(digest)
        return self._counts.get(digest)

    def keep(self, digest: bytes, tokens: int) -> None:
        self._counts[digest] = tokens
        while len(self._counts) > self._limit:
            self._counts.popitem(last=False)


def digest_of(text: str) -> bytes:
    """The key of a text in TokenMemory."""
    digest = blake2b(digest_size=16)
    for piece in in_pieces(text):
        digest.update(piece.encode("utf-8", "surrogatepass"))
    return digest.digest()


def framing_tokens(messages: int) -> int:
    """Tokens around that many messages, as OpenAI counts them for its chat models."""
    return 3 * messages + 3

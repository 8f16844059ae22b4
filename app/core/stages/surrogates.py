"""Characters that a bot sent in two halves.

JSON writes a character beyond U+FFFF as two surrogates, and some bots send each in an event of its
own. A Python text holds such halves, but no encoder of UTF-8 takes them.
"""

from collections.abc import Iterator

from app.core.encodable import encodable
from app.core.events import Batch, Batches, Replacement, TextDelta


def join_surrogates(batches: Batches) -> Iterator[Batch]:
    """The reply with its halves joined; a half without its other half becomes U+FFFD.

    A first half at the end of a text waits for the next one.
    """
    held = ""
    for batch in batches:
        out: Batch = []
        for event in batch:
            match event:
                case TextDelta(text) if held or not text.isascii():
                    text, held = _split(held + text)
                    if text:
                        out.append(TextDelta(text))
                case Replacement(text):
                    text, held = _split(text)
                    out.append(Replacement(text))
                case _:
                    out.append(event)
        yield out
    if held:
        yield [TextDelta(encodable(held))]


def _split(text: str) -> tuple[str, str]:
    """The text that is complete, and the first half in which it ends, if it does."""
    if text and "\ud800" <= text[-1] <= "\udbff":
        return encodable(text[:-1]), text[-1]
    return encodable(text), ""

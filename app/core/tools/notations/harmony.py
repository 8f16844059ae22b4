"""OpenAI's harmony, as gpt-oss writes it: a call is a message to ``functions.NAME``.

``<|channel|>commentary to=functions.f <|constrain|>json<|message|>{…}<|call|>``. The recipient
may stand before the channel. What is in the channel ``analysis`` is thought, never a call.
"""

import re

import regex

from app.core.json_scan import JsonScan
from app.core.tools.notations.calls import RawCall
from app.core.tools.notations.cursor import Reading, TextCursor
from app.core.tools.notations.json_body import scanned
from app.core.tools.notations.notation import Notation
from app.core.tools.notations.offered import OfferedTools

_MARKS = ("<|start|>assistant", "<|channel|>commentary", "<|channel|>final")
_CLOSING_MARKS = ("<|call|>", "<|end|>", "<|return|>", "<|im_end|>", "<|start|>assistant")

_TO = r"(?:\s{1,4}to=[\w.:/-]{1,128})?"
_HEADER = regex.compile(
    rf"(?:<\|start\|>assistant(?P<before>{_TO})\s{{0,4}})?"
    rf"<\|channel\|>\s{{0,4}}(?:commentary|final)(?P<behind>{_TO})"
    r"\s{0,4}(?:<\|constrain\|>\s{0,4})?(?:json|code)?\s{0,4}<\|message\|>"
)
_RECIPIENT = re.compile(r"\bto=([\w.:/-]+)")
_END = re.compile(r"<\|(?:call|end|return|im_end)\|>|(?=<\|(?:start|channel)\|>)")


def read(cursor: TextCursor, tools: OfferedTools) -> Reading[list[RawCall] | None]:
    """The call that the message makes which begins here; none where it is for the user."""
    header = yield from cursor.match(_HEADER)
    if header is None:
        return None
    recipient = _RECIPIENT.search(f"{header['before'] or ''} {header['behind']}")
    if recipient is None:
        return []
    scan = JsonScan()
    yield from cursor.blanks()
    start = cursor.position
    text = yield from scanned(cursor, scan)
    if scan.whole:
        yield from cursor.blanks()
        if cursor.cut_off() or (yield from cursor.literal("<|call|>", "<|end|>", "<|im_end|>")):
            return [RawCall(recipient[1], text)]
    cursor.rewind(start)
    text, closed = yield from cursor.until(_END)
    return [RawCall(recipient[1], text, closed)]


NOTATION = Notation(_MARKS, read, _CLOSING_MARKS)

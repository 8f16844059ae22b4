"""What a notation is."""

from collections.abc import Callable
from dataclasses import dataclass

from app.core.tools.notations.calls import RawCall
from app.core.tools.notations.cursor import Reading, TextCursor
from app.core.tools.notations.offered import OfferedTools

Reader = Callable[[TextCursor, OfferedTools], Reading[list[RawCall] | None]]


@dataclass(frozen=True, slots=True)
class Notation:
    """A family of notations that are opened by ``marks``.

    ``read`` begins at a mark and gives the calls of the block, [] for a mark that only frames the
    answer's text, and None where there is no block. ``{tool}`` in a mark stands for the name of
    each offered tool; such a mark counts only where a line begins with it.

    ``closing``: what closes blocks, in texts. Left over behind a call it is no text.
    """

    marks: tuple[str, ...]
    read: Reader
    closing: tuple[str, ...] = ()

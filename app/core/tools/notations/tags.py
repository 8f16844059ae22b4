"""XML-like tags as models write them: with namespaces, attributes, and none of XML's strictness."""

import re
from dataclasses import dataclass

import regex

from app.core.tools.elements import named_in
from app.core.tools.notations.cursor import Reading, TextCursor

NAMESPACES = ("antml:", "minimax:", "seed:", "steptml:", "mm:")
"""Claude, MiniMax, Seed, Step 3 and MiniMax again."""

DSML_BARS = ("｜", "|", "‖", "∥", "│", "┃", "❘")
"""DeepSeek writes ``<｜DSML｜invoke>``; servers and prompts change the bars, or double them."""

_BARS = f"[{''.join(DSML_BARS)}]{{1,2}}"
_DSML = f" ?{_BARS} ?DSML ?{_BARS} ?"
_NAMESPACE = rf"(?:{'|'.join(NAMESPACES)}|{_DSML})"
# Hunyuan's tokens have a suffix of the checkpoint, as in <tool_call:6124c78e>.
_SUFFIX = r"(?::[0-9a-f]{6,12})?"
_VALUE = r"""(?:"[^"<>\n]{0,120}"|'[^'<>\n]{0,120}'|[^\s"'<>/=]{1,120})"""
_ATTRIBUTES = (
    rf"(?:\s{{0,4}}=\s{{0,4}}{_VALUE})?"
    rf"(?:\s{{1,16}}[\w:.-]{{1,40}}\s{{0,4}}=\s{{0,4}}{_VALUE}){{0,6}}\s{{0,16}}/?"
)
_STRING_ATTRIBUTE = re.compile(r"""\sstring\s*=\s*["']?(true|false)""")


@dataclass(frozen=True, slots=True)
class Tag:
    """``<name attributes>``, without its namespace; ``attributes`` as they stand there."""

    name: str
    attributes: str

    @property
    def empty(self) -> bool:
        """Whether it is its own closing tag."""
        return self.attributes.endswith("/")

    @property
    def named(self) -> str | None:
        """What the tag names."""
        return named_in(self.attributes)

    @property
    def is_string(self) -> bool | None:
        """What DeepSeek's ``string="true"`` says of the value, None where it says nothing."""
        found = _STRING_ATTRIBUTE.search(self.attributes)
        return found and found[1] == "true"


class TagPattern:
    """Tags of some names, each a regular expression; ``dsml``: those in DeepSeek's namespace only.

    ``opening`` and ``closing`` are patterns of ``re`` for searching: the former ends before the
    attributes, the latter is whole.
    """

    def __init__(self, *names: str, dsml: tuple[str, ...] = ()) -> None:
        self._names = names
        self._dsml = dsml
        either = f"{_NAMESPACE}?(?P<name>{'|'.join(names)})"
        if dsml:
            either = f"(?:{either}|{_DSML}(?P<name>{'|'.join(dsml)}))"
        unnamed = either.replace("?P<name>", "?:")
        self.opening = rf"<{unnamed}{_SUFFIX}(?=[\s>=/])"
        self.closing = rf"</{unnamed}{_SUFFIX}\s{{0,8}}>"
        attributes = f"(?P<attributes>{_ATTRIBUTES})"
        self._opening = regex.compile(rf"<{either}{_SUFFIX}{attributes}>")
        self._closing = regex.compile(rf"</{either}{_SUFFIX}\s{{0,8}}>")

    def __or__(self, other: "TagPattern") -> "TagPattern":
        return TagPattern(*self._names, *other._names, dsml=self._dsml + other._dsml)

    def read(self, cursor: TextCursor) -> Reading[Tag | None]:
        """The opening tag that comes next, if it has one of the names; else nothing is read."""
        found = yield from cursor.match(self._opening)
        return Tag(found["name"], found["attributes"]) if found else None

    def close(self, cursor: TextCursor) -> Reading[bool]:
        """Whether a closing tag comes next, which is read."""
        return (yield from cursor.match(self._closing)) is not None

    def is_cut_off(self, cursor: TextCursor) -> bool:
        """Whether the text ends here or within a closing tag, which is read."""
        return cursor.cut_off(self._closing)


_NAME = regex.compile(rf"<{_NAMESPACE}?(?P<name>[\w.-]{{1,128}})(?={_SUFFIX}[\s>=/])")


def next_name(cursor: TextCursor) -> Reading[str | None]:
    """The name of the opening tag that comes next, read up to there."""
    found = yield from cursor.match(_NAME)
    return found and found["name"]

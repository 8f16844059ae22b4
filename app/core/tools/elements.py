"""Arguments written as child elements: ``<path>a.py</path><limit>5</limit>``."""

import html
import re
from typing import Any

from app.core.tools.mending import without_cdata

_QUOTED = r"""(?:"([^"]*)"|'([^']*)'|([^\s"'/]+))"""
_NAME_ATTRIBUTE = re.compile(rf"(?:^|\s)(?:name|key|tool)\s*=\s*{_QUOTED}|^\s*=\s*{_QUOTED}")
_OPENING = re.compile(r"\s*<([A-Za-z_][\w.-]{0,100})((?:\s[^<>]{0,300})?)>")
_REST_OF_CLOSING = re.compile(r"\s{0,8}>(?=\s{0,64}(?:<[A-Za-z_]|\Z))")
_PADDING = re.compile(r"\n[ \t]*\Z")
_BLANKS = re.compile(r"\s*\Z")
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});")


def named_in(attributes: str) -> str | None:
    """The name in ``name="f"``, ``name='f'``, ``name=f`` or Llama's ``=f``."""
    found = _NAME_ATTRIBUTE.search(attributes)
    return next((group for group in found.groups() if group), None) if found else None


def read_elements(text: str) -> list[tuple[str, str]] | None:
    """The elements of which the text consists, None if it holds anything else.

    Their names are the tags', or what these name, as in ``<parameter name="path">``.
    An element ends at the first closing tag of its name that an element or the end follows.
    """
    pairs, at = [], 0
    while not _BLANKS.match(text, at):
        opening = _OPENING.match(text, at)
        if opening is None:
            return None
        name = named_in(opening[2]) or opening[1]
        if opening[2].endswith("/"):
            pairs.append((name, ""))
            at = opening.end()
            continue
        closing = _closing(text, opening[1], opening.end())
        if closing is None:
            return None
        end, at = closing
        pairs.append((name, _value(text[opening.end() : end])))
    return pairs or None


def _closing(text: str, name: str, at: int) -> tuple[int, int] | None:
    """Where the closing tag begins and ends."""
    while (start := text.find("</" + name, at)) >= 0:
        at = start + 2 + len(name)
        if rest := _REST_OF_CLOSING.match(text, at):
            return start, rest.end()
    return None


def gathered(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The values by name; a name that comes again makes a list."""
    values: dict[str, list[Any]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def _value(text: str) -> str:
    """The text of an element: CDATA is opened, padding on lines of its own is dropped.

    Entities are read only where there is no tag as well: then the text was escaped.
    """
    bare = without_cdata(text)
    if bare is not text:
        return bare
    if text.startswith("\n") and (padding := _PADDING.search(text, 1)):
        text = text[1 : padding.start()]
    return html.unescape(text) if "<" not in text and _ENTITY.search(text) else text

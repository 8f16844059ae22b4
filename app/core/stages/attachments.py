"""Writes the files that a bot made into the text of its answer."""

import re
from collections.abc import Iterator
from urllib.parse import quote

from app.core.events import Batch, Batches, MediaReply, TextDelta


def attach_media(batches: Batches) -> Iterator[Batch]:
    """Files become markdown: where the text refers to them by inline_ref, else at the end."""
    attachments = _Attachments()
    for batch in batches:
        out: Batch = []
        for event in batch:
            match event:
                case MediaReply():
                    out += attachments.add(event)
                case TextDelta(text):
                    out += attachments.resolve(text)
                case _:
                    out.append(event)
        yield out
    yield attachments.close()


_REFERENCE = re.compile(r"!?\[([^\[\]\n]{0,200})\]\[([\w-]{1,64})\]")
_UNFINISHED_REFERENCE = re.compile(r"!?(?:\[[^\[\]\n]{0,200}(?:\](?:\[[\w-]{0,64})?)?)?\Z")
_UNFINISHED_PICTURE = re.compile(r"!(?:\[[^\[\]\n]{0,200}(?:\](?:\[[\w-]{0,64})?)?)?\Z")
_PICTURE_REFERENCE = re.compile(r"!\[[^\[\]\n]{0,200}\]\[([\w-]{1,64})\]")

MAX_HELD_CHARS = 2_000
"""How much text waits for a picture that it refers to."""


class _Attachments:
    """The files of one reply, and which of them its text has shown.

    A reference may come before its file. Text from a picture's reference on is held until the file
    is there, up to MAX_HELD_CHARS; a reference that was let go unresolved gets a definition of
    Markdown's at the end, as in ``[plot]: https://example.com/plot.png``.
    """

    def __init__(self) -> None:
        self._files: list[MediaReply] = []
        self._by_ref: dict[str, MediaReply] = {}
        self._shown: set[str] = set()
        self._undefined: set[str] = set()
        self._held = ""
        self._has_text = False

    def add(self, file: MediaReply) -> Batch:
        """The text that was held for the file."""
        self._files.append(file)
        if file.inline_ref:
            self._by_ref[file.inline_ref] = file
        return self.resolve("") if self._held else []

    def resolve(self, text: str) -> Batch:
        """The text, references replaced, as far as it can be given now."""
        text = self._held + text
        if not self._by_ref and "![" not in text and text[-1:] != "!":
            self._held = ""
            return self._give(text)
        text = _REFERENCE.sub(self._link, text)
        start = self._held_from(text)
        self._held, text = text[start:], text[:start]
        return self._give(text)

    def close(self) -> Batch:
        out = self._give(self._held)
        rest = [file for file in self._files if file.inline_ref not in self._shown]
        if not rest:
            return out
        links = [markdown_link(file) for file in rest if file.inline_ref not in self._undefined]
        definitions = [
            f"[{file.inline_ref}]: {_url(file)}"
            for file in rest
            if file.inline_ref in self._undefined
        ]
        border = "\n\n" if self._has_text else ""
        return [*out, TextDelta(border + "\n".join([*links, *definitions]))]

    def _held_from(self, text: str) -> int:
        """Where the text begins that must wait: a reference that may be finished or resolved."""
        waiting = _PICTURE_REFERENCE.search(text, max(0, len(text) - MAX_HELD_CHARS))
        if waiting:
            return waiting.start()
        ending = _UNFINISHED_REFERENCE if self._by_ref else _UNFINISHED_PICTURE
        unfinished = ending.search(text)
        return unfinished.start() if unfinished else len(text)

    def _give(self, text: str) -> Batch:
        self._undefined |= references_in(text)
        self._has_text = self._has_text or bool(text)
        return [TextDelta(text)] if text else []

    def _link(self, reference: re.Match[str]) -> str:
        file = self._by_ref.get(reference[2])
        if file is None:
            return reference[0]
        self._shown.add(reference[2])
        return markdown_link(file, title=reference[1])


def references_in(text: str) -> set[str]:
    """The names of files to which the text refers, as in ``![plot][ref]``."""
    if "][" not in text:  # found a hundred times as fast as the pattern
        return set()
    return {found[2] for found in _REFERENCE.finditer(text)}


def markdown_link(file: MediaReply, title: str | None = None) -> str:
    """``![name](url)`` for an image, ``[name](url)`` for any other file."""
    label = (file.name if title is None else title).replace("[", "(").replace("]", ")")
    return f"{'!' if file.content_type.startswith('image/') else ''}[{label}]({_url(file)})"


_ESCAPED = str.maketrans({char: quote(char) for char in ' ()"\\'})
"""What would end a link, or the JSON string that it stands in."""


def _url(file: MediaReply) -> str:
    return file.url.translate(_ESCAPED)

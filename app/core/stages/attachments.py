"""Writes the files that a bot made into the text of its answer."""

import re
from collections.abc import Iterator

from app.core.events import Batch, Batches, MediaReply, TextDelta


def attach_media(batches: Batches) -> Iterator[Batch]:
    """Files become markdown: where the text refers to them by inline_ref, else at the end."""
    attachments = _Attachments()
    for batch in batches:
        out: Batch = []
        for event in batch:
            match event:
                case MediaReply():
                    attachments.add(event)
                case TextDelta(text):
                    out += attachments.resolve(text)
                case _:
                    out.append(event)
        yield out
    yield attachments.close()


_REFERENCE = re.compile(r"!?\[([^\[\]\n]{0,200})\]\[([\w-]{1,64})\]")
_UNFINISHED_REFERENCE = re.compile(r"!?(?:\[[^\[\]\n]{0,200}(?:\](?:\[[\w-]{0,64})?)?)?\Z")


class _Attachments:
    """The files of one reply, and which of them the text already contains."""

    def __init__(self) -> None:
        self._files: list[MediaReply] = []
        self._by_ref: dict[str, MediaReply] = {}
        self._shown: set[str] = set()
        self._held = ""
        self._has_text = False

    def add(self, file: MediaReply) -> None:
        self._files.append(file)
        if file.inline_ref:
            self._by_ref[file.inline_ref] = file

    def resolve(self, text: str) -> Batch:
        """The text with its references replaced; unchanged if there are no inline files."""
        if self._by_ref:
            text = _REFERENCE.sub(self._link, self._held + text)
            held = _UNFINISHED_REFERENCE.search(text)
            self._held = held[0] if held else ""
            text = text[: len(text) - len(self._held)]
        self._has_text = self._has_text or bool(text)
        return [TextDelta(text)] if text else []

    def close(self) -> Batch:
        text, self._held = self._held, ""
        self._has_text = self._has_text or bool(text)
        rest = [file for file in self._files if file.inline_ref not in self._shown]
        if rest:
            text += "\n\n" if self._has_text else ""
            text += "\n".join(map(markdown_link, rest))
        return [TextDelta(text)] if text else []

    def _link(self, reference: re.Match[str]) -> str:
        file = self._by_ref.get(reference[2])
        if file is None:
            return reference[0]
        self._shown.add(reference[2])
        return markdown_link(file, title=reference[1])


def markdown_link(file: MediaReply, title: str | None = None) -> str:
    """``![name](url)`` for an image, ``[name](url)`` for any other file."""
    label = (file.name if title is None else title).replace("[", "(").replace("]", ")")
    url = file.url.replace(" ", "%20").replace("(", "%28").replace(")", "%29")
    return f"{'!' if file.content_type.startswith('image/') else ''}[{label}]({url})"

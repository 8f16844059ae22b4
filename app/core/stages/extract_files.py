"""Separates the files that a bot made from its text, for endpoints whose answer is a file."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from app.core.events import Batch, Batches, Finished, MediaReply, TextDelta
from app.core.media_types import USUAL, type_of_name
from app.errors import UpstreamError

Bring = Callable[[MediaReply], MediaReply]
"""Applied to each file: returns it unchanged, or with its bytes in a data URL."""

MAX_QUOTED_CHARS = 2_000

_LINK = re.compile(
    r"!?\[([^\[\]\n]{0,2000})\]"
    r"\(\s*<?((?:https?://|data:)[^\s()<>]+(?:\([^\s()<>]*\)[^\s()<>]*)*)>?(?:\s+\"[^\"\n]*\")?\s*\)",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"!?\[[^\[\]\n]{0,2000}\]\[([\w-]{1,64})\]")


def leave(file: MediaReply) -> MediaReply:
    return file


def only_files(
    batches: Batches, *, bot: str, bring: Bring = leave, wants: tuple[str, ...] = ("",)
) -> Iterator[Batch]:
    """The files, each as soon as it arrives; at the end the remaining text, then Finished.

    An image that the text links to counts as a file, because many bots write links. A link to a
    sound or a video counts too if no other file's content type begins with one of ``wants``. Raises
    UpstreamError if there is no file at all: the failure of the first one, or the bot's text.
    """
    reply = _FilesOfReply(bot, bring, wants)
    for batch in batches:
        out: Batch = []
        for event in batch:
            match event:
                case MediaReply():
                    out += reply.add(event)
                case TextDelta(text):
                    reply.write(text)
                case Finished():
                    out += [*reply.close(), event]
                case _:
                    out.append(event)
        yield out


def first_wanted(files: Sequence[MediaReply], wants: tuple[str, ...]) -> MediaReply:
    """The first file whose content type begins with the first of ``wants``, else with the next one,
    else the first file. ``files`` must not be empty."""
    for kind in wants:
        for file in files:
            if file.content_type.lower().startswith(kind):
                return file
    return files[0]


class _FilesOfReply:
    """The files and text of one reply so far."""

    def __init__(self, bot: str, bring: Bring, wants: tuple[str, ...]) -> None:
        self._bot = bot
        self._bring = bring
        self._wants = wants
        self._texts: list[str] = []
        self._urls: set[str] = set()
        self._refs: set[str | None] = set()
        self._kinds: list[str] = []
        self._fault: UpstreamError | None = None

    def write(self, text: str) -> None:
        self._texts.append(text)

    def add(self, file: MediaReply) -> Batch:
        """The file after ``bring``; empty for a repeated file and for one whose ``bring``
        failed."""
        self._refs.add(file.inline_ref)
        if file.url in self._urls:
            return []
        self._urls.add(file.url)
        try:
            brought = self._bring(file)
        except UpstreamError as error:
            self._fault = self._fault or error
            return []
        self._kinds.append(brought.content_type.lower())
        return [brought]

    def close(self) -> Batch:
        text = "".join(self._texts)
        links = [*_LINK.finditer(text)]
        files = self._add_linked(link for link in links if link[0].startswith("!"))
        if not any(kind.startswith(self._wants) for kind in self._kinds):
            files += self._add_linked(
                link for link in links if _type_of(link[2]).startswith(("audio/", "video/"))
            )
        if not self._kinds:
            raise self._fault or _no_file(self._bot, text)
        beside = _REFERENCE.sub(self._without_files, _LINK.sub(self._without_links, text)).strip()
        return [*files, TextDelta(beside)] if beside else files

    def _add_linked(self, links: Iterable[re.Match[str]]) -> Batch:
        return [file for link in links for file in self.add(_linked(link))]

    def _without_files(self, reference: re.Match[str]) -> str:
        return "" if reference[1] in self._refs else reference[0]

    def _without_links(self, link: re.Match[str]) -> str:
        return "" if link[2] in self._urls else link[0]


def _linked(link: re.Match[str]) -> MediaReply:
    title, url = link[1], link[2]
    return MediaReply(url, _type_of(url) or USUAL["image"], title or "image")


def _type_of(url: str) -> str:
    """The content type of the extension in the link's path, or of a data URL; else ""."""
    return type_of_name(re.split("[?#]", url, maxsplit=1)[0]) or ""


def _no_file(bot: str, text: str) -> UpstreamError:
    words = text.strip()
    said = f"It said: {words[:MAX_QUOTED_CHARS]}" if words else "It said nothing."
    return UpstreamError(
        f"The bot {bot!r} returned no file. {said}", code="no_file", retryable=False
    )

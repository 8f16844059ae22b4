"""Files that a bot made, apart from the text beside them: for endpoints whose answer is a file."""

import mimetypes
import re
from collections.abc import Callable, Iterator

from app.core.events import Batch, Batches, Finished, MediaReply, TextDelta
from app.errors import UpstreamError

Bring = Callable[[MediaReply], MediaReply]
"""What is done with each file on its way: nothing, or its bytes are brought in."""

TOLD_CHARS = 2_000

_IMAGE_LINK = re.compile(
    r"!\[([^\[\]\n]{0,2000})\]"
    r"\(\s*<?((?:https?://|data:)[^\s()<>]+(?:\([^\s()<>]*\)[^\s()<>]*)*)>?(?:\s+\"[^\"\n]*\")?\s*\)",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"!?\[[^\[\]\n]{0,2000}\]\[([\w-]{1,64})\]")


def only_files(batches: Batches, *, bot: str, bring: Bring) -> Iterator[Batch]:
    """The files, each as soon as it is there; at the end the text beside them, then Finished.

    An image that the text links to is a file too: many bots of Poe write links. Raises
    UpstreamError where there is no file at all: in the bot's words, or of the first one's failure.
    """
    reply = _FilesOfReply(bot, bring)
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


class _FilesOfReply:
    """What one reply has brought so far."""

    def __init__(self, bot: str, bring: Bring) -> None:
        self._bot = bot
        self._bring = bring
        self._texts: list[str] = []
        self._urls: set[str] = set()
        self._refs: set[str | None] = set()
        self._brought = 0
        self._fault: UpstreamError | None = None

    def write(self, text: str) -> None:
        self._texts.append(text)

    def add(self, file: MediaReply) -> Batch:
        """The file, brought in: once, however often it is named. None where that fails."""
        self._refs.add(file.inline_ref)
        if file.url in self._urls:
            return []
        self._urls.add(file.url)
        try:
            brought = self._bring(file)
        except UpstreamError as error:
            self._fault = self._fault or error
            return []
        self._brought += 1
        return [brought]

    def close(self) -> Batch:
        text = "".join(self._texts)
        files = [file for link in _IMAGE_LINK.finditer(text) for file in self.add(_linked(link))]
        if not self._brought:
            raise self._fault or _no_file(self._bot, text)
        beside = _REFERENCE.sub(self._without_files, _IMAGE_LINK.sub("", text)).strip()
        return [*files, TextDelta(beside)] if beside else [*files]

    def _without_files(self, reference: re.Match[str]) -> str:
        return "" if reference[1] in self._refs else reference[0]


def _linked(link: re.Match[str]) -> MediaReply:
    title, url = link[1], link[2]
    content_type = mimetypes.guess_type(url.partition("?")[0])[0] or "image/png"
    return MediaReply(url, content_type, title or "image")


def _no_file(bot: str, text: str) -> UpstreamError:
    words = text.strip()
    said = f"It said: {words[:TOLD_CHARS]}" if words else "It said nothing."
    return UpstreamError(f"The bot {bot!r} returned no file. {said}", code="no_file")

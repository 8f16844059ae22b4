"""The demo bots. Each shows one way in which bots on Poe write their answers."""

import asyncio
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import ClassVar

import fastapi_poe as fp

from app.demo.picture import colours_for

STORY = """\
Before the harbour woke, Ines climbed the rusted ladder to her tide gauge and brushed salt from \
its brass dial. For eleven winters she had copied each number into a green ledger, though nobody \
asked to read it. That morning the needle disagreed with the moon.

Water stood a hand lower than it should, flat as poured glass, and gulls walked where boats \
usually floated. She rang the bell anyway. Fishermen laughed from their doorways, then noticed \
ropes hanging slack, and stopped. "Move the children uphill," she called, quietly certain. They \
carried grandmothers, bread, two goats, one piano stool. Within an hour the sea returned as a \
long grey shoulder, pushing sheds across the market and leaving eels in the chapel. Not one \
person was missing.

Afterwards, the mayor offered Ines a medal shaped like an anchor. She requested fresh ink, a \
better chair, and somebody young enough to learn slow arithmetic. A boy named Tomas volunteered \
because he liked ladders. Together they repaired the gauge, painted its scale white, and opened \
a new page. Every dawn he reads the height aloud; she writes it down. People visit just to \
listen. Numbers, it turns out, can sound like a lullaby."""
STORY_GAP = 1 / 50
"""Seconds from one word of the story to the next."""

FINDINGS = (
    "Tides follow the moon: most coasts see high water twice in about twenty-five hours. "
    "A bay's shape decides how far the water climbs."
)
SEARCH_STATUS = "\n\nSearching... (1s elapsed)"

FAILURES: dict[str | None, str] = {
    "user_message_too_long": "The message is longer than this bot can read.",
    "insufficient_fund": "The account has too few points left for this bot.",
    "user_caused_error": "The message asks for something that this bot cannot do.",
    "privacy_authorization_error": "The account has not allowed this bot to see the message.",
    None: "This bot always fails. Send the name of an error_type, such as insufficient_fund, "
    "to choose how.",
}


def words(text: str) -> list[str]:
    """The text cut after each word's white space. Joined, the pieces are the very text."""
    return re.findall(r"\S+\s*|\s+", text)


def snippets(text: str, length: int = 4) -> list[str]:
    """The text cut every few characters, as models cut it: through words and markup alike."""
    return [text[start : start + length] for start in range(0, len(text), length)]


def last_text(request: fp.QueryRequest) -> str:
    """What the user said last, or an empty text where the user said nothing."""
    return next((said.content for said in reversed(request.query) if said.role == "user"), "")


async def paced(pieces: Iterable[str], gap: float = 0.0) -> AsyncIterator[fp.PartialResponse]:
    """The pieces as parts of an answer, one every ``gap`` seconds on average."""
    clock = asyncio.get_running_loop().time
    due = clock()
    for piece in pieces:
        # Sleeping until a due time, not for a gap, keeps the rate when the server is busy.
        # Even a gap of 0 sleeps once, so that one long answer doesn't hold up the others.
        await asyncio.sleep(max(0.0, due - clock()))
        yield fp.PartialResponse(text=piece)
        due += gap


def replacement(text: str) -> fp.PartialResponse:
    """Takes back all the text so far and puts this in its place."""
    return fp.PartialResponse(text=text, is_replace_response=True)


class DemoBot(fp.PoeBot):
    """A bot that is served at ``/<name>`` and reads the messages as they were sent."""

    name: ClassVar[str]

    def __init__(self) -> None:
        super().__init__(
            path=f"/{self.name}", bot_name=self.name, should_insert_attachment_messages=False
        )


class Echo(DemoBot):
    """Says the last user message again, word by word, to the last blank."""

    name = "demo-echo"

    async def get_response(self, request: fp.QueryRequest) -> AsyncIterable[fp.PartialResponse]:
        async for part in paced(words(last_text(request) or "(your message was empty)")):
            yield part


class Story(DemoBot):
    """Tells 200 words, always the same, at about 50 words a second."""

    name = "demo-story"

    async def get_response(self, request: fp.QueryRequest) -> AsyncIterable[fp.PartialResponse]:
        async for part in paced(words(STORY), STORY_GAP):
            yield part


class Reasoner(DemoBot):
    """Thinks in quote lines under a ``*Thinking...*`` line, as Poe's reasoning bots do."""

    name = "demo-reasoner"

    async def get_response(self, request: fp.QueryRequest) -> AsyncIterable[fp.PartialResponse]:
        text = last_text(request)
        thoughts = "> The user wants this looked at.\n> \n> I count words, then characters."
        answer = f"Your message has {len(text.split())} words and {len(text)} characters."
        written = f"*Thinking...*\n\n{thoughts}\n\n{answer}"
        async for part in paced(snippets(written), gap=0.005):
            yield part


class Image(DemoBot):
    """Draws the prompt as a two-colour gradient, under the status lines of an image bot."""

    name = "demo-image"

    async def get_response_with_context(
        self, request: fp.QueryRequest, context: fp.RequestContext
    ) -> AsyncIterable[fp.PartialResponse]:
        colours = colours_for(last_text(request))
        yield fp.PartialResponse(text="Generating image...")
        await asyncio.sleep(0.1)
        yield replacement("Generating image (1s elapsed)")
        yield replacement("")
        # The request's own base URL leads back to this server, whatever port it got.
        url = f"{context.http_request.base_url}files/{colours}.png"
        picture = fp.Attachment(url=url, content_type="image/png", name=f"{colours}.png")
        yield fp.PartialResponse(text="", attachment=picture)


class Search(DemoBot):
    """Sends its answer a second time, whole, in place of the first with its status line."""

    name = "demo-search"

    async def get_response(self, request: fp.QueryRequest) -> AsyncIterable[fp.PartialResponse]:
        yield fp.MetaResponse(text="", suggested_replies=True)
        async for part in paced(words(FINDINGS), gap=0.005):
            yield part
        yield fp.PartialResponse(text=SEARCH_STATUS)
        await asyncio.sleep(0.05)
        yield replacement(FINDINGS)
        yield fp.PartialResponse(text="What makes a spring tide?", is_suggested_reply=True)


class Error(DemoBot):
    """Fails. The last user message picks the error_type; any other text gets none."""

    name = "demo-error"

    async def get_response(self, request: fp.QueryRequest) -> AsyncIterable[fp.PartialResponse]:
        asked = last_text(request).strip()
        kind = asked if asked in FAILURES else None
        yield fp.ErrorResponse.model_validate(
            {"text": FAILURES[kind], "allow_retry": False, "error_type": kind}
        )


BOTS: tuple[DemoBot, ...] = (Echo(), Story(), Reasoner(), Image(), Search(), Error())

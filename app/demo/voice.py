"""The demo bots that speak and listen: what one of them says, the other one writes down."""

import base64
from collections.abc import AsyncIterable

import fastapi_poe as fp

from app.demo.bots import DemoBot, last_text, paced, words
from app.demo.sound import listen, name_of, play

FOLDER = "files/"
NOTHING_HEARD = "I hear no words in this file. I understand only what demo-speech says."


class Speech(DemoBot):
    """Plays the user's text as a tune, as a bot of Poe speaks it. Its parameter is ``speed``."""

    name = "demo-speech"

    async def get_response_with_context(
        self, request: fp.QueryRequest, context: fp.RequestContext
    ) -> AsyncIterable[fp.PartialResponse]:
        speed = (request.query[-1].parameters or {}).get("speed")
        try:
            name = name_of(last_text(request), speed if isinstance(speed, int | float) else 1.0)
        except ValueError as error:
            yield fp.PartialResponse(text=str(error))
            return
        url = f"{context.http_request.base_url}{FOLDER}{name}.wav"
        tune = fp.Attachment(url=url, content_type="audio/wav", name="speech.wav")
        yield fp.PartialResponse(text="", attachment=tune)


class Transcriber(DemoBot):
    """Writes down what demo-speech has played in the files of the last message."""

    name = "demo-transcriber"

    async def get_response_with_context(
        self, request: fp.QueryRequest, context: fp.RequestContext
    ) -> AsyncIterable[fp.PartialResponse]:
        here = f"{context.http_request.base_url}{FOLDER}"
        files = request.query[-1].attachments
        heard = "\n".join(hear(file.url, here) for file in files) or NOTHING_HEARD
        async for part in paced(words(heard), gap=0.01):
            yield part


def hear(url: str, here: str) -> str:
    """What a file says: one that came within its link, or one of this server's, at ``here``."""
    try:
        if url.startswith(here):
            return listen(play(url.removeprefix(here).removesuffix(".wav")))
        return listen(base64.b64decode(url.partition(";base64,")[2]))
    except ValueError:
        return NOTHING_HEARD

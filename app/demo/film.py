"""``demo-video``: shoots a second of film from its prompt, slowly enough to be waited for."""

import asyncio
from collections.abc import AsyncIterable

import fastapi_poe as fp

from app.demo.bots import DemoBot, last_text, replacement
from app.demo.picture import colours_for

STEPS = 3
STEP_SECONDS = 0.25


class Film(DemoBot):
    """Two colours of the prompt run into each other, under the status lines of a video bot."""

    name = "demo-video"

    async def get_response_with_context(
        self, request: fp.QueryRequest, context: fp.RequestContext
    ) -> AsyncIterable[fp.PartialResponse]:
        colours = colours_for(last_text(request))
        for step in range(1, STEPS + 1):
            yield replacement(f"Generating video ({step}s elapsed)")
            await asyncio.sleep(STEP_SECONDS)
        yield replacement("")
        url = f"{context.http_request.base_url}files/{colours}.avi"
        film = fp.Attachment(url=url, content_type="video/x-msvideo", name=f"{colours}.avi")
        yield fp.PartialResponse(text="", attachment=film)

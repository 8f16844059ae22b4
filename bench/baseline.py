"""The relay to beat: what a FastAPI developer would write around `get_bot_response` in an hour.

It is neither tuned nor crippled: one shared client, with httpx's cap of 100 connections lifted
so that a thousand streams at once are not refused by a default.
"""

import json
import os
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from fastapi_poe import ProtocolMessage, get_bot_response
from pydantic import BaseModel

POE_BASE_URL = os.environ.get("POE_BASE_URL", "https://api.poe.com/bot/")
ROLES: dict[str, Any] = {"assistant": "bot"}


class ChatMessage(BaseModel):
    """One message of the conversation, in OpenAI's words."""

    role: str
    content: str


class ChatRequest(BaseModel):
    """The part of OpenAI's request that the benchmark uses."""

    model: str
    messages: list[ChatMessage]
    stream: bool = True


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Opens the one client that every request shares."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
    async with httpx.AsyncClient(timeout=300, limits=limits) as session:
        app.state.session = session
        yield


app = FastAPI(lifespan=lifespan)


def chunk(head: dict[str, Any], delta: dict[str, str], reason: str | None = None) -> str:
    """One OpenAI chunk as an SSE frame."""
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return f"data: {json.dumps({**head, 'choices': [choice]})}\n\n"


async def frames(query: ChatRequest, key: str, session: httpx.AsyncClient) -> AsyncIterator[str]:
    """The answer as OpenAI frames, one a partial."""
    messages = [
        ProtocolMessage(role=ROLES.get(message.role, message.role), content=message.content)
        for message in query.messages
    ]
    head = {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": query.model,
    }
    yield chunk(head, {"role": "assistant", "content": ""})
    async for partial in get_bot_response(
        messages, query.model, key, base_url=POE_BASE_URL, session=session
    ):
        yield chunk(head, {"content": partial.text})
    yield chunk(head, {}, "stop")
    yield "data: [DONE]\n\n"


@app.post("/v1/chat/completions")
async def chat_completions(query: ChatRequest, request: Request) -> StreamingResponse:
    """Answers a chat request as a stream."""
    key = request.headers.get("authorization", "").removeprefix("Bearer ")
    answer = frames(query, key, request.app.state.session)
    return StreamingResponse(answer, media_type="text/event-stream")

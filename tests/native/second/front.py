"""Poe's address before a second gateway: a list of models that needs no key, as Poe's; all else is
the second gateway's. Run as ``python -m tests.native.second.front PORT GATEWAY``.
"""

import sys
from typing import Any

import httpx
import uvicorn

from tests.poe_api import MODELS
from tests.upstream import Exchange

client = httpx.AsyncClient(base_url=sys.argv[2] if len(sys.argv) > 2 else "", timeout=60)
NOT_PASSED = (b"host", b"content-length", b"transfer-encoding", b"connection")


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    exchange = Exchange(scope, receive, send)
    if exchange.path == "/v1/models":
        await exchange.answer(200, {"object": "list", "data": MODELS})
        return
    headers = [pair for pair in scope["headers"] if pair[0] not in NOT_PASSED]
    body = await exchange.body()
    sent = client.build_request(scope["method"], exchange.path, headers=headers, content=body)
    answer = await client.send(sent, stream=True)
    kept = [pair for pair in answer.headers.raw if pair[0].lower() not in NOT_PASSED]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": kept})
    try:
        async for piece in answer.aiter_raw():
            await exchange.write(piece)
        await exchange.write(b"", more=False)
    finally:
        await answer.aclose()


if __name__ == "__main__":
    uvicorn.run(application, port=int(sys.argv[1]), log_level="critical", lifespan="off")

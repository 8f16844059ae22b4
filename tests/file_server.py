"""A simulated upload endpoint of Poe's that keeps what it is sent, and gives it out again.

``POST /poe_api/file_upload_3RD_PARTY_POST`` answers with a link to ``/files/NUMBER/NAME``, where
the file then is. A file of the name ``refused.bin`` is answered with 413.
``GET /uploads``: the names that were uploaded, in their order.
Run as ``python -m tests.file_server PORT``.
"""

import sys
from io import BytesIO
from typing import Any

import uvicorn
from werkzeug.datastructures import FileStorage
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from tests.upload_server import ENDPOINT
from tests.upstream import Exchange

BLOCK_BYTES = 65_536
LINKED = b"what stood behind a link"

kept: list[tuple[str, str, bytes]] = []


async def read_file(exchange: Exchange, receive: Any) -> FileStorage:
    """The file, or what a link would have led to."""
    blocks, more = [], True
    while more:
        message = await receive()
        blocks.append(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"".join(blocks)
    kind, options = parse_options_header(exchange.headers["content-type"])
    _, form, files = FormDataParser().parse(BytesIO(body), kind, len(body), options)
    if "download_url" in form:
        return FileStorage(BytesIO(LINKED), "linked.bin", content_type="application/octet-stream")
    return files["file"]


async def take(exchange: Exchange, receive: Any) -> None:
    file = await read_file(exchange, receive)
    if file.filename == "refused.bin":
        await exchange.answer(413, {"detail": "too large"})
        return
    kept.append((str(file.filename), file.mimetype, file.read()))
    url = f"http://{exchange.headers['host']}/files/{len(kept) - 1}/{file.filename}"
    await exchange.answer(200, {"attachment_url": url, "mime_type": file.mimetype})


async def give(exchange: Exchange) -> None:
    _, kind, data = kept[int(exchange.path.split("/")[2])]
    await exchange.start(200, kind, content_length=str(len(data)))
    for start in range(0, len(data), BLOCK_BYTES):
        await exchange.write(data[start : start + BLOCK_BYTES])
    await exchange.write(b"", more=False)


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    exchange = Exchange(scope, receive, send)
    if exchange.path == ENDPOINT:
        await take(exchange, receive)
    elif exchange.path.startswith("/files/"):
        await give(exchange)
    else:
        await exchange.answer(200, [name for name, _, _ in kept])


if __name__ == "__main__":
    uvicorn.run(application, port=int(sys.argv[1]), log_level="critical", lifespan="off")

"""A simulated upload endpoint of Poe's that misbehaves as the files' names say.

``POST /poe_api/file_upload_3RD_PARTY_POST`` takes a file or a ``download_url``. The name's first
word says what happens, its second how: ``slow-0.3 …`` seconds, ``status-402 …``, ``once-503 …``
(that status at its first try only), ``echo-401 …`` (the status, and all that was sent, in the
answer's text), ``garbage-KIND …``, ``cut …``.
A key that begins with ``refused-`` gets a 401.
``GET /uploads/{key}``: what was asked by that key, and how many of it at once.
Run as ``python -m tests.upload_server PORT``.
"""

import asyncio
import sys
from collections import Counter, defaultdict
from hashlib import sha256
from io import BytesIO
from typing import Any

import uvicorn
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from tests.upstream import Exchange

ENDPOINT = "/poe_api/file_upload_3RD_PARTY_POST"
FOLDER = "/poe_api/"

asked: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
running: Counter[str] = Counter()
most: Counter[str] = Counter()

GARBAGE = {
    "html": b"<html>no upload here</html>",
    "fields": b'{"attachment_url": "https://files.test/1"}',
    "null": b"null",
    "list": b'["attachment_url", "mime_type"]',
    "types": b'{"attachment_url": 5, "mime_type": []}',
    "empty": b"",
}


def read_upload(exchange: Exchange, body: bytes) -> dict[str, Any]:
    """What one request asked for. Werkzeug's parser is not the library's own and not httpx."""
    kind, options = parse_options_header(exchange.headers["content-type"])
    _, form, files = FormDataParser().parse(BytesIO(body), kind, len(body), options)
    if "file" not in files:
        return {"url": form["download_url"], "name": form.get("download_filename")}
    data = files["file"].read()
    return {
        "name": files["file"].filename,
        "type": files["file"].content_type,
        "size": len(data),
        "sha256": sha256(data).hexdigest(),
    }


async def answer_upload(exchange: Exchange, upload: dict[str, Any], tries: int) -> None:
    behaviour, _, argument = str(upload["name"]).partition(" ")[0].partition("-")
    if behaviour == "slow":
        await asyncio.sleep(float(argument))
    if behaviour == "cut":
        await exchange.start(content_length="100")
        await exchange.write(b'{"attach')
        raise ConnectionAbortedError("cut on purpose")
    if behaviour == "status" or (behaviour == "once" and tries == 1):
        await exchange.answer(int(argument), {"detail": f"told with {argument}"}, retry_after="7")
    elif behaviour == "echo":
        words = f"key {exchange.headers['authorization']} for {upload} " * 20
        await exchange.answer(int(argument), {"detail": words})
    elif behaviour == "garbage":
        await exchange.start(kind="application/json")
        await exchange.write(GARBAGE[argument], more=False)
    else:
        mark = upload.get("sha256") or sha256(upload["url"].encode()).hexdigest()
        url = f"https://files.test/{mark}/{upload['name']}"
        await exchange.answer(200, {"attachment_url": url, "mime_type": "test/type"})


async def take_upload(exchange: Exchange, key: str) -> None:
    """The body is read within the count: reading is a part of an upload's time."""
    running[key] += 1
    most[key] = max(most[key], running[key])
    try:
        upload = read_upload(exchange, await exchange.body())
        tries = 1 + sum(earlier["name"] == upload["name"] for earlier in asked[key])
        asked[key].append(upload)
        if key.startswith("refused-"):
            await exchange.answer(401, {"detail": "Invalid API key"})
        else:
            await answer_upload(exchange, upload, tries)
    finally:
        running[key] -= 1


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    exchange = Exchange(scope, receive, send)
    if exchange.path.startswith("/uploads/"):
        key = exchange.path.removeprefix("/uploads/")
        await exchange.answer(200, {"asked": asked[key], "most": most[key]})
    elif exchange.path == ENDPOINT and scope["method"] == "POST":
        await take_upload(exchange, exchange.headers.get("authorization", ""))
    else:
        await exchange.answer(404, {"detail": "no such route"})


if __name__ == "__main__":
    uvicorn.run(application, port=int(sys.argv[1]), log_level="critical", lifespan="off")

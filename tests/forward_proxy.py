"""A forward proxy that wants credentials: CONNECT tunnels, and plain requests by absolute URI.

Run as ``python -m tests.forward_proxy PORT``. It prints a line for each request it lets through.
"""

import asyncio
import base64
import sys
from urllib.parse import urlsplit

USER = "proxy-user:proxy-pass"
_EXPECTED = b"Basic " + base64.b64encode(USER.encode())


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    method, target, _ = first.split(b" ")
    if not any(
        line.lower().startswith(b"proxy-authorization: ") and line.endswith(_EXPECTED)
        for line in lines
    ):
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        writer.close()
        return
    print(method.decode(), target.decode(), flush=True)
    if method == b"CONNECT":
        host, _, port = target.decode().rpartition(":")
        there = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    else:
        url = urlsplit(target.decode())
        there = await asyncio.open_connection(url.hostname, url.port)
        there[1].write(head.replace(target, url.path.encode(), 1))
    await asyncio.gather(pipe(reader, there[1]), pipe(there[0], writer))


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def main(port: int) -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))

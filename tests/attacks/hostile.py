"""Bots and services that try to harm whoever asks them.

``/{name}-{number}``: the name says what happens. Run as ``python -m tests.attacks.hostile PORT``.
"""

import gzip
import json
import re
import socketserver
import sys
from collections.abc import Iterator
from contextlib import suppress

MEGABYTE = 1_000_000
OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
STREAM = OK + b"Content-Type: text/event-stream\r\n\r\n"


def event(name: str, /, **data: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def text(content: str) -> bytes:
    return event("text", text=content)


DONE = event("done")


def plain(_: int) -> Iterator[bytes]:
    yield STREAM + text("done") + DONE


def error(megabytes: int) -> Iterator[bytes]:
    yield b"HTTP/1.1 500 No\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n"
    yield from [b"x" * MEGABYTE] * megabytes


def bomb(status: int) -> Iterator[bytes]:
    """Two megabytes that stand for two gigabytes, in an encoding that nobody asked for."""
    packed = gzip.compress(b"\0" * 100 * MEGABYTE, 9) * 20
    yield f"HTTP/1.1 {status} So\r\nContent-Encoding: gzip\r\n".encode()
    yield b"Content-Type: text/event-stream\r\nConnection: close\r\n\r\n" + packed


def headers(megabytes: int) -> Iterator[bytes]:
    yield OK
    for number in range(megabytes):
        yield b"".join(b"x-%d-%d: %s\r\n" % (number, line, b"y" * 990) for line in range(1_000))
    yield b"\r\n"


def header(megabytes: int) -> Iterator[bytes]:
    """One long one."""
    yield OK + b"x-long: "
    yield from [b"y" * MEGABYTE] * megabytes
    yield b"\r\n\r\n"


def trailers(megabytes: int) -> Iterator[bytes]:
    yield OK + b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    yield b"5\r\n: x\n\n\r\n0\r\n"
    for number in range(megabytes):
        yield b"".join(b"x-%d-%d: %s\r\n" % (number, line, b"y" * 990) for line in range(1_000))
    yield b"\r\n"


def answer(megabytes: int) -> Iterator[bytes]:
    yield STREAM
    yield from [text("word " * 800) * 250] * megabytes
    yield DONE


def calls(megabytes: int) -> Iterator[bytes]:
    """OpenAI's chunks of one call whose arguments never end."""
    yield STREAM
    call = {"index": 0, "id": "a", "type": "function"}
    for number in range(megabytes * 250):
        function = {"name": "f" if number == 0 else None, "arguments": "x" * 4_000}
        delta = {"tool_calls": [{**call, "function": function}]}
        yield event("json", choices=[{"index": 0, "delta": delta, "finish_reason": None}])
    yield DONE


def event_of(megabytes: int) -> Iterator[bytes]:
    """One event that does not end."""
    yield STREAM + b'event: text\ndata: {"text": "'
    yield from [b"x" * MEGABYTE] * megabytes


def letters(thousands: int) -> Iterator[bytes]:
    yield STREAM
    yield from [text("a") * 1_000] * thousands
    yield DONE


def quotes(thousands: int) -> Iterator[bytes]:
    """Reasoning of nothing but quote marks."""
    yield STREAM + text("*Thinking...*\n\n> hm\n")
    yield from [text(">" * 1_000)] * thousands
    yield DONE


def quoted_lines(thousands: int) -> Iterator[bytes]:
    yield STREAM + text("*Thinking...*\n\n> hm\n")
    yield from [text("> \n" * 1_000)] * thousands
    yield DONE


def replacements(count: int) -> Iterator[bytes]:
    """Contradicts itself again and again, with ever longer texts."""
    yield STREAM + text("one")
    for number in range(count):
        yield event("replace_response", text=f"{number} " * number)
    yield DONE


def contradiction(pairs: int) -> Iterator[bytes]:
    yield STREAM + text("one") + event("replace_response", text="two")
    for number in range(pairs):
        link = f"https://files.test/{number}.png"
        yield event("file", url=link, content_type="image/png", name=f"{number}.png")
        yield text(f"part {number} ")
    yield DONE


def files(count: int) -> Iterator[bytes]:
    yield STREAM
    for number in range(count):
        link = f"https://files.test/{number}.png"
        yield text(f"![{number}]({link})\n")
        yield event("file", url=link, content_type="image/png", name=f"{number}.png")
    yield DONE


def brackets(thousands: int) -> Iterator[bytes]:
    """What may begin a call of a tool in many notations, and never does."""
    yield STREAM
    yield from [text('<tool_call>{"name": [<function=' * 30)] * thousands
    yield DONE


def wrong_json(_: int) -> Iterator[bytes]:
    yield STREAM + text(json.dumps({"a": "a" * 40 + "b"})) + DONE


def slow_link(_: int) -> Iterator[bytes]:
    yield STREAM + event(
        "file", url="https://one.slow.test/a.png", content_type="image/png", name="a.png"
    )
    yield text("done") + DONE


BEHAVIOURS = {
    behaviour.__name__: behaviour
    for behaviour in (
        plain,
        error,
        bomb,
        headers,
        header,
        trailers,
        answer,
        calls,
        event_of,
        letters,
        quotes,
        quoted_lines,
        replacements,
        contradiction,
        files,
        brackets,
        wrong_json,
        slow_link,
    )
}


TARGET = re.compile(r"/(?:hostile-)?(\w+)-(\d+)")


class Handler(socketserver.StreamRequestHandler):
    """One request a connection."""

    def handle(self) -> None:
        target = self.rfile.readline().split(b" ")[1].decode()
        length = 0
        while line := self.rfile.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        self.rfile.read(length)
        asked = TARGET.search(target)
        assert asked, target
        with suppress(OSError):
            for piece in BEHAVIOURS[asked[1]](int(asked[2])):
                self.wfile.write(piece)


class Service(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


if __name__ == "__main__":
    Service(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()

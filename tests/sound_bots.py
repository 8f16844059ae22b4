"""Speech bots of the tests' own, by path, and the files that they link to: a real server."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from app.demo.sound import name_of, play

WAV = play(name_of("la la la"))
LARGE_BYTES = 100_000_000
_BLOCK = sha256(b"noise").digest() * 2_000


def large_blocks() -> Iterator[bytes]:
    """100 MB of which no two blocks are the same, and none is in memory for long."""
    for start in range(0, LARGE_BYTES, len(_BLOCK)):
        block = start.to_bytes(8, "big") + _BLOCK[8:]
        yield block[: LARGE_BYTES - start]


class Singer(BaseHTTPRequestHandler):
    """A bot is a method; ``asked`` has the last message of each. ``left``: downloads cut short."""

    protocol_version = "HTTP/1.1"
    asked: dict[str, Any] = {}
    left: list[str] = []

    def do_POST(self) -> None:  # noqa: N802 - as the standard library has it
        payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        bot: Callable[[], None] = getattr(self, self.path.strip("/"))
        self.asked[bot.__name__] = payload["query"][-1]
        self.start(200, "text/event-stream")
        bot()
        self.tell("done")

    def do_GET(self) -> None:  # noqa: N802
        name = self.path.partition("?")[0].strip("/").partition(".")[0]
        try:
            getattr(self, f"send_{name}", self.send_nothing)()
        except ConnectionError:
            self.left.append(name)

    def start(self, status: int, kind: str, **headers: str) -> None:
        self.send_response(status)
        for key, value in {"Content-Type": kind, "Connection": "close", **headers}.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()

    def tell(self, name: str, /, **data: Any) -> None:
        self.wfile.write(f"event: {name}\r\ndata: {json.dumps(data)}\r\n\r\n".encode())

    def give(self, file: str, kind: str = "audio/x-wav") -> None:
        url = f"http://{self.headers['Host']}/{file}"
        self.tell("file", url=url, content_type=kind, name=file)

    def sing(self) -> None:
        self.give("wav")

    def sing_within_its_link(self) -> None:
        self.tell("file", url="data:audio/ogg;base64,T2dnUw==", content_type="audio/ogg", name="x")

    def show_and_sing(self) -> None:
        self.give("nothing", "image/png")
        self.give("film", "video/mp4")
        self.give("wav")

    def show(self) -> None:
        self.give("nothing", "image/png")
        self.give("film", "video/mp4")

    def write_a_link(self) -> None:
        self.tell("text", text=f"Here: [la](http://{self.headers['Host']}/wav.mp3?x=1). Enjoy!")

    def write_of_its_cover(self) -> None:
        base = f"http://{self.headers['Host']}"
        self.tell("text", text=f"![cover]({base}/nothing.png)\n[song]({base}/wav.mp3)")

    def show_and_write_a_link(self) -> None:
        self.give("nothing", "image/png")
        self.write_a_link()

    def draw(self) -> None:
        self.give("svg", "image/svg+xml")

    def measure_wrongly(self) -> None:
        self.give("wav_in_chunks")

    def pause(self) -> None:
        self.give("wav_with_a_pause")

    def start_never(self) -> None:
        self.give("silence")

    def fall_silent(self) -> None:
        self.give("first_bytes")

    def write_a_page(self) -> None:
        self.give("page", "text/html")

    def sing_long(self) -> None:
        self.give("large")

    def sing_endlessly(self) -> None:
        self.give("large_of_no_length")

    def break_off(self) -> None:
        self.give("half")

    def break_off_unmeasured(self) -> None:
        self.give("half_in_chunks")

    def promise(self) -> None:
        self.give("nothing")

    def take_long(self) -> None:
        time.sleep(2.6)
        self.give("wav")

    def send_wav(self) -> None:
        self.start(200, "audio/wav", Content_Length=str(len(WAV)))
        self.wfile.write(WAV)

    def send_film(self) -> None:
        self.start(200, "video/mp4", Content_Length="4")
        self.wfile.write(b"film")

    def send_page(self) -> None:
        self.start(200, "text/html", Content_Length="8")
        self.wfile.write(b"<script>")

    def send_large(self) -> None:
        self.start(200, "audio/mpeg", Content_Length=str(LARGE_BYTES))
        for block in large_blocks():
            self.wfile.write(block)

    def send_large_of_no_length(self) -> None:
        self.start(200, "audio/mpeg")
        for block in large_blocks():
            self.wfile.write(block)

    def send_half(self) -> None:
        self.start(200, "audio/wav", Content_Length=str(len(WAV)))
        self.wfile.write(WAV[: len(WAV) // 2])

    def send_half_in_chunks(self) -> None:
        self.start(200, "audio/wav", Transfer_Encoding="chunked")
        self.wfile.write(b"%x\r\n%b\r\n" % (len(WAV), WAV))

    def send_svg(self) -> None:
        self.start(200, "image/svg+xml", Content_Length="6")
        self.wfile.write(b"<svg/>")

    def send_wav_in_chunks(self) -> None:
        length = str(len(WAV) + 1000)
        self.start(200, "audio/wav", Transfer_Encoding="chunked", Content_Length=length)
        self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(WAV), WAV))

    def send_wav_with_a_pause(self) -> None:
        self.start(200, "audio/wav", Content_Length=str(len(WAV)))
        self.wfile.write(WAV[:100])
        time.sleep(2.3)
        self.wfile.write(WAV[100:])

    def send_silence(self) -> None:
        self.wait_until_left()

    def send_first_bytes(self) -> None:
        self.start(200, "audio/wav", Content_Length=str(len(WAV)))
        self.wfile.write(WAV[:100])
        self.wait_until_left()

    def wait_until_left(self) -> None:
        self.connection.settimeout(20)
        if not self.connection.recv(1):
            raise ConnectionError

    def send_nothing(self) -> None:
        self.start(404, "text/plain", Content_Length="0")

    def log_message(self, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A gateway that hangs up is no error here."""


class Singers(NamedTuple):
    url: str
    names: tuple[str, ...]

    def bot_urls(self) -> str:
        return ",".join(f"{name}={self.url}/{name}" for name in self.names)


NAMES = tuple(
    name
    for name, member in vars(Singer).items()
    if callable(member) and not name.startswith(("_", "do_", "send_", "log_"))
    if name not in ("start", "tell", "give", "wait_until_left")
)


@contextmanager
def singing() -> Iterator[Singers]:
    server = _Server(("127.0.0.1", 0), Singer)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield Singers(f"http://127.0.0.1:{server.server_address[1]}", NAMES)
    finally:
        with suppress(OSError):
            server.shutdown()
        server.server_close()
        thread.join()

"""demo-video: what it sends, and that its film is a real one."""

import signal
import struct
import urllib.error
import urllib.request
from collections.abc import Iterator

import fastapi_poe as fp
import pytest

from app.demo.__main__ import start_bots
from app.demo.children import StopRequests, run_together
from app.demo.film import STEPS
from app.demo.picture import colours_for
from app.demo.video import FRAMES, SIDE, shoot
from tests.servers import free_port


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """The address of a demo server that runs for this module's tests."""
    stop = StopRequests()
    with start_bots(free_port(), stop) as server:
        run_together([server], stop, ready=lambda: stop.signals.append(signal.SIGTERM))
        yield f"http://{server.probe.netloc}"


def test_it_works(base: str) -> None:
    asked = fp.ProtocolMessage(role="user", content="a red kite")
    parts = list(fp.get_bot_response_sync([asked], "demo-video", "any", base_url=f"{base}/"))
    texts = [part.text for part in parts if part.is_replace_response]
    status = [f"Generating video ({step}s elapsed)" for step in range(1, STEPS + 1)]
    assert texts == [*status, ""]
    [file] = [part.attachment for part in parts if part.attachment]
    colours = colours_for("a red kite")
    assert (file.content_type, file.name) == ("video/x-msvideo", f"{colours}.avi")
    with urllib.request.urlopen(file.url) as response:
        assert response.headers["Content-Type"] == "video/x-msvideo"
        assert response.read() == shoot(colours)


def chunks_of(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The kind and body of each chunk of a RIFF list."""
    at = 0
    while at < len(body):
        kind, length = struct.unpack_from("<4sI", body, at)
        assert length % 2 == 0 and at + 8 + length <= len(body)
        yield kind, body[at + 8 : at + 8 + length]
        at += 8 + length


def test_the_film_is_an_avi_that_decodes() -> None:
    colours = colours_for("sea")
    [(kind, riff)] = chunks_of(shoot(colours))
    assert kind == b"RIFF" and riff[:4] == b"AVI "
    (_, header), (_, film), (_, index) = chunks_of(riff[4:])
    assert header[:4] == b"hdrl" and film[:4] == b"movi"
    (_, main), (_, stream) = chunks_of(header[4:])
    (_, kind_of_stream), (_, bitmap) = chunks_of(stream[4:])
    assert len(main) == 56 and len(kind_of_stream) == 56 and len(bitmap) == 40
    assert struct.unpack_from("<I", main, 16) == (FRAMES,)
    assert struct.unpack_from("<2I", main, 32) == (SIDE, SIDE)
    assert struct.unpack_from("<2I", kind_of_stream, 20) == (1, FRAMES)  # scale, rate: a second
    assert struct.unpack_from("<3I2H", bitmap) == (40, SIDE, SIDE, 1, 24)
    frames = [frame for kind, frame in chunks_of(film[4:]) if kind == b"00db"]
    assert [len(frame) for frame in frames] == [3 * SIDE * SIDE] * FRAMES
    first, last = bytes.fromhex(colours)[2::-1], bytes.fromhex(colours)[:2:-1]
    assert frames[0][:3] == first and frames[-1][-3:] == last
    row = 3 * SIDE
    assert frames[1][: row - 3] == frames[0][3:row]  # moved on by a pixel
    for number, frame in enumerate(frames):
        kind, _, at, length = struct.unpack_from("<4s3I", index, 16 * number)
        assert film[at : at + 4] == kind == b"00db"
        assert film[at + 8 : at + 8 + length] == frame


def test_films_differ_with_the_prompt() -> None:
    assert shoot(colours_for("sea")) != shoot(colours_for("sky"))


@pytest.mark.parametrize("name", ["red", "0123456789ab0", "0123456789AB", "..%2Fpasswd"])
def test_a_name_that_describes_no_film_is_not_found(base: str, name: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{base}/files/{name}.avi")
    with caught.value:
        assert caught.value.code == 404

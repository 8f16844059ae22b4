"""Files are uploaded by fastapi_poe's own code to a real server, many at a time and once each."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import gevent
import httpx
import pytest
import requests
from fastapi_poe.client import AttachmentUploadError
from geventhttpclient.response import HTTPParseError

from app.core.conversation import Media
from app.errors import (
    ApiError,
    InsufficientCredits,
    InvalidRequest,
    KeyRefused,
    Overloaded,
    RateLimited,
    Refused,
    RequestTooLarge,
    Unauthenticated,
    UpstreamError,
)
from app.poe import uploads
from app.poe.file_names import file_name
from app.poe.transport import GeventTransport
from app.poe.uploads import Uploader
from tests.poe.test_error_mapping import subclasses
from tests.servers import ROOT, Server, free_port, running
from tests.upload_server import FOLDER, GARBAGE

Seen = Callable[[], Any]

PARAM = "messages[0].content[{}].image_url"


@pytest.fixture(scope="module")
def server(logs: Path) -> Iterator[Server]:
    port = free_port()
    command = ["-m", "tests.upload_server", str(port)]
    with running(command, port, logs / "uploads.log") as started:
        yield started


@pytest.fixture
def transport() -> Iterator[GeventTransport]:
    """The real one; the gateway's lives as long as its process, this one's sockets are closed."""
    transport = GeventTransport()
    yield transport
    for origin in transport._origins.values():
        origin.close()


@pytest.fixture
def uploader(server: Server, transport: GeventTransport) -> Uploader:
    return Uploader(server.url + FOLDER, transport)


@pytest.fixture
def key() -> str:
    return f"key-{uuid4().hex}"


@pytest.fixture
def seen(server: Server, key: str) -> Seen:
    """What the server was asked by this test's key."""
    return lambda: requests.get(f"{server.url}/uploads/{key}", timeout=5).json()


def image(data: bytes | str, name: str = "cat.png", place: int = 0) -> Media:
    data = data.encode() if isinstance(data, str) else data
    return Media("image/png", name, PARAM.format(place), data=data)


def link(url: str, name: str = "cat.png") -> Media:
    return Media("image/png", name, PARAM.format(0), url=url)


def failure(uploader: Uploader, key: str, *media: Media) -> ApiError:
    with pytest.raises(ApiError) as caught:
        uploader.attach(media, key)
    return caught.value


def test_it_works(uploader: Uploader, key: str, seen: Seen) -> None:
    data = bytes(range(256)) * 4_000 + b"\r\n--boundary--\r\n"
    (attachment,) = uploader.attach([image(data)], key)
    (asked,) = seen()["asked"]
    assert asked == {
        "name": "cat.png",
        "type": "image/png",
        "size": len(data),
        "sha256": sha256(data).hexdigest(),
    }
    assert attachment.url == f"https://files.test/{asked['sha256']}/cat.png"
    assert (attachment.content_type, attachment.name) == ("test/type", "cat.png")


def test_a_url_is_fetched_by_poe(uploader: Uploader, key: str, seen: Seen) -> None:
    uploader.attach([link("https://pictures.test/cat?a=1&b=ü", "cat")], key)
    assert seen()["asked"] == [{"url": "https://pictures.test/cat?a=1&b=ü", "name": "cat.png"}]


def test_nothing_to_upload(uploader: Uploader, key: str) -> None:
    assert uploader.attach([], key) == []


def test_names_of_all_kinds_arrive(uploader: Uploader, key: str, seen: Seen) -> None:
    names = ['say "hi".png', "häuser und 猫.png", "half \ud83d a pair.png", "x" * 500 + ".png"]
    attachments = uploader.attach(
        [image(name.encode("utf-8", "replace"), name) for name in names], key
    )
    told = {asked["name"] for asked in seen()["asked"]}
    assert {"häuser und 猫.png", "half \ufffd a pair.png", "x" * 196 + ".png"} < told
    assert [attachment.name for attachment in attachments][:2] == names[:2]


def test_eight_take_as_long_as_one(uploader: Uploader, key: str, seen: Seen) -> None:
    started = time.monotonic()
    uploader.attach([image(str(number), f"slow-0.5 {number}.png") for number in range(8)], key)
    assert 0.5 <= time.monotonic() - started < 3.5  # four, one by one
    assert seen()["most"] == 8


def test_many_are_no_more_than_eight_at_once(uploader: Uploader, key: str, seen: Seen) -> None:
    media = [image(str(number), f"slow-0.1 {number}.png") for number in range(30)]
    assert len(uploader.attach(media, key)) == 30
    assert seen()["most"] == 8


def test_their_order_is_kept(uploader: Uploader, key: str) -> None:
    media = [image(str(n), f"slow-{0.3 - n / 20:.2f} {n}.png") for n in range(6)]
    attachments = uploader.attach(media, key)
    assert [attachment.name for attachment in attachments] == [part.name for part in media]
    digests = [sha256(str(n).encode()).hexdigest() for n in range(6)]
    assert [attachment.url.split("/")[3] for attachment in attachments] == digests


@pytest.mark.parametrize(
    "media", [image(b"x" * 300_000), image(b"small"), link("https://a.test/b")]
)
def test_the_same_is_uploaded_once(uploader: Uploader, key: str, seen: Seen, media: Media) -> None:
    first = uploader.attach([media, media, media], key)
    second = uploader.attach([media], key)
    assert first == second * 3
    assert len(seen()["asked"]) == 1


def test_no_client_is_told_what_another_has_sent(uploader: Uploader, key: str, seen: Seen) -> None:
    """By the time that an upload takes."""
    for owner in ("one", "another", "one"):
        uploader.attach([image("data", "the same.png")], key, owner)
    assert len(seen()["asked"]) == 2


def test_another_name_is_no_other_file(uploader: Uploader, key: str, seen: Seen) -> None:
    cat, dog = uploader.attach([image("same", "cat.png"), image("same", "dog.PNG")], key)
    assert (cat.name, dog.name, cat.url) == ("cat.png", "dog.PNG", dog.url)
    assert len(seen()["asked"]) == 1


def test_what_differs_is_another_file(uploader: Uploader, key: str, seen: Seen) -> None:
    typed = Media("text/plain", "cat.png", "messages", data=b"same")
    media = [image("same"), image("other"), image("same", "cat.gif"), typed]
    uploader.attach([*media, link("https://a.test/b"), link("https://a.test/c")], key)
    assert len(seen()["asked"]) == 6


def test_another_key_uploads_again(uploader: Uploader, server: Server, key: str) -> None:
    for each in (key, f"{key}-2"):
        uploader.attach([image("same")], each)
        seen = requests.get(f"{server.url}/uploads/{each}", timeout=5).json()
        assert len(seen["asked"]) == 1


def test_a_given_attachment_is_its_takers_own(uploader: Uploader, key: str) -> None:
    uploader.attach([image("same")], key)[0].url = "changed"
    assert uploader.attach([image("same")], key)[0].url.startswith("https://files.test/")


def test_requests_share_an_upload(uploader: Uploader, key: str, seen: Seen) -> None:
    media = [image("same", "slow-0.3 same.png")]
    requests_of_ten = [gevent.spawn(uploader.attach, media, key) for _ in range(10)]
    gevent.joinall(requests_of_ten, timeout=5)
    urls = {request.get(block=False)[0].url for request in requests_of_ten}
    assert len(urls) == 1 and len(seen()["asked"]) == 1


def test_a_failure_reaches_all_and_is_not_kept(uploader: Uploader, key: str, seen: Seen) -> None:
    parts = [image("same", "status-402 same.png", place) for place in range(3)]
    tries = [gevent.spawn(failure, uploader, key, part) for part in parts]
    gevent.joinall(tries, timeout=5)
    told = [attempt.get(block=False) for attempt in tries]
    assert [error.param for error in told] == [part.param for part in parts]
    assert {type(error) for error in told} == {InsufficientCredits}
    assert len(seen()["asked"]) == 1
    failure(uploader, key, parts[0])
    assert len(seen()["asked"]) == 2


def test_who_waits_for_a_killed_upload_takes_its_place(
    uploader: Uploader, key: str, seen: Seen
) -> None:
    media = [image("same", "slow-0.3 same.png")]
    owner = gevent.spawn(uploader.attach, media, key)
    waiters = [gevent.spawn(uploader.attach, media, key) for _ in range(3)]
    gevent.sleep(0.1)
    owner.kill()
    gevent.joinall(waiters, timeout=5)
    assert all(waiter.get(block=False)[0].name == media[0].name for waiter in waiters)
    assert len(seen()["asked"]) == 2


def test_killed_alone_leaves_nothing_behind(uploader: Uploader, key: str) -> None:
    media = [image(str(number), f"slow-2 {number}.png") for number in range(20)]
    owner = gevent.spawn(uploader.attach, media, key)
    gevent.sleep(0.1)
    owner.kill(timeout=1)
    assert owner.dead and not uploader._uploaded._flights
    assert uploader.attach([image("next")], key)


def test_one_failure_ends_the_others(uploader: Uploader, key: str, seen: Seen) -> None:
    slow = [image(str(place), f"slow-9 {place}.png", place) for place in range(20)]
    started = time.monotonic()
    error = failure(uploader, key, *slow[:3], image("bad", "status-413 bad.png", 3), *slow[3:])
    assert time.monotonic() - started < 5
    assert error.param == PARAM.format(3)
    assert len(seen()["asked"]) <= 9, "eight, and the one that took the failed one's place"


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (400, InvalidRequest, "does not accept"),
        (401, Unauthenticated, "credential"),
        (402, InsufficientCredits, "points"),
        (403, Refused, "does not allow"),
        (404, UpstreamError, "HTTP 404"),
        (413, RequestTooLarge, "large"),
        (422, InvalidRequest, "does not accept"),
        (429, RateLimited, "rate limit"),
        (302, UpstreamError, "HTTP 302"),
        (500, UpstreamError, "HTTP 500"),
        (503, Overloaded, "not available"),
        (529, Overloaded, "overloaded"),
    ],
)
def test_a_status_is_told(
    uploader: Uploader,
    key: str,
    seen: Seen,
    status: int,
    kind: type[ApiError],
    words: str,
) -> None:
    error = failure(uploader, key, image("data", f"status-{status} cat.png", 4))
    assert type(error) is kind
    assert error.param == PARAM.format(4) and error.param in error.message
    assert words in error.message and f"told with {status}" in error.message
    assert "cat.png" in error.message
    assert error.retry_after == "7"
    assert len(seen()["asked"]) == (2 if status >= 500 else 1)


def test_a_refused_key_of_the_pool_is_not_the_clients_fault(
    server: Server, transport: GeventTransport, key: str
) -> None:
    uploader = Uploader(server.url + FOLDER, transport, (key,))
    error = failure(uploader, key, image("data", "status-401 cat.png"))
    assert type(error) is KeyRefused and "POE_API_KEYS" in error.message
    assert error.metadata == {"upstream_status": 401}


def test_neither_key_nor_data_is_told(uploader: Uploader, key: str) -> None:
    error = failure(uploader, key, image("data", "echo-401 cat.png"))
    assert "[key]" in error.message and key not in error.message
    assert len(error.message) < 500


def test_a_second_try_helps(uploader: Uploader, key: str, seen: Seen) -> None:
    assert uploader.attach([image("data", "once-503 cat.png")], key)
    assert len(seen()["asked"]) == 2


@pytest.mark.parametrize("kind", GARBAGE)
def test_answers_that_cannot_be_read(
    uploader: Uploader, key: str, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    error = failure(uploader, key, image("data", f"garbage-{kind} cat.png", 1))
    assert isinstance(error, UpstreamError) and error.param == PARAM.format(1)
    assert "cannot be read" in error.message
    assert capfd.readouterr() == ("", "")


def test_a_connection_that_breaks(uploader: Uploader, key: str) -> None:
    error = failure(uploader, key, image("data", "cut cat.png"))
    assert isinstance(error, UpstreamError) and "broke" in error.message


def test_nobody_there(transport: GeventTransport, key: str) -> None:
    uploader = Uploader(f"http://127.0.0.1:{free_port()}/poe_api/", transport)
    error = failure(uploader, key, image("data"))
    assert isinstance(error, UpstreamError) and "cannot be reached" in error.message


def test_the_limit_of_time(uploader: Uploader, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "UPLOAD_SECONDS", 0.2)
    started = time.monotonic()
    error = failure(uploader, key, image("data", "slow-9 cat.png"))
    assert time.monotonic() - started < 5
    assert isinstance(error, UpstreamError) and "too long" in error.message


FOREIGN = {
    *subclasses(httpx.HTTPError),
    AttachmentUploadError,
    HTTPParseError,
    KeyError,
    OSError,
    RuntimeError,
    TimeoutError,
    TypeError,
    ValueError,
}


@pytest.mark.parametrize("kind", sorted(FOREIGN, key=str), ids=lambda kind: kind.__name__)
def test_each_class_is_mapped(
    uploader: Uploader,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    kind: type[Exception],
) -> None:
    error = kind.__new__(kind)
    error.args = ("secret words",)
    monkeypatch.setattr(uploader, "_upload", lambda *_: (_ for _ in ()).throw(error))
    told = failure(uploader, "key", image("data"))
    assert type(told) is UpstreamError and told.__cause__ is error
    assert "secret words" not in told.message and told.param == PARAM.format(0)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("content_type", "name", "expected"),
    [
        ("image/jpeg", "photo", "photo.jpg"),
        ("image/jpeg", "photo.jpeg", "photo.jpeg"),
        ("IMAGE/PNG; a=b", "", "file.png"),
        ("image/jpg", "photo", "photo.jpg"),
        ("image/webp", "photo", "photo.webp"),
        ("audio/wav", "speech", "speech.wav"),
        ("audio/x-wav", "speech", "speech.wav"),
        ("audio/mpeg", "speech", "speech.mp3"),
        ("audio/mp3", "speech", "speech.mp3"),
        ("audio/ogg", "speech", "speech.ogg"),
        ("video/mp4", "film", "film.mp4"),
        ("application/pdf", "report v1.2", "report v1.2.pdf"),
        ("application/pdf", "report.", "report..pdf"),
        ("text/plain", ".bashrc", ".bashrc.txt"),
        ("text/plain", "src/v1.2/notes", "src/v1.2/notes.txt"),
        ("text/plain; charset=utf-8", "main.rs", "main.rs"),
        ("text/markdown", "README", "README.md"),
        ("application/xml", "feed", "feed.xml"),
        ("application/octet-stream", "Makefile", "Makefile"),
        ("application/octet-stream", "song.mp3", "song.mp3"),
        ("application/octet-stream", "backup.7z", "backup.7z"),
        ("application/x-unheard-of", "thing", "thing"),
        ("", " ", "file"),
    ],
)
def test_names_get_an_extension(content_type: str, name: str, expected: str) -> None:
    assert file_name(Media(content_type, name, "messages", data=b"")) == expected


def test_the_memory_is_bounded(
    server: Server,
    transport: GeventTransport,
    key: str,
    seen: Seen,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(uploads, "MAX_REMEMBERED", 3)
    uploader = Uploader(server.url + FOLDER, transport)
    for number in [0, 1, 2, 0, 3, 0, 2, 3]:
        uploader.attach([image(str(number))], key)
    digests = [asked["sha256"] for asked in seen()["asked"]]
    assert digests == [sha256(str(number).encode()).hexdigest() for number in (0, 1, 2, 3)]
    uploader.attach([image("1")], key)
    assert len(seen()["asked"]) == 5 and len(uploader._uploaded._kept) == 3


def test_the_memory_ends(
    server: Server,
    transport: GeventTransport,
    key: str,
    seen: Seen,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(uploads, "REMEMBERED_SECONDS", 0.2)
    uploader = Uploader(server.url + FOLDER, transport)
    for wait in (0, 0.3):
        time.sleep(wait)
        uploader.attach([image("same")], key)
        uploader.attach([image("same")], key)
    assert len(seen()["asked"]) == 2


def test_neither_key_nor_data_is_kept(uploader: Uploader, key: str) -> None:
    uploader.attach([image("precious data"), link("https://precious.test/")], key)
    kept = repr(vars(uploader._uploaded))
    assert key not in kept and "precious" not in kept


class Counting(httpx.AsyncBaseTransport):
    """A transport that counts how often it was closed."""

    def __init__(self) -> None:
        self.closed = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return httpx.Response(200, json={"attachment_url": "u", "mime_type": "m"})

    async def aclose(self) -> None:
        self.closed += 1


def test_the_shared_transport_stays_open(key: str) -> None:
    transport = Counting()
    uploader = Uploader("https://poe.test/poe_api", transport)
    assert len(uploader.attach([image("a"), image("b")], key)) == 2
    assert transport.closed == 0


PATCHED = """
from gevent import monkey; monkey.patch_all()
import sys, time
from app.core.conversation import Media
from app.poe.transport import GeventTransport
from app.poe.uploads import Uploader

uploader = Uploader(sys.argv[1], GeventTransport())
names = [f"slow-0.5 {number}" for number in range(8)]
data = b"x" * 1_000_000
media = [Media("image/png", name, "p", data=data + name.encode()) for name in names]
started = time.monotonic()
attachments = uploader.attach(media, sys.argv[2])
assert [attachment.name for attachment in attachments] == [f"{name}.png" for name in names]
assert time.monotonic() - started < 3.5
"""


def test_it_works_in_a_patched_process(server: Server, key: str, seen: Seen) -> None:
    command = [sys.executable, "-c", PATCHED, server.url + FOLDER, key]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert seen()["most"] == 8

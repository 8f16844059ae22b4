"""Videos that are made after their request: several workers, and workers that end."""

import hashlib
import os
import resource
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from app.config import Settings
from app.demo.picture import colours_for
from app.demo.video import shoot
from app.dialects.videos.routes import VIDEOS
from app.relay.jobs import BEAT_SECONDS, LOST_SECONDS, MAX_OF_ONE
from app.state.records import RecordList
from app.state.store import Store
from tests.redis_server import running_redis
from tests.servers import Server

PROMPT = "a harbour at dawn"
AVI = shoot(colours_for(PROMPT))
SOON = 2 * BEAT_SECONDS


class Client:
    """One client. Each request is a connection of its own, so that any worker may take it."""

    def __init__(self) -> None:
        self.key = f"key-{uuid4().hex}"

    def ask(self, server: Server, method: str, path: str = "", **options: Any) -> requests.Response:
        url, headers = f"{server.url}/v1/videos{path}", {"x-api-key": self.key}
        return requests.request(method, url, headers=headers, timeout=10, **options)

    def create(self, server: Server, bot: str) -> str:
        answer = self.ask(server, "POST", json={"model": bot, "prompt": PROMPT})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def video(self, server: Server, video_id: str) -> dict[str, Any]:
        answer = self.ask(server, "GET", f"/{video_id}")
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def wait(self, server: Server, video_id: str, seconds: float = 10) -> dict[str, Any]:
        """The video, once it is no longer being made."""
        until = time.monotonic() + seconds
        while (video := self.video(server, video_id))["status"] == "in_progress":
            assert time.monotonic() < until, "still in progress"
            time.sleep(0.1)
        return video

    def age(self, state_dir: Path, video_id: str) -> None:
        """As if its worker had been away for too long."""
        store = Store(Settings(state_dir=str(state_dir)))
        records = RecordList(store, VIDEOS, hashlib.sha256(self.key.encode()).hexdigest())
        assert records.update(video_id, {"beat": time.time() - LOST_SECONDS - 1})


@pytest.fixture
def someone() -> Client:
    return Client()


def closes(seen: Callable[[], Any], bot: str, times: int = 1) -> bool:
    """Whether the bot's connections are closed on it soon."""
    until = time.monotonic() + SOON
    while seen()["closed"].get(f"/bot/{bot}", 0) < times:
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def begins(seen: Callable[[], Any], bot: str, times: int = 1) -> None:
    """Waits until the bot has been asked."""
    until = time.monotonic() + 5
    while seen()["calls"].get(bot, 0) < times:
        assert time.monotonic() < until, "the bot is not asked"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def two_workers(start_gateway: Callable[..., Server], tmp_path_factory: Any) -> Server:
    state = str(tmp_path_factory.mktemp("state"))
    return start_gateway(WEB_CONCURRENCY="2", STATE_DIR=state)


def workers(server: Server) -> list[int]:
    main = server.process.pid
    return [int(pid) for pid in Path(f"/proc/{main}/task/{main}/children").read_text().split()]


def test_two_workers_tell_the_same(two_workers: Server, someone: Client) -> None:
    assert len(workers(two_workers)) == 2
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: someone.create(two_workers, "demo-video"), range(8)))
        done = list(pool.map(lambda video_id: someone.wait(two_workers, video_id), ids))
        assert {video["status"] for video in done} == {"completed"}
        contents = pool.map(
            lambda video_id: someone.ask(two_workers, "GET", f"/{video_id}/content").content, ids
        )
        assert set(contents) == {AVI}
        lists = pool.map(lambda _: someone.ask(two_workers, "GET").json(), range(8))
        assert all({video["id"] for video in told["data"]} == set(ids) for told in lists)


def test_deleting_stops_the_bot(two_workers: Server, seen: Callable[[], Any]) -> None:
    """Whichever worker is asked to."""
    bots = [f"{kind}-{number}" for kind in ("silent", "endless") for number in range(901, 904)]
    clients = [Client() for _ in bots]
    with ThreadPoolExecutor(len(bots)) as pool:
        ids = list(pool.map(lambda one, bot: one.create(two_workers, bot), clients, bots))
        for bot in bots:
            begins(seen, bot)
        for one, video_id in zip(clients, ids, strict=True):
            assert one.ask(two_workers, "DELETE", f"/{video_id}").json()["deleted"] is True
        assert all(pool.map(lambda bot: closes(seen, bot), bots))
        for one, video_id in zip(clients, ids, strict=True):
            assert one.ask(two_workers, "GET", f"/{video_id}").status_code == 404


def test_nobody_fills_the_worker(gateway: Server, someone: Client, seen: Callable[[], Any]) -> None:
    bot = "endless-many"
    ids = [someone.create(gateway, bot) for _ in range(MAX_OF_ONE)]
    refused = someone.ask(gateway, "POST", json={"model": bot, "prompt": PROMPT})
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert len(someone.ask(gateway, "GET", "?limit=100").json()["data"]) == MAX_OF_ONE
    other = Client()
    assert other.wait(gateway, other.create(gateway, "demo-video"))["status"] == "completed"
    for video_id in ids:
        someone.ask(gateway, "DELETE", f"/{video_id}")
    assert closes(seen, bot, MAX_OF_ONE)
    assert someone.wait(gateway, someone.create(gateway, "demo-video"))["status"] == "completed"


def test_a_silent_bot_is_given_up(gateway: Server, someone: Client) -> None:
    video = someone.wait(gateway, someone.create(gateway, "silent-1"))
    assert "sent nothing for 2 seconds" in video["error"]["message"]


@pytest.mark.long
def test_a_killed_worker(
    start_gateway: Callable[..., Server],
    someone: Client,
    seen: Callable[[], Any],
    tmp_path: Path,
) -> None:
    """Neither the worker that takes its place nor another gateway leaves its videos in progress."""
    gateway, other = (start_gateway(STATE_DIR=str(tmp_path)) for _ in range(2))
    lost = [someone.create(gateway, "endless-killed") for _ in range(2)]
    kept = someone.create(other, "endless-kept")
    begins(seen, "endless-killed", 2)
    [worker] = workers(gateway)
    os.kill(worker, signal.SIGKILL)
    assert someone.video(other, lost[0])["status"] == "in_progress"
    for video_id in (*lost, kept):
        someone.age(tmp_path, video_id)
    told = [someone.video(other, video_id) for video_id in lost]
    assert [video["error"]["code"] for video in told] == ["lost", "lost"]
    time.sleep(BEAT_SECONDS + 1)
    listed = someone.ask(gateway, "GET", "?order=asc").json()["data"]
    assert listed[:2] == told and listed[2]["id"] == kept
    assert someone.ask(gateway, "GET", f"/{lost[1]}/content").json()["error"]["code"] == "lost"
    # The other gateway has been at work all the while, and its job knows that best.
    assert someone.video(gateway, kept)["status"] == "in_progress"
    assert someone.ask(gateway, "DELETE", f"/{kept}").status_code == 200
    assert closes(seen, "endless-kept")


def stopped_after(server: Server, number: signal.Signals) -> float:
    """How many seconds it takes."""
    begun = time.monotonic()
    server.process.send_signal(number)
    assert server.process.wait(20) == 0
    return time.monotonic() - begun


@pytest.mark.long
def test_a_gateway_that_is_stopped(
    start_gateway: Callable[..., Server],
    someone: Client,
    seen: Callable[[], Any],
    tmp_path: Path,
) -> None:
    """Its jobs have two of these eight seconds, whatever streams still run."""
    settings = {"STATE_DIR": str(tmp_path), "GUNICORN_CMD_ARGS": "--graceful-timeout 8"}
    gateway = start_gateway(**settings)
    running = someone.create(gateway, "endless-stopped")
    body = {"model": "endless-streams", "messages": [{"role": "user", "content": "x"}]}
    with requests.post(
        f"{gateway.url}/v1/chat/completions",
        json={**body, "stream": True},
        headers={"x-api-key": someone.key},
        stream=True,
        timeout=20,
    ) as stream:
        assert stream.status_code == 200
        begins(seen, "endless-stopped")
        ending = someone.create(gateway, "demo-video")
        assert 4 < stopped_after(gateway, signal.SIGTERM) < 9
    assert closes(seen, "endless-stopped")
    next_one = start_gateway(**settings)
    assert someone.video(next_one, running)["error"]["code"] == "stopped"
    assert someone.video(next_one, ending)["status"] == "completed"


@pytest.mark.long
def test_jobs_without_streams_have_the_same_time(
    start_gateway: Callable[..., Server],
    someone: Client,
    seen: Callable[[], Any],
    tmp_path: Path,
) -> None:
    settings = {"STATE_DIR": str(tmp_path), "GUNICORN_CMD_ARGS": "--graceful-timeout 8"}
    gateway = start_gateway(**settings)
    ending = someone.create(gateway, "demo-video")
    assert stopped_after(gateway, signal.SIGTERM) < 3
    gateway = start_gateway(**settings)
    assert someone.video(gateway, ending)["status"] == "completed"
    running = someone.create(gateway, "endless-alone")
    begins(seen, "endless-alone")
    assert 1 < stopped_after(gateway, signal.SIGTERM) < 6
    assert someone.video(start_gateway(**settings), running)["error"]["code"] == "stopped"


def test_ctrl_c_waits_for_nothing(
    start_gateway: Callable[..., Server],
    someone: Client,
    seen: Callable[[], Any],
    tmp_path: Path,
) -> None:
    gateway = start_gateway(STATE_DIR=str(tmp_path))
    running = someone.create(gateway, "endless-cut")
    begins(seen, "endless-cut")
    assert stopped_after(gateway, signal.SIGINT) < 3
    gateway = start_gateway(STATE_DIR=str(tmp_path))
    assert someone.video(gateway, running)["error"]["code"] == "stopped"
    assert stopped_after(gateway, signal.SIGTERM) < 3


@contextmanager
def limited(server: Server, what: int, most: int) -> Iterator[None]:
    """The system refuses its worker more of it."""
    [worker] = workers(server)
    usual = resource.prlimit(worker, what)
    resource.prlimit(worker, what, (most, usual[1]))
    try:
        yield
    finally:
        resource.prlimit(worker, what, usual)


def test_a_disk_that_is_full_at_the_end(
    start_gateway: Callable[..., Server], someone: Client, tmp_path: Path
) -> None:
    gateway = start_gateway(STATE_DIR=str(tmp_path))
    old, video_id = (someone.create(gateway, "demo-video") for _ in range(2))
    with limited(gateway, resource.RLIMIT_FSIZE, 1):
        time.sleep(2)
        assert someone.video(gateway, video_id)["status"] == "in_progress"
        answer = someone.ask(gateway, "POST", json={"model": "demo-video", "prompt": PROMPT})
        assert answer.status_code == 503 and answer.json()["error"]["type"] == "api_error"
        someone.age(tmp_path, video_id)
        assert someone.video(gateway, video_id)["error"]["code"] == "lost"
        assert someone.ask(gateway, "DELETE", f"/{old}").json()["deleted"] is True
    assert [video["id"] for video in someone.ask(gateway, "GET").json()["data"]] == [video_id]
    time.sleep(BEAT_SECONDS + 1)
    assert someone.video(gateway, video_id)["status"] == "completed"
    assert someone.ask(gateway, "GET", f"/{video_id}/content").content == AVI


def test_what_cannot_be_read_is_not_taken_for_gone(
    start_gateway: Callable[..., Server],
    someone: Client,
    seen: Callable[[], Any],
    tmp_path: Path,
) -> None:
    gateway = start_gateway(STATE_DIR=str(tmp_path))
    video_id = someone.create(gateway, "endless-unread")
    begins(seen, "endless-unread")
    url, headers = f"{gateway.url}/v1/videos", {"x-api-key": someone.key}
    with requests.Session() as session:  # one connection, for no other could be opened
        assert session.get(url, headers=headers, timeout=5).status_code == 200
        with limited(gateway, resource.RLIMIT_NOFILE, 1):
            for method, path in (("GET", ""), ("GET", f"/{video_id}"), ("DELETE", f"/{video_id}")):
                answer = session.request(method, url + path, headers=headers, timeout=10)
                assert answer.status_code == 503 and answer.headers["Retry-After"]
                assert answer.json()["error"]["type"] == "api_error"
            time.sleep(BEAT_SECONDS + 1)
    assert someone.video(gateway, video_id)["status"] == "in_progress"
    assert [video["id"] for video in someone.ask(gateway, "GET").json()["data"]] == [video_id]
    assert seen()["closed"].get("/bot/endless-unread") is None
    assert someone.ask(gateway, "DELETE", f"/{video_id}").status_code == 200
    assert closes(seen, "endless-unread")


@pytest.mark.long
def test_files_in_memory_are_bounded(
    start_gateway: Callable[..., Server], someone: Client, tmp_path: Path
) -> None:
    """Those of jobs that wait for Poe's upload server, which here takes nothing."""
    with socket.create_server(("127.0.0.1", 0)) as stuck:
        upload_url = f"http://127.0.0.1:{stuck.getsockname()[1]}/"
        gateway = start_gateway(STATE_DIR=str(tmp_path), POE_UPLOAD_URL=upload_url)
        film = {"input_reference": ("a.mp4", b"x" * 40_000_000, "video/mp4")}

        def send(client: Client) -> requests.Response:
            body = {"model": "count-1", "prompt": PROMPT}
            return client.ask(gateway, "POST", data=body, files=film)

        other = Client()
        taken = [send(someone), send(someone)]
        assert [answer.status_code for answer in taken] == [200, 200]
        refused = send(other)
        assert refused.status_code == 429 and "megabytes" in refused.json()["error"]["message"]
        assert int(refused.headers["Retry-After"]) > 0
        assert other.wait(gateway, other.create(gateway, "demo-video"))["status"] == "completed"
        for answer in taken:
            someone.ask(gateway, "DELETE", f"/{answer.json()['id']}")
        time.sleep(SOON)
        again = send(other)
        assert again.status_code == 200, again.text
        other.ask(gateway, "DELETE", f"/{again.json()['id']}")
        time.sleep(SOON)  # so that nothing is at work when the gateway is stopped


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


def test_two_machines_with_one_redis(
    start_gateway: Callable[..., Server],
    redis_url: str,
    someone: Client,
    seen: Callable[[], Any],
) -> None:
    one, other = (start_gateway(STATE_URL=redis_url, STATE_DIR="/proc/none") for _ in range(2))
    video_id = someone.create(one, "demo-video")
    assert someone.wait(other, video_id)["status"] == "completed"
    assert someone.ask(other, "GET", f"/{video_id}/content").content == AVI
    assert [video["id"] for video in someone.ask(other, "GET").json()["data"]] == [video_id]
    running = someone.create(one, "endless-redis")
    begins(seen, "endless-redis")
    assert someone.ask(other, "DELETE", f"/{running}").status_code == 200
    assert closes(seen, "endless-redis")


def test_nothing_can_be_kept(start_gateway: Callable[..., Server], someone: Client) -> None:
    """Then no bot is asked: its video could not be found again."""
    gateway = start_gateway(STATE_DIR="/proc/no/such/place")
    answer = someone.ask(gateway, "POST", json={"model": "endless-unkept", "prompt": PROMPT})
    assert answer.status_code == 503 and answer.json()["error"]["type"] == "api_error"


def test_no_secret_in_the_log(two_workers: Server, someone: Client) -> None:
    someone.wait(two_workers, someone.create(two_workers, "status-401"))
    assert someone.key not in two_workers.printed() and PROMPT not in two_workers.printed()

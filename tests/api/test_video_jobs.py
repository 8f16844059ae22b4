"""Videos that are made after their request: several workers, and workers that end."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from app.demo.picture import colours_for
from app.demo.video import shoot
from app.jobs import BEAT_SECONDS, LOST_SECONDS, MOST_OF_ONE
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
    ids = [someone.create(gateway, bot) for _ in range(MOST_OF_ONE)]
    refused = someone.ask(gateway, "POST", json={"model": bot, "prompt": PROMPT})
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert len(someone.ask(gateway, "GET", "?limit=100").json()["data"]) == MOST_OF_ONE
    other = Client()
    assert other.wait(gateway, other.create(gateway, "demo-video"))["status"] == "completed"
    for video_id in ids:
        someone.ask(gateway, "DELETE", f"/{video_id}")
    assert closes(seen, bot, MOST_OF_ONE)
    assert someone.wait(gateway, someone.create(gateway, "demo-video"))["status"] == "completed"


def test_a_silent_bot_is_given_up(gateway: Server, someone: Client) -> None:
    video = someone.wait(gateway, someone.create(gateway, "silent-1"))
    assert "sent nothing for 2 seconds" in video["error"]["message"]


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
    told = [someone.wait(other, video_id, LOST_SECONDS + 3) for video_id in lost]
    assert [video["error"]["code"] for video in told] == ["lost", "lost"]
    listed = someone.ask(gateway, "GET", "?order=asc").json()["data"]
    assert listed[:2] == told and listed[2]["id"] == kept
    assert someone.ask(gateway, "GET", f"/{lost[1]}/content").json()["error"]["code"] == "lost"
    # The other gateway has been at work all the while.
    assert someone.video(gateway, kept)["status"] == "in_progress"
    assert someone.ask(gateway, "DELETE", f"/{kept}").status_code == 200
    assert closes(seen, "endless-kept")


def test_a_gateway_that_is_stopped(
    start_gateway: Callable[..., Server],
    someone: Client,
    seen: Callable[[], Any],
    tmp_path: Path,
) -> None:
    gateway = start_gateway(STATE_DIR=str(tmp_path))
    video_id = someone.create(gateway, "endless-stopped")
    begins(seen, "endless-stopped")
    gateway.process.terminate()
    assert gateway.process.wait(10) == 0
    assert closes(seen, "endless-stopped")
    video = someone.video(start_gateway(STATE_DIR=str(tmp_path)), video_id)
    assert video["status"] == "failed" and video["error"]["code"] == "stopped"


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
    assert answer.status_code == 500 and answer.json()["error"]["type"] == "api_error"


def test_no_secret_in_the_log(two_workers: Server, someone: Client) -> None:
    someone.wait(two_workers, someone.create(two_workers, "status-401"))
    assert someone.key not in two_workers.printed() and PROMPT not in two_workers.printed()

"""What is kept between requests: in files, and in a real Redis."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis

from app.config import Settings
from app.errors import InternalError
from app.state import store as module
from app.state.store import Store

VALUE = {"text": "snow \u2603 and \ud83d alone", "deep": [{"a": None}]}

Opener = Callable[[], Store]


@pytest.fixture(params=["files", "redis"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "files":
        return Settings(state_dir=str(tmp_path / "state"))
    return Settings(state_url=request.getfixturevalue("redis_url"))


@pytest.fixture
def opener(settings: Settings) -> Opener:
    """Opens the same store again and again, as each worker does."""
    return lambda: Store(settings)


def test_it_works(opener: Opener) -> None:
    opener().write("ann", "resp_1", VALUE)
    assert opener().recall("ann", "resp_1") == VALUE
    assert opener().recall("ann", "resp_2") is None


def test_nobody_else_finds_it(opener: Opener) -> None:
    opener().write("ann", "resp_1", VALUE)
    assert opener().recall("bob", "resp_1") is None
    opener().forget("bob", "resp_1")
    assert opener().recall("ann", "resp_1") == VALUE


def test_forgetting(opener: Opener) -> None:
    store = opener()
    store.write("ann", "resp_1", VALUE)
    store.forget("ann", "resp_1")
    store.forget("ann", "resp_1")
    assert store.recall("ann", "resp_1") is None


def test_the_last_value_counts(opener: Opener) -> None:
    store = opener()
    store.write("ann", "resp_1", VALUE)
    store.write("ann", "resp_1", {"a": 1})
    assert opener().recall("ann", "resp_1") == {"a": 1}


def test_a_big_value(opener: Opener) -> None:
    big = {"text": "x" * 3_000_000}
    opener().write("ann", "resp_big", big)
    assert opener().recall("ann", "resp_big") == big


def test_a_value_that_is_too_big(opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_VALUE_BYTES", 100)
    huge = {"text": "x" * 100}
    with pytest.raises(InternalError) as caught:
        opener().write("ann", "resp_huge", huge)
    assert not caught.value.retryable and "xxx" not in caught.value.message


def test_time_runs_out(opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEEP_SECONDS", 1)
    opener().write("ann", "resp_old", VALUE)
    assert opener().recall("ann", "resp_old") == VALUE
    time.sleep(2.1)
    assert opener().recall("ann", "resp_old") is None


class Trap:
    """What an intruder would write: unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return (open, (str(self._path), "w"))


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    store = Store(Settings(state_dir=str(tmp_path / "state")))
    store.write("ann", "resp_1", VALUE)
    [file] = (tmp_path / "state" / "kept").iterdir()
    file.write_bytes(file.read_bytes()[:8] + pickle.dumps(Trap(tmp_path / "sprung")))
    assert store.recall("ann", "resp_1") is None
    assert not (tmp_path / "sprung").exists()


def test_nothing_of_redis_is_unpickled(redis_url: str, tmp_path: Path) -> None:
    store = Store(Settings(state_url=redis_url))
    store.write("ann", "resp_1", VALUE)
    with redis.Redis.from_url(redis_url) as client:
        for key in client.keys("poegate:*"):
            client.set(key, b"!" + pickle.dumps(Trap(tmp_path / "sprung")))
    assert store.recall("ann", "resp_1") is None
    assert not (tmp_path / "sprung").exists()


def test_redis_forgets_by_itself(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
        Store(Settings(state_url=redis_url)).write("ann", "resp_1", VALUE)
        Store(Settings(state_url=redis_url)).change("ann", "resp_2", lambda old: {"a": 1})
        lives: Any = [client.ttl(key) for key in client.scan_iter("poegate:*")]
    assert len(lives) == 2 and all(0 < life <= module.KEEP_SECONDS for life in lives)


@pytest.mark.parametrize(
    "settings",
    [
        Settings(state_dir="/proc/no/such/place"),
        Settings(state_url="redis://:secret@127.0.0.1:1/0"),
    ],
)
def test_a_store_that_cannot_be_reached(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(settings)
    asks: list[Callable[[], object]] = [
        lambda: store.write("ann", "resp_1", VALUE),
        lambda: store.recall("ann", "resp_1"),
        lambda: store.forget("ann", "resp_1"),
        lambda: store.change("ann", "resp_1", lambda old: VALUE),
    ]
    for ask in asks:
        with pytest.raises(InternalError) as caught:
            ask()
        assert caught.value.retryable and "secret" not in caught.value.message
    assert not store.is_usable()


def test_a_change(opener: Opener) -> None:
    store = opener()
    store.forget("ann", "index")
    assert store.change("ann", "index", lambda old: {"was": old}) == {"was": None}
    assert store.change("ann", "index", lambda old: {"was": old}) == {"was": {"was": None}}
    assert store.change("ann", "index", lambda old: None) is None
    assert opener().recall("ann", "index") == {"was": {"was": None}}


def test_changes_side_by_side_are_all_kept(opener: Opener) -> None:
    opener().forget("ann", "index")

    def add(number: int) -> None:
        opener().change("ann", "index", lambda old: {"ids": [*(old or {"ids": []})["ids"], number]})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(60)))
    kept = opener().recall("ann", "index")
    assert kept is not None and sorted(kept["ids"]) == list(range(60))


def test_a_change_brings_back_nothing_that_is_forgotten_meanwhile(
    opener: Opener,
) -> None:
    store = opener()
    store.write("ann", "resp_1", {"a": 1})
    with ThreadPoolExecutor(1) as pool:
        seen: list[Any] = []

        def change(old: dict[str, Any] | None) -> dict[str, Any] | None:
            if not seen:
                seen.append(pool.submit(opener().forget, "ann", "resp_1"))
                time.sleep(0.2)
            return old and {"a": 2}

        store.change("ann", "resp_1", change)
    assert opener().recall("ann", "resp_1") is None


def test_a_worker_that_is_killed_in_the_midst_of_a_change(
    opener: Opener, settings: Settings
) -> None:
    """It leaves nothing behind that others would have to wait for."""
    opener().write("ann", "index", {"a": 1})
    program = (
        "import sys, time; from app.config import Settings; from app.state.store import Store\n"
        "def change(old):\n"
        "    print('reading', flush=True)\n"
        "    time.sleep(60)\n"
        "store = Store(Settings(state_dir=sys.argv[1], state_url=sys.argv[2] or None))\n"
        "store.change('ann', 'index', change)\n"
    )
    command = [sys.executable, "-c", program, settings.state_dir, settings.state_url or ""]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as worker:
        assert worker.stdout and worker.stdout.readline() == b"reading\n"
        os.kill(worker.pid, signal.SIGKILL)
    begun = time.monotonic()
    assert opener().change("ann", "index", lambda old: {**(old or {}), "b": 2}) == {"a": 1, "b": 2}
    assert time.monotonic() - begun < 1


def test_workers_that_write_at_once_leave_a_whole_value(tmp_path: Path) -> None:
    """Each writer replaces the file in one step: a reader never sees half of it."""
    program = (
        "import sys; from app.config import Settings; from app.state.store import Store\n"
        "store = Store(Settings(state_dir=sys.argv[1]))\n"
        "for number in range(50):\n"
        "    store.write('ann', 'resp_1', {'text': sys.argv[2] * 50_000})\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    writers = [subprocess.Popen([*command, letter]) for letter in "ab"]
    store = Store(Settings(state_dir=str(tmp_path)))
    seen = set()
    while any(writer.poll() is None for writer in writers):
        value = store.recall("ann", "resp_1")
        seen.add(json.dumps(value)[:12])
    assert [writer.wait() for writer in writers] == [0, 0]
    value = store.recall("ann", "resp_1")
    assert value is not None and len(set(value["text"])) == 1 and len(value["text"]) == 50_000
    assert seen <= {"null", '{"text": "aa', '{"text": "bb'}


def test_what_a_redis_may_lose_is_warned_of(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The tests' Redis writes nothing to a disk."""
    store = Store(Settings(state_url=redis_url))
    store.warn_of_risks()
    assert ["appendonly yes" in record.message for record in caplog.records] == [True]
    with redis.Redis.from_url(redis_url) as client:
        client.config_set("save", "3600 1")
        client.config_set("maxmemory-policy", "allkeys-lru")
        caplog.clear()
        store.warn_of_risks()
        client.config_set("maxmemory-policy", "noeviction")
    assert ["allkeys-lru" in record.message for record in caplog.records] == [True]


def test_a_folder_and_a_redis_that_is_away_are_no_risk(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Store(Settings(state_dir=str(tmp_path))).warn_of_risks()
    Store(Settings(state_url="redis://127.0.0.1:9")).warn_of_risks()
    assert caplog.records == []

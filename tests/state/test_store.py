"""What is kept between requests: in files, and in a real Redis."""

import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

from app.config import Settings
from app.errors import InternalError, Unavailable
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
    [file] = (tmp_path / "state" / "kept").glob("*/*")
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
    assert len(lives) == 4 and all(0 < life <= module.KEEP_SECONDS for life in lives)


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
        with pytest.raises(Unavailable) as caught:
            ask()
        assert caught.value.retryable and "secret" not in caught.value.message
    assert not store.is_usable()


def opened(settings: Settings, megabytes: float) -> Store:
    return Store(replace(settings, state_mb_per_owner=megabytes))


def kept_of(store: Store, owner: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if store.recall(owner, name) is not None]


def swept(store: Store, owner: str, names: Sequence[str], left: list[str]) -> bool:
    """Files are swept a moment after they are written."""
    deadline = time.monotonic() + 5
    while kept_of(store, owner, names) != left and time.monotonic() < deadline:
        time.sleep(0.02)
    return kept_of(store, owner, names) == left


TENTH = {"text": "x" * 100_000}


def test_an_owner_loses_its_own_oldest_alone(settings: Settings) -> None:
    store = opened(replace(settings, stored_tokens=True), 1.0)
    store.write("bob", "resp_0", TENTH)
    names = [f"resp_{number}" for number in range(30)]
    for name in names:
        store.write("ann", name, TENTH)
    deadline = time.monotonic() + 5
    while len(kept_of(store, "ann", names)) > 14 and time.monotonic() < deadline:
        time.sleep(0.02)
    left = kept_of(store, "ann", names)
    assert 9 <= len(left) <= 14 and left == names[-len(left) :]
    assert store.recall("bob", "resp_0") == TENTH


def test_what_needs_each_other_goes_together(settings: Settings) -> None:
    """A conversation that is used is as new as its last use, from its beginning on."""
    store = opened(replace(settings, stored_tokens=True), 1.0)
    store.write("ann", "a", TENTH)
    store.write("ann", "b", TENTH, after="a")
    store.write("ann", "between", TENTH)
    store.renew("ann", ["a", "b"])
    store.change("ann", "c", lambda old: TENTH, after="b")
    names = ["a", "b", "c", "between"]
    store.write("ann", "large", {"text": "x" * 650_000})
    assert swept(store, "ann", names, ["a", "b", "c"])
    store.write("ann", "larger", {"text": "x" * 500_000})
    assert swept(store, "ann", names, [])
    assert kept_of(store, "ann", ["large", "larger"]) == ["larger"]


def test_what_is_forgotten_does_not_count(settings: Settings) -> None:
    store = opened(replace(settings, stored_tokens=True), 1.0)
    store.write("ann", "resp_0", TENTH)
    for _ in range(20):
        store.write("ann", "resp_1", TENTH)
        store.write("ann", "resp_2", TENTH)
        store.forget("ann", "resp_2")
    time.sleep(0.2)
    assert kept_of(store, "ann", ["resp_0", "resp_1", "resp_2"]) == ["resp_0", "resp_1"]


def test_made_up_keys_share_one_quota(settings: Settings) -> None:
    store = opened(settings, 1.0)
    store.accept("ann")
    store.write("ann", "resp_0", TENTH)
    store.write("bob", "resp_0", TENTH)
    store.accept("bob")
    store.change("bob", "resp_0", lambda old: old)  # from here on it counts to him
    for number in range(30):
        store.write(f"made-up-{number}", "resp_0", TENTH)
    assert swept(store, "made-up-0", ["resp_0"], [])
    assert store.recall("ann", "resp_0") == store.recall("bob", "resp_0") == TENTH
    assert store.recall("made-up-29", "resp_0") == TENTH


def test_what_was_written_for_a_made_up_key_is_found_once_it_is_accepted(
    opener: Opener,
) -> None:
    """And by other workers, which have not heard of that."""
    store = opener()
    store.forget("cid", "resp_1")
    store.write("cid", "resp_1", {"a": 1})
    store.accept("cid")
    assert store.recall("cid", "resp_1") == {"a": 1}
    store.write("cid", "resp_1", {"a": 2})
    assert store.recall("cid", "resp_1") == opener().recall("cid", "resp_1") == {"a": 2}
    opener().forget("cid", "resp_1")
    assert store.recall("cid", "resp_1") is None


def test_what_a_newer_release_writes(opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        newer.setattr(module, "RECORD_VERSION", 2)
        opener().write("ann", "resp_1", VALUE)
        assert opener().recall("ann", "resp_1") == VALUE
    asks: list[Callable[[], object]] = [
        lambda: opener().recall("ann", "resp_1"),
        lambda: opener().change("ann", "resp_1", lambda old: old),
    ]
    for ask in asks:
        with pytest.raises(Unavailable, match="newer release"):
            ask()
    opener().forget("ann", "resp_1")


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
    assert time.monotonic() - begun < 5


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


def test_a_redis_that_hangs_is_waited_for_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = Store(Settings(state_url=f"redis://127.0.0.1:{silent.getsockname()[1]}"))
        waits = []
        for _ in range(5):
            begun = time.monotonic()
            with pytest.raises(Unavailable) as caught:
                store.recall("ann", "resp_1")
            waits.append(time.monotonic() - begun)
            assert caught.value.retry_after
    assert waits[0] > 1 and max(waits[1:]) < 0.1, waits

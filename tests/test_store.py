"""What is kept between requests: in files, and in a real Redis."""

import fcntl
import json
import os
import pickle
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis

from app import store as module
from app.config import Settings
from app.errors import InternalError
from app.store import Store, sweep
from tests.redis_server import running_redis

VALUE = {"text": "snow \u2603 and \ud83d alone", "deep": [{"a": None}]}

Opener = Callable[[], Store]


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(params=["files", "redis"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens the same store again and again, as each worker does."""
    if request.param == "files":
        return lambda: Store(Settings(state_dir=str(tmp_path / "state")))
    url = request.getfixturevalue("redis_url")
    return lambda: Store(Settings(state_url=url))


def test_it_works(opener: Opener) -> None:
    opener().keep("ann", "resp_1", VALUE)
    assert opener().recall("ann", "resp_1") == VALUE
    assert opener().recall("ann", "resp_2") is None


def test_nobody_else_finds_it(opener: Opener) -> None:
    opener().keep("ann", "resp_1", VALUE)
    assert opener().recall("bob", "resp_1") is None
    opener().forget("bob", "resp_1")
    assert opener().recall("ann", "resp_1") == VALUE


def test_forgetting(opener: Opener) -> None:
    store = opener()
    store.keep("ann", "resp_1", VALUE)
    store.forget("ann", "resp_1")
    store.forget("ann", "resp_1")
    assert store.recall("ann", "resp_1") is None


def test_the_last_value_counts(opener: Opener) -> None:
    store = opener()
    store.keep("ann", "resp_1", VALUE)
    store.keep("ann", "resp_1", {"a": 1})
    assert opener().recall("ann", "resp_1") == {"a": 1}


def test_a_big_value(opener: Opener) -> None:
    big = {"text": "x" * 3_000_000}
    opener().keep("ann", "resp_big", big)
    assert opener().recall("ann", "resp_big") == big


def test_a_value_that_is_too_big(
    opener: Opener, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MOST_VALUE_BYTES", 100)
    opener().keep("ann", "resp_huge", {"text": "x" * 100})
    assert opener().recall("ann", "resp_huge") is None
    assert "resp_huge" in caplog.text and "xxx" not in caplog.text


def test_time_runs_out(opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEEP_SECONDS", 1)
    opener().keep("ann", "resp_old", VALUE)
    assert opener().recall("ann", "resp_old") == VALUE
    time.sleep(2.1)
    assert opener().recall("ann", "resp_old") is None


def test_nothing_is_opened_before_it_is_used(tmp_path: Path) -> None:
    Store(Settings(state_dir=str(tmp_path / "state")))
    assert not (tmp_path / "state").exists()


def test_files_are_the_gateways_alone(tmp_path: Path) -> None:
    Store(Settings(state_dir=str(tmp_path / "state"))).keep("ann", "resp_1", VALUE)
    [file] = (tmp_path / "state" / "kept").iterdir()
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (file, *file.parents[:2])]
    assert modes == [0o600, 0o700, 0o700]
    assert "ann" not in file.name and "resp_1" not in file.name


def test_a_folder_that_others_can_read_is_closed(tmp_path: Path) -> None:
    """systemd's StateDirectory is made before the gateway starts; ours lies within it."""
    (tmp_path / "kept").mkdir(mode=0o755)
    Store(Settings(state_dir=str(tmp_path))).keep("ann", "resp_1", VALUE)
    assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o700


class Trap:
    """What an intruder would write: unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return (open, (str(self._path), "w"))


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    store = Store(Settings(state_dir=str(tmp_path / "state")))
    store.keep("ann", "resp_1", VALUE)
    [file] = (tmp_path / "state" / "kept").iterdir()
    file.write_bytes(file.read_bytes()[:4] + pickle.dumps(Trap(tmp_path / "sprung")))
    assert store.recall("ann", "resp_1") is None
    assert not (tmp_path / "sprung").exists()


def test_nothing_of_redis_is_unpickled(redis_url: str, tmp_path: Path) -> None:
    store = Store(Settings(state_url=redis_url))
    store.keep("ann", "resp_1", VALUE)
    with redis.Redis.from_url(redis_url) as client:
        for key in client.keys("poegate:*"):  # type: ignore[union-attr]
            client.set(key, b"!" + pickle.dumps(Trap(tmp_path / "sprung")))
    assert store.recall("ann", "resp_1") is None
    assert not (tmp_path / "sprung").exists()


def test_redis_forgets_by_itself(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
        Store(Settings(state_url=redis_url)).keep("ann", "resp_1", VALUE)
        lives: Any = [client.ttl(key) for key in client.scan_iter("poegate:*")]
    assert lives and all(0 < life <= module.KEEP_SECONDS for life in lives)


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
    """The answer is given; only what asks for what was kept fails."""
    store = Store(settings)
    store.keep("ann", "resp_1", VALUE)
    assert "resp_1" in caplog.text and "secret" not in caplog.text
    with pytest.raises(InternalError):
        store.recall("ann", "resp_1")
    with pytest.raises(InternalError):
        store.forget("ann", "resp_1")


def test_a_full_disk_costs_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(Settings(state_dir=str(tmp_path)))
    store.keep("ann", "resp_1", VALUE)

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    store.keep("ann", "resp_2", VALUE)
    assert store.recall("ann", "resp_2") is None
    assert "resp_2" in caplog.text


def written(folder: Path, name: str, size: int, age: float = 0.0) -> Path:
    path = folder / name
    path.write_bytes(b"x" * size)
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_sweeping(tmp_path: Path) -> None:
    """What is too old goes, whatever the room; then the oldest until there is room."""
    for age in range(5):
        written(tmp_path, f"file-{age}", 10, age * 10)
    written(tmp_path, "left-over.__wz_cache", 10, module.KEEP_SECONDS + 1)
    sweep(tmp_path)
    assert len(list(tmp_path.iterdir())) == 5
    sweep(tmp_path, most_bytes=35)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file-0", "file-1", "file-2"]
    sweep(tmp_path, most_files=1)
    assert [path.name for path in tmp_path.iterdir()] == ["file-0"]


def test_it_sweeps_as_it_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    old = written(folder, "old", 10, module.KEEP_SECONDS + 1)
    Store(Settings(state_dir=str(tmp_path))).keep("ann", "resp_1", VALUE)
    deadline = time.monotonic() + 5
    while old.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not old.exists()


def test_workers_that_write_at_once_leave_a_whole_value(tmp_path: Path) -> None:
    """Each writer replaces the file in one step: a reader never sees half of it."""
    program = (
        "import sys; from app.config import Settings; from app.store import Store\n"
        "store = Store(Settings(state_dir=sys.argv[1]))\n"
        "for number in range(50):\n"
        "    store.keep('ann', 'resp_1', {'text': sys.argv[2] * 50_000})\n"
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


def test_changes_side_by_side_are_all_kept(opener: Opener) -> None:
    def add(number: int) -> None:
        opener().change("ann", "index", lambda old: {"ids": [*(old or {"ids": []})["ids"], number]})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(60)))
    kept = opener().recall("ann", "index")
    assert kept is not None and sorted(kept["ids"]) == list(range(60))


def test_a_change_that_cannot_be_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOCK_SECONDS", 0.1)
    store = Store(Settings(state_dir=str(tmp_path / "state")))
    store.keep("ann", "index", {"ids": []})
    with open(tmp_path / "state" / "lock", "ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(InternalError):
            store.change("ann", "index", lambda old: {"ids": [1]})
    store.change("ann", "index", lambda old: {"ids": [1]})
    assert store.recall("ann", "index") == {"ids": [1]}

"""What is particular to files: whose they are, what is swept away, and what the system refuses."""

import fcntl
import json
import os
import resource
import stat
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from app.config import Settings
from app.errors import Unavailable
from app.state import files as module
from app.state.files import sweep
from app.state.store import KEEP_SECONDS, Store

VALUE = {"text": "snow"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Settings(state_dir=str(tmp_path / "state")))


def test_nothing_is_opened_before_it_is_used(store: Store, tmp_path: Path) -> None:
    assert not (tmp_path / "state").exists()


def test_files_are_the_gateways_alone(store: Store, tmp_path: Path) -> None:
    store.write("ann", "resp_1", VALUE)
    [link] = (tmp_path / "state" / "kept").glob("*/*")
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (link, *link.parents[:3])]
    assert modes == [0o600, 0o700, 0o700, 0o700]
    assert "ann" not in str(link) and "resp_1" not in str(link)


def test_a_folder_that_others_can_read_is_closed(tmp_path: Path) -> None:
    """systemd's StateDirectory is made before the gateway starts; ours lies within it."""
    (tmp_path / "kept").mkdir(mode=0o755)
    Store(Settings(state_dir=str(tmp_path))).write("ann", "resp_1", VALUE)
    assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o700


def test_a_full_disk_is_told(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write("ann", "resp_1", VALUE)

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "replace", fail)
        writes: list[Callable[[], object]] = [
            lambda: store.write("ann", "resp_3", VALUE),
            lambda: store.change("ann", "resp_1", lambda old: {"a": 1}),
        ]
        for write in writes:
            with pytest.raises(Unavailable):
                write()
    assert [store.recall("ann", f"resp_{number}") for number in (1, 2, 3)] == [VALUE, None, None]
    kept = tmp_path / "state" / "kept"
    assert len(list(kept.iterdir())) == 2 and len(list(kept.glob("*/*"))) == 1, "of one owner"


@contextmanager
def no_more_files() -> Iterator[None]:
    """This process can open no other file."""
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)


def test_what_cannot_be_read_is_not_taken_for_gone(store: Store) -> None:
    store.write("ann", "index", VALUE)
    changes: list[Any] = []
    asks: list[Callable[[], object]] = [
        lambda: store.recall("ann", "index"),
        lambda: store.forget("ann", "index"),
        lambda: store.change("ann", "index", changes.append),
    ]
    with no_more_files():
        for ask in asks:
            with pytest.raises(Unavailable):
                ask()
    assert not changes and store.recall("ann", "index") == VALUE


def test_a_folder_in_place_of_a_file(store: Store, tmp_path: Path) -> None:
    """Also what a file system itself refuses is told, and never deletes anything else."""
    store.write("ann", "resp_1", VALUE)
    [file] = (path for path in (tmp_path / "state" / "kept").iterdir() if path.is_file())
    file.unlink()
    file.mkdir()
    changes: list[Any] = []
    asks: list[Callable[[], object]] = [
        lambda: store.recall("ann", "resp_1"),
        lambda: store.forget("ann", "resp_1"),
        lambda: store.write("ann", "resp_1", VALUE),
        lambda: store.change("ann", "resp_1", changes.append),
    ]
    for ask in asks:
        with pytest.raises(Unavailable):
            ask()
    assert not changes


@pytest.mark.parametrize("size", [0, 5, 12])
def test_half_a_file_is_as_none(store: Store, tmp_path: Path, size: int) -> None:
    """As after a power failure; and a new value takes its place."""
    store.write("ann", "resp_1", VALUE)
    [file] = (tmp_path / "state" / "kept").glob("*/*")
    os.truncate(file, size)
    assert store.recall("ann", "resp_1") is None
    assert store.change("ann", "resp_1", lambda old: {"was": old}) == {"was": None}


def test_a_lock_that_another_process_holds(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.1)
    store.write("ann", "index", {"ids": []})
    with open(tmp_path / "state" / "lock", "ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Unavailable):
            store.change("ann", "index", lambda old: {"ids": [1]})
    store.change("ann", "index", lambda old: {"ids": [1]})
    assert store.recall("ann", "index") == {"ids": [1]}


def owned(folder: Path, owner: str, name: str, size: int, age: float = 0.0) -> None:
    (folder / owner).mkdir(exist_ok=True)
    os.link(written(folder, name, size, age), folder / owner / name)


def written(folder: Path, name: str, size: int, age: float = 0.0) -> Path:
    path = folder / name
    path.write_bytes(b"x" * size)
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_sweeping(tmp_path: Path) -> None:
    """What is too old goes, whatever the room; then the oldest until there is room."""
    for age in range(5):
        written(tmp_path, f"file-{age}", 10, age * 10)
    written(tmp_path, "left-over.new", 10, 101)
    sweep(tmp_path, 100, 1_000)
    assert len(list(tmp_path.iterdir())) == 5
    sweep(tmp_path, 100, 1_000, most_bytes=35)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file-0", "file-1", "file-2"]
    sweep(tmp_path, 100, 1_000, most_files=1)
    assert [path.name for path in tmp_path.iterdir()] == ["file-0"]


def test_whoever_takes_most_loses_first(tmp_path: Path) -> None:
    for owner, count in (("ann", 2), ("bob", 6)):
        for age in range(count):
            owned(tmp_path, owner, f"{owner}-{age}", 10, 50 if owner == "ann" else age)

    def names() -> list[str]:
        found = sorted(path.name for path in tmp_path.iterdir() if path.is_file())
        assert found == sorted(path.name for path in tmp_path.glob("*/*"))
        return found

    sweep(tmp_path, 100, 1_000, most_bytes=50)
    assert names() == ["ann-0", "ann-1", "bob-0", "bob-1", "bob-2"]
    sweep(tmp_path, 100, 25)
    assert names() == ["ann-0", "ann-1", "bob-0", "bob-1"]


def test_it_sweeps_as_it_writes(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    old = written(folder, "old", 10, KEEP_SECONDS + 1)
    Store(Settings(state_dir=str(tmp_path))).write("ann", "resp_1", VALUE)
    deadline = time.monotonic() + 5
    while old.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not old.exists()


def test_what_release_0_1_has_kept_is_found_and_the_way_back_loses_nothing(
    store: Store, tmp_path: Path
) -> None:
    """It has all in one folder, under these names, after a header of four bytes."""
    kept = tmp_path / "state" / "kept"
    kept.mkdir(parents=True)
    file = kept / sha256(sha256(b"ann:resp_1").hexdigest().encode()).hexdigest()
    head = struct.pack("I", int(time.time()) + KEEP_SECONDS)
    file.write_bytes(head + json.dumps(VALUE).encode())
    assert store.recall("ann", "resp_1") == VALUE
    store.change("ann", "resp_1", lambda old: {**(old or {}), "more": 1})
    expiry, value = file.read_bytes()[:4], json.loads(file.read_bytes()[4:])
    assert abs(struct.unpack("I", expiry)[0] - time.time() - KEEP_SECONDS) < 10
    assert value.items() >= {**VALUE, "more": 1}.items()

    (kept / "new").write_bytes(head + b'{"by": "0.1"}')  # as it writes over what is there
    os.replace(kept / "new", file)
    assert store.recall("ann", "resp_1") == {"by": "0.1"}
    assert len([*kept.glob("*/*")]) == 1
    sweep(kept, KEEP_SECONDS, 1_000)
    assert not [*kept.glob("*/*")] and file.exists(), "it counts to nobody until it is written anew"

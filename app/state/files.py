"""Bytes by key in files, one a value, so that several workers may write at once.

A file is written under a temporary name and renamed. The folder is swept down to MAX_BYTES and
MAX_FILES.
"""

import fcntl
import os
import struct
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import IO

import gevent

MAX_BYTES = 1_000_000_000
MAX_FILES = 200_000
SWEEP_BYTES = 64_000_000
"""A worker sweeps before its first file, and again after writing this much."""
LOCK_SECONDS = 5
_OFF_HUB_BYTES = 256_000
"""Smaller values are written faster than a native thread gets the interpreter's lock."""
_EXPIRY = struct.Struct("I")
"""The header of a file: when its value expires, in seconds since the epoch."""


class Files:
    """Reading, writing and deleting raise OSError; None means only that there is no value."""

    def __init__(self, state_dir: Path, keep_seconds: int) -> None:
        os.makedirs(state_dir, mode=0o700, exist_ok=True)
        self._folder = state_dir / "kept"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._folder.chmod(0o700)
        self._keep_seconds = keep_seconds
        self._unswept = SWEEP_BYTES
        self._lock = state_dir / "lock"

    def read(self, key: str) -> bytes | None:
        try:
            data = self._path(key).read_bytes()
        except FileNotFoundError:
            return None
        head, value = data[: _EXPIRY.size], data[_EXPIRY.size :]
        if len(head) < _EXPIRY.size or _EXPIRY.unpack(head)[0] < time.time():
            return None
        return value

    def write(self, key: str, data: bytes) -> None:
        self._sweep_after(len(data))
        if len(data) > _OFF_HUB_BYTES:
            # In a native thread, so that no other request waits for a slow disk.
            gevent.get_hub().threadpool.apply(self._replace, (key, data))
        else:
            self._replace(key, data)

    def delete(self, key: str) -> None:
        with self._locked(), suppress(FileNotFoundError):
            self._path(key).unlink()

    def check(self, key: str) -> None:
        gevent.get_hub().threadpool.apply(self._replace, (key, b"{}"))

    def risks(self) -> list[str]:
        return []

    def change(self, key: str, change: Callable[[bytes | None], bytes | None]) -> None:
        with self._locked():
            changed = change(self.read(key))
            if changed is not None:
                self.write(key, changed)

    def _path(self, key: str) -> Path:
        return self._folder / sha256(key.encode()).hexdigest()

    def _replace(self, key: str, data: bytes) -> None:
        temporary = self._folder / f"{uuid.uuid4().hex}.new"
        try:
            with open(temporary, "xb", opener=_open_private) as file:
                file.write(_EXPIRY.pack(int(time.time()) + self._keep_seconds) + data)
            os.replace(temporary, self._path(key))
        except OSError:
            with suppress(OSError):
                temporary.unlink()
            raise

    def _sweep_after(self, size: int) -> None:
        self._unswept += size
        if self._unswept >= SWEEP_BYTES:
            self._unswept = 0
            gevent.get_hub().threadpool.spawn(sweep, self._folder, self._keep_seconds)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Locks out other workers and greenlets. Polls, because a blocking wait would block the
        hub.

        The system releases the lock of a process that ends.
        """
        with open(self._lock, "ab", opener=_open_private) as file:
            until = time.monotonic() + LOCK_SECONDS
            while not _try_lock(file):
                if time.monotonic() > until:
                    raise OSError("its lock is held by another process")
                gevent.sleep(0.002)
            yield


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _try_lock(file: IO[bytes]) -> bool:
    """Closing the file unlocks it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def sweep(
    folder: Path, keep_seconds: int, most_bytes: int = MAX_BYTES, most_files: int = MAX_FILES
) -> None:
    """Removes expired files, then the oldest ones until the folder is within its bounds."""
    found = sorted(_files_in(folder))
    size, count = sum(file[1] for file in found), len(found)
    for written, own, path in found:
        if written > time.time() - keep_seconds and size <= most_bytes and count <= most_files:
            break
        with suppress(OSError):  # another worker sweeps too
            os.remove(path)
        size, count = size - own, count - 1


def _files_in(folder: Path) -> list[tuple[float, int, str]]:
    """When each file was written, its bytes, its path."""
    files = []
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):  # renamed or removed since it was listed
                facts = entry.stat(follow_symlinks=False)
                files.append((facts.st_mtime, facts.st_size, entry.path))
    return files
